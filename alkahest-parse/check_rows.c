/*
 * Room: parse. The opcode table as check_fast reads it: for each byte a way and a signature. In:
 * wasm_ops.def. Out: constants. Must leave to CHECK_SLOW whatever the loop does not know.
 */
#include "check_rows.h"

/* What signatures contribute, as constants. The address type A counts as i32 here. */
enum check_sig_facts {
#define CHECK_TYPE_N 0
#define CHECK_TYPE_I ALKA_SIG_TYPE_I
#define CHECK_TYPE_L ALKA_SIG_TYPE_L
#define CHECK_TYPE_F ALKA_SIG_TYPE_F
#define CHECK_TYPE_D ALKA_SIG_TYPE_D
#define CHECK_TYPE_V ALKA_SIG_TYPE_V
#define CHECK_TYPE_A ALKA_SIG_TYPE_I
#define SIG(id, pops, first, second, third, pushes, result)                                      \
    CHECK_POPS_##id = pops, CHECK_PUSHES_##id = pushes, CHECK_RESULT_##id = CHECK_TYPE_##result, \
    CHECK_TOP_##id = (pops) == 2 ? CHECK_TYPE_##second : CHECK_TYPE_##first,                     \
    CHECK_BELOW_##id = (pops) == 2 ? CHECK_TYPE_##first : 0,
#include <alkahest/op_kinds.def>
};

#define CHECK_SPECIAL_WAY(op)                              \
    ((op) == ALKA_OP_LOCAL_GET       ? CHECK_LOCAL_GET     \
     : (op) == ALKA_OP_LOCAL_SET     ? CHECK_LOCAL_SET     \
     : (op) == ALKA_OP_LOCAL_TEE     ? CHECK_LOCAL_TEE     \
     : (op) == ALKA_OP_GLOBAL_GET    ? CHECK_GLOBAL_GET    \
     : (op) == ALKA_OP_GLOBAL_SET    ? CHECK_GLOBAL_SET    \
     : (op) == ALKA_OP_DROP          ? CHECK_DROP          \
     : (op) == ALKA_OP_SELECT        ? CHECK_SELECT        \
     : (op) == ALKA_OP_BLOCK         ? CHECK_ENTER         \
     : (op) == ALKA_OP_LOOP          ? CHECK_ENTER         \
     : (op) == ALKA_OP_IF            ? CHECK_ENTER         \
     : (op) == ALKA_OP_ELSE          ? CHECK_ELSE          \
     : (op) == ALKA_OP_END           ? CHECK_END           \
     : (op) == ALKA_OP_BR            ? CHECK_BR            \
     : (op) == ALKA_OP_BR_IF         ? CHECK_BR_IF         \
     : (op) == ALKA_OP_RETURN        ? CHECK_RETURN        \
     : (op) == ALKA_OP_CALL          ? CHECK_CALL          \
     : (op) == ALKA_OP_CALL_INDIRECT ? CHECK_CALL_INDIRECT \
                                     : CHECK_SLOW)
/* `grows`: pushes more than it pops, which check_fast expects of constants alone. */
#define CHECK_FIXED_WAY(imm, grows)                                          \
    ((imm) == ALKA_IMM_I32 || (imm) == ALKA_IMM_I64       ? CHECK_CONST_LEB  \
     : (imm) == ALKA_IMM_F32 || (imm) == ALKA_IMM_F64     ? CHECK_CONST_BITS \
     : (grows)                                            ? CHECK_SLOW       \
     : (imm) == ALKA_IMM_NONE                             ? CHECK_PLAIN      \
     : (imm) >= ALKA_IMM_MEM8 && (imm) <= ALKA_IMM_MEM128 ? CHECK_ACCESS     \
                                                          : CHECK_SLOW)
#define CHECK_WAY(op, imm, sig, grows, feature)                 \
    ((feature) == ALKA_FEATURE_SIGN_EXT ? CHECK_EXTEND          \
     : (feature) != ALKA_FEATURE_MVP    ? CHECK_SLOW            \
     : (sig) == ALKA_SIG_SPECIAL        ? CHECK_SPECIAL_WAY(op) \
                                        : CHECK_FIXED_WAY(imm, grows))
#define CHECK_IMMEDIATE(imm)                                                    \
    ((imm) == ALKA_IMM_I32                                ? 5                   \
     : (imm) == ALKA_IMM_I64                              ? 10                  \
     : (imm) == ALKA_IMM_F32                              ? 4                   \
     : (imm) == ALKA_IMM_F64                              ? 8                   \
     : (imm) >= ALKA_IMM_MEM8 && (imm) <= ALKA_IMM_MEM128 ? (imm)-ALKA_IMM_MEM8 \
                                                          : 0)

const struct check_row check_rows[256] = {
#define CHECK_ROW_00(id, code, imm, sig, feature)                                       \
    [code] = {CHECK_TOP_##sig,                                                          \
              CHECK_BELOW_##sig,                                                        \
              CHECK_POPS_##sig >= 1 ? UINT32_MAX : 0,                                   \
              CHECK_POPS_##sig >= 2 ? UINT32_MAX : 0,                                   \
              CHECK_WAY(ALKA_OP_##id, ALKA_IMM_##imm, ALKA_SIG_##sig,                   \
                        CHECK_PUSHES_##sig > CHECK_POPS_##sig, ALKA_FEATURE_##feature), \
              CHECK_POPS_##sig,                                                         \
              CHECK_PUSHES_##sig,                                                       \
              CHECK_RESULT_##sig,                                                       \
              (uint8_t)CHECK_IMMEDIATE(ALKA_IMM_##imm)},
#define CHECK_ROW_FB(...)
#define CHECK_ROW_FC(...)
#define CHECK_ROW_FD(...)
#define CHECK_ROW_FE(...)
#define OP(id, text, prefix, code, imm, sig, feature) \
    CHECK_ROW_##prefix(id, code, imm, sig, feature)
#include <alkahest/wasm_ops.def>
};
