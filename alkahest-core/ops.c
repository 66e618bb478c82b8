/*
 * The opcode table's data: rows, names, and one decode array per prefix byte. Everything here is
 * expanded from wasm_ops.def, op_kinds.def and features.h; nothing is listed a second time. Must
 * never hold knowledge about an opcode that is not in its row.
 */
#include <alkahest/ops.h>

#include <stddef.h>

const struct alka_op_info alka_op_infos[ALKA_OP_COUNT] = {
#define OP(id, text, prefix, code, imm, sig, feature)                             \
    [ALKA_OP_##id] = {code, ALKA_PREFIX_##prefix, ALKA_IMM_##imm, ALKA_SIG_##sig, \
                      ALKA_FEATURE_##feature},
#include <alkahest/wasm_ops.def>
};

const struct alka_sig_info alka_sig_infos[ALKA_SIG_COUNT] = {
#define SIG(id, operand_count, first, second, third, result_count, result)                     \
    [ALKA_SIG_##id] = {operand_count,                                                          \
                       result_count,                                                           \
                       {ALKA_SIG_TYPE_##first, ALKA_SIG_TYPE_##second, ALKA_SIG_TYPE_##third}, \
                       ALKA_SIG_TYPE_##result},
#include <alkahest/op_kinds.def>
};

/* All names behind each other: 16 bits find one, and need no relocation. */
static const struct ops_names {
#define OP(id, text, prefix, code, imm, sig, feature) char id[sizeof(text)];
#include <alkahest/wasm_ops.def>
} ops_names = {
#define OP(id, text, prefix, code, imm, sig, feature) .id = text,
#include <alkahest/wasm_ops.def>
};
_Static_assert(sizeof ops_names <= UINT16_MAX, "offsets are 16 bits wide");

const char *alka_op_name(uint32_t op) {
    static const uint16_t offs[ALKA_OP_COUNT] = {
#define OP(id, text, prefix, code, imm, sig, feature) \
    [ALKA_OP_##id] = offsetof(struct ops_names, id),
#include <alkahest/wasm_ops.def>
    };
    return op < ALKA_OP_COUNT ? (const char *)&ops_names + offs[op] : "?";
}

/* Rows without a prefix, by macro: one per prefix, of which one keeps its argument. */
#define OPS_BYTE_00(id, code) [code] = ALKA_OP_##id + 1,
#define OPS_BYTE_FB(id, code)
#define OPS_BYTE_FC(id, code)
#define OPS_BYTE_FD(id, code)
#define OPS_BYTE_FE(id, code)
const uint16_t alka_op_by_byte[256] = {
#define OP(id, text, prefix, code, imm, sig, feature) OPS_BYTE_##prefix(id, code)
#include <alkahest/wasm_ops.def>
};

/* One array for all prefixes: each has a range of slots. Slots hold op + 1; 0 is a gap. */
enum ops_slot {
    OPS_SLOT_FB = 0,
    OPS_SLOT_FC = OPS_SLOT_FB + 0x20,
    OPS_SLOT_FD = OPS_SLOT_FC + 0x20,
    OPS_SLOT_FE = OPS_SLOT_FD + 0x120,
    OPS_SLOT_END = OPS_SLOT_FE + 0x50
};

static const uint16_t ops_slots[OPS_SLOT_END] = {
#define OPS_SLOTTED_00(id, code)
#define OPS_SLOTTED_FB(id, code) [OPS_SLOT_FB + code] = ALKA_OP_##id + 1,
#define OPS_SLOTTED_FC(id, code) [OPS_SLOT_FC + code] = ALKA_OP_##id + 1,
#define OPS_SLOTTED_FD(id, code) [OPS_SLOT_FD + code] = ALKA_OP_##id + 1,
#define OPS_SLOTTED_FE(id, code) [OPS_SLOT_FE + code] = ALKA_OP_##id + 1,
#define OP(id, text, prefix, code, imm, sig, feature) OPS_SLOTTED_##prefix(id, code)
#include <alkahest/wasm_ops.def>
};

static enum alka_op ops_find(uint32_t code, uint32_t first_slot, uint32_t end_slot) {
    if (code >= end_slot - first_slot || ops_slots[first_slot + code] == 0)
        return ALKA_OP_COUNT;
    return (enum alka_op)(ops_slots[first_slot + code] - 1);
}

enum alka_op alka_op_decode(enum alka_prefix prefix, uint32_t code) {
    switch (prefix) {
    case ALKA_PREFIX_00:
        if (code >= 0x100 || alka_op_by_byte[code] == 0)
            return ALKA_OP_COUNT;
        return (enum alka_op)(alka_op_by_byte[code] - 1);
    case ALKA_PREFIX_FB:
        return ops_find(code, OPS_SLOT_FB, OPS_SLOT_FC);
    case ALKA_PREFIX_FC:
        return ops_find(code, OPS_SLOT_FC, OPS_SLOT_FD);
    case ALKA_PREFIX_FD:
        return ops_find(code, OPS_SLOT_FD, OPS_SLOT_FE);
    case ALKA_PREFIX_FE:
        return ops_find(code, OPS_SLOT_FE, OPS_SLOT_END);
    }
    return ALKA_OP_COUNT;
}

const char *alka_feature_name(uint32_t feature) {
    static const char *const names[ALKA_FEATURE_COUNT] = {
#define OPS_NAME(id, name, release, built) [ALKA_FEATURE_##id] = name,
        ALKA_FEATURES(OPS_NAME)};
    return feature < ALKA_FEATURE_COUNT ? names[feature] : "?";
}
