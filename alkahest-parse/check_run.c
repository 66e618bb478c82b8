/*
 * Room: parse. The validator's loop over bodies. check_fast handles the common instructions in
 * their common form, with cursor and stack pointer in registers; what it does not recognize, be it
 * rare or wrong, it leaves to check_step, which reads the instruction again from its first byte,
 * knows all cases, and alone reports failures. In: bodies. Out: their summaries, or the first
 * failure. Must never accept what check_step would refuse.
 */
#include <alkahest/parse.h>

#include "check.h"

/* How the loop may handle a one-byte opcode. Opcodes without a row read as CHECK_SLOW. */
enum check_way {
    CHECK_SLOW,
    CHECK_PLAIN,      /* no immediates */
    CHECK_CONST_LEB,  /* signed LEB128 */
    CHECK_CONST_BITS, /* as many bytes as the type has */
    CHECK_ACCESS,     /* memarg */
    CHECK_LOCAL_GET,
    CHECK_LOCAL_SET,
    CHECK_LOCAL_TEE,
};

struct check_row {
    alka_valtype top, below;       /* the two topmost operands; 0 if there are fewer */
    uint32_t top_mask, below_mask; /* 0 if there are fewer */
    uint8_t way;
    uint8_t pops, pushes, result;
    uint8_t immediate; /* CONST_LEB: most bytes; CONST_BITS: bytes; ACCESS: log2 of the width */
} __attribute__((aligned(32)));

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

#define CHECK_SPECIAL_WAY(op)                      \
    ((op) == ALKA_OP_LOCAL_GET   ? CHECK_LOCAL_GET \
     : (op) == ALKA_OP_LOCAL_SET ? CHECK_LOCAL_SET \
     : (op) == ALKA_OP_LOCAL_TEE ? CHECK_LOCAL_TEE \
                                 : CHECK_SLOW)
#define CHECK_FIXED_WAY(imm)                                                 \
    ((imm) == ALKA_IMM_NONE                               ? CHECK_PLAIN      \
     : (imm) == ALKA_IMM_I32 || (imm) == ALKA_IMM_I64     ? CHECK_CONST_LEB  \
     : (imm) == ALKA_IMM_F32 || (imm) == ALKA_IMM_F64     ? CHECK_CONST_BITS \
     : (imm) >= ALKA_IMM_MEM8 && (imm) <= ALKA_IMM_MEM128 ? CHECK_ACCESS     \
                                                          : CHECK_SLOW)
#define CHECK_WAY(op, imm, sig, feature)                   \
    ((feature) != ALKA_FEATURE_MVP ? CHECK_SLOW            \
     : (sig) == ALKA_SIG_SPECIAL   ? CHECK_SPECIAL_WAY(op) \
                                   : CHECK_FIXED_WAY(imm))
#define CHECK_IMMEDIATE(imm)                                                    \
    ((imm) == ALKA_IMM_I32                                ? 5                   \
     : (imm) == ALKA_IMM_I64                              ? 10                  \
     : (imm) == ALKA_IMM_F32                              ? 4                   \
     : (imm) == ALKA_IMM_F64                              ? 8                   \
     : (imm) >= ALKA_IMM_MEM8 && (imm) <= ALKA_IMM_MEM128 ? (imm)-ALKA_IMM_MEM8 \
                                                          : 0)

static const struct check_row check_rows[256] = {
#define CHECK_ROW_00(id, code, imm, sig, feature)                                              \
    [code] = {CHECK_TOP_##sig,                                                                 \
              CHECK_BELOW_##sig,                                                               \
              CHECK_POPS_##sig >= 1 ? UINT32_MAX : 0,                                          \
              CHECK_POPS_##sig >= 2 ? UINT32_MAX : 0,                                          \
              CHECK_WAY(ALKA_OP_##id, ALKA_IMM_##imm, ALKA_SIG_##sig, ALKA_FEATURE_##feature), \
              CHECK_POPS_##sig,                                                                \
              CHECK_PUSHES_##sig,                                                              \
              CHECK_RESULT_##sig,                                                              \
              (uint8_t)CHECK_IMMEDIATE(ALKA_IMM_##imm)},
#define CHECK_ROW_FB(...)
#define CHECK_ROW_FC(...)
#define CHECK_ROW_FD(...)
#define CHECK_ROW_FE(...)
#define OP(id, text, prefix, code, imm, sig, feature) \
    CHECK_ROW_##prefix(id, code, imm, sig, feature)
#include <alkahest/wasm_ops.def>
};

/* Without a branch on the number of operands: it changes from instruction to instruction. */
static inline bool check_fits(const struct check_row *row, const alka_valtype *sp,
                              const alka_valtype *floor) {
    return (size_t)(sp - floor) >= row->pops &&
           (((sp[-1] ^ row->top) & row->top_mask) | ((sp[-2] ^ row->below) & row->below_mask)) == 0;
}

/* Behind a LEB128 number of less than `most` bytes, which is well-formed whatever its bits are;
 * NULL if there is none. */
static inline const uint8_t *check_skip_short(const uint8_t *at, const uint8_t *end,
                                              uint32_t most) {
    for (uint32_t i = 1; i < most && at < end; i++)
        if (*at++ < 0x80)
            return at;
    return NULL;
}

/* Behind the immediates of the row, or NULL if check_step has to look at them. */
static inline const uint8_t *check_skip_immediates(const struct check *check,
                                                   const struct check_row *row, const uint8_t *at,
                                                   const uint8_t *end) {
    if (row->way == CHECK_PLAIN)
        return at;
    if (row->way == CHECK_CONST_LEB)
        return check_skip_short(at, end, row->immediate);
    if (row->way == CHECK_CONST_BITS)
        return (size_t)(end - at) >= row->immediate ? at + row->immediate : NULL;
    if (!check->has_memory32 || at >= end || *at > row->immediate)
        return NULL;
    return check_skip_short(at + 1, end, 5);
}

/* The instructions on locals whose index has one byte; false leaves them to check_step. */
static inline bool check_local(struct check *check, enum check_way way, const uint8_t *at,
                               alka_valtype **sp) {
    uint32_t local_idx = at + 1 < check->in.end ? at[1] : 0x80;
    if (local_idx >= 0x80 || local_idx >= check->local_count)
        return false;
    alka_valtype type = check->locals[local_idx];
    if (way == CHECK_LOCAL_GET) {
        if (check->is_summarized)
            summarize_get(&check->sum, local_idx, in_off(&check->in, at),
                          (uint32_t)(*sp - check->stack));
        *(*sp)++ = type;
        return true;
    }
    if (*sp == check->floor || (*sp)[-1] != type)
        return false;
    if (check->is_summarized)
        summarize_set(&check->sum, local_idx, in_off(&check->in, at),
                      (uint32_t)(*sp - check->stack) - 1);
    *sp -= way == CHECK_LOCAL_SET;
    return true;
}

/* Advances over instructions up to one that it leaves to check_step. */
static __attribute__((noinline)) void check_fast(struct check *check) {
    const uint8_t *at = check->in.cursor, *const end = check->in.end;
    const alka_valtype *const floor = check->floor;
    alka_valtype *sp = check->sp, *deepest = check->deepest;

    while (IN_LIKELY(at < end && sp < check->stack_end - 1)) {
        const struct check_row *row = &check_rows[*at];
        if (row->way >= CHECK_LOCAL_GET) {
            if (!check_local(check, (enum check_way)row->way, at, &sp))
                break;
            at += 2;
        } else {
            if (row->way == CHECK_SLOW)
                break;
            const uint8_t *next = check_skip_immediates(check, row, at + 1, end);
            if (IN_UNLIKELY(!next || !check_fits(row, sp, floor)))
                break;
            sp -= row->pops;
            *sp = row->result;
            sp += row->pushes;
            at = next;
        }
        if (sp > deepest)
            deepest = sp;
    }
    check->in.cursor = at;
    check->sp = sp;
    check->deepest = deepest;
}

/* One function */

/* The local declarations (5.5.13): runs of a count and a type. */
static alka_status check_count_locals(struct check *check, uint32_t *out_runs,
                                      uint64_t *out_count) {
    struct input *in = &check->in;
    const struct alka_limits *limits = in->module->limits;
    *out_count = check->type->param_count;
    ALKA_TRY(in_u32(in, out_runs));
    for (uint32_t i = 0; i < *out_runs; i++) {
        const uint8_t *at = in->cursor;
        uint32_t run = 0;
        alka_valtype type = 0;
        ALKA_TRY(in_u32(in, &run));
        *out_count += run;
        if (*out_count > limits->locals)
            return in_fail(in, ALKA_E_LIMIT_LOCALS, at, *out_count, limits->locals);
        ALKA_TRY(in_valtype(in, &type));
    }
    in->module->validated_locals += *out_count;
    if (in->module->validated_locals > limits->module_locals)
        return in_fail(in, ALKA_E_LIMIT_MODULE_LOCALS, in->cursor, in->module->validated_locals,
                       limits->module_locals);
    return ALKA_OK;
}

static alka_status check_read_locals(struct check *check) {
    struct input *in = &check->in;
    const uint8_t *start = in->cursor;
    uint32_t runs = 0;
    uint64_t count = 0;
    ALKA_TRY(check_count_locals(check, &runs, &count));
    alka_valtype *locals = NULL;
    ALKA_TRY(in_take(in, count, sizeof *locals, &locals));
    check->local_count = (uint32_t)count;
    check->locals = locals;
    for (uint32_t i = 0; i < check->type->param_count; i++)
        *locals++ = check->type->params[i];

    /* A second time over the same bytes, now with a place for the types. */
    in->cursor = start;
    ALKA_TRY(in_u32(in, &runs));
    for (; runs != 0; runs--) {
        uint32_t run = 0;
        alka_valtype type = 0;
        ALKA_TRY(in_u32(in, &run));
        ALKA_TRY(in_valtype(in, &type));
        for (; run != 0; run--)
            *locals++ = type;
    }
    return ALKA_OK;
}

static alka_status check_begin(struct check *check, struct alka_module *module, uint32_t func_idx,
                               struct alka_arena *scratch, struct alka_diag *diag) {
    struct input *in = &check->in;
    const struct alka_function *function = &module->functions[func_idx];
    in_init(in, module, scratch, diag);
    in->section_id = 10;
    in->func_idx = func_idx;
    in->cursor = in->base + function->body.off;
    in->end = in->cursor + function->body.size;
    check->at = in->cursor;
    check->type = &module->types[function->type_idx];
    check->has_memory32 = module->memory_count != 0 && !module->memories[0].range.is_64;
    ALKA_TRY(check_read_locals(check));
    ALKA_TRY(check_grow(check, 1));
    if (check->is_summarized) {
        alka_status status = summarize_begin(&check->sum, scratch, check->locals,
                                             check->local_count, check->type->param_count);
        if (status != ALKA_OK)
            return in_fail(in, status, in->cursor, 0, 0);
    }
    const struct alka_functype *type = check->type;
    check->body_type = (struct alka_functype){NULL, type->results, 0, type->result_count};
    return check_push_frame(check, ALKA_OP_BLOCK, &check->body_type);
}

static alka_status check_finish(struct check *check) {
    struct input *in = &check->in;
    if (!check->out_summary)
        return ALKA_OK;
    struct alka_body_summary summary;
    alka_status status = summarize_finish(&check->sum, &summary);
    if (status != ALKA_OK)
        return in_fail(in, status, in->cursor, 0, 0);
    summary.func_idx = in->func_idx;
    summary.code.off = in_off(in, check->code);
    summary.code.size = (uint32_t)(in->end - check->code);
    summary.max_operands = (uint32_t)(check->deepest - check->stack);
    summary.max_nesting = check->deepest_frame;
    *check->out_summary = summary;
    return ALKA_OK;
}

/* out_summary NULL: nobody wants a summary. */
static alka_status check_body(struct alka_module *module, uint32_t func_idx,
                              struct alka_arena *scratch, struct alka_body_summary *out_summary,
                              struct alka_diag *out_diag) {
    struct check check = {.is_summarized = out_summary != NULL, .out_summary = out_summary};
    struct input *in = &check.in;
    ALKA_TRY(check_begin(&check, module, func_idx, scratch, out_diag));
    check.code = in->cursor;
    while (check.depth != 0) {
        check_fast(&check);
        ALKA_TRY(check_step(&check));
    }
    in->op = ALKA_DIAG_NONE;
    if (in->cursor != in->end)
        return in_fail(in, ALKA_E_BODY_SIZE, in->cursor, (uint64_t)(in->end - in->cursor), 0);
    return check_finish(&check);
}

alka_status alka_validate_body(struct alka_module *module, uint32_t func_idx,
                               struct alka_arena *scratch, struct alka_body_summary *out_summary,
                               struct alka_diag *out_diag) {
    return check_body(module, func_idx, scratch, out_summary, out_diag);
}

alka_status check_bodies(struct alka_module *module, uint32_t count, struct alka_arena *scratch,
                         struct alka_diag *out_diag) {
    struct alka_arena_mark mark = alka_arena_mark(scratch);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t func_idx = module->imported_functions + i;
        alka_status status = check_body(module, func_idx, scratch, NULL, out_diag);
        alka_arena_reset(scratch, mark);
        ALKA_TRY(status);
    }
    return ALKA_OK;
}

alka_status alka_validate_bodies(struct alka_module *module, struct alka_arena *scratch,
                                 struct alka_diag *out_diag) {
    return check_bodies(module, module->function_count - module->imported_functions, scratch,
                        out_diag);
}
