/*
 * Room: parse. Readers over the borrowed module bytes. In: a cursor that never passes its end. Out:
 * values, or a recorded failure at the byte that cannot be. Must never read at or behind the end,
 * and never believe a length or count before it was compared with what is left.
 */
#include "input.h"

#include <alkahest/leb128.h>

/* What could be used if it were allowed. */
static alka_feature_set in_possible(const struct alka_module *module) {
    if (module->features_allowed & ALKA_FEATURES_UNBUILT_TOO)
        return (alka_feature_set)ALKA_FEATURES_ALL;
    return (alka_feature_set)ALKA_FEATURES_ALL & (alka_feature_set)ALKA_FEATURES_BUILT;
}

/* What the empty module is a borrow of, should its span be null. */
static const uint8_t in_empty[1] = {0};

void in_init(struct input *in, struct alka_module *module, struct alka_arena *arena,
             struct alka_diag *diag) {
    alka_feature_set allowed = module->features_allowed | ALKA_FEATURE_BIT(MVP);
    const uint8_t *base = module->bytes.size != 0 ? module->bytes.data : in_empty;
    *in = (struct input){.cursor = base,
                         .end = base + module->bytes.size,
                         .base = base,
                         .module = module,
                         .arena = arena,
                         .diag = diag,
                         .usable = in_possible(module) & allowed,
                         .section_id = ALKA_DIAG_NONE,
                         .func_idx = ALKA_DIAG_NONE,
                         .op = ALKA_DIAG_NONE};
}

alka_status in_fail(const struct input *in, alka_status code, const uint8_t *at, uint64_t arg0,
                    uint64_t arg1) {
    *in->diag = (struct alka_diag){.code = code,
                                   .offset = in_off(in, at),
                                   .section_id = in->section_id,
                                   .func_idx = in->func_idx,
                                   .op = in->op,
                                   .args = {arg0, arg1}};
    return code;
}

alka_status in_use(struct input *in, enum alka_feature feature, const uint8_t *at) {
    if (in_may_use(in, feature)) {
        in->module->features_used |= UINT32_C(1) << feature;
        return ALKA_OK;
    }
    bool is_possible = (in_possible(in->module) >> feature & 1) != 0;
    alka_status code = is_possible ? ALKA_E_FEATURE_OFF : ALKA_E_FEATURE_UNBUILT;
    return in_fail(in, code, at, feature, 0);
}

alka_status in_use_form(struct input *in, enum alka_feature feature, const uint8_t *at) {
    if (!(in->module->features_allowed >> feature & 1))
        return in_fail(in, ALKA_E_FEATURE_OFF, at, feature, 0);
    in->module->features_used |= UINT32_C(1) << feature;
    return ALKA_OK;
}

alka_status in_use_or(struct input *in, enum alka_feature feature, alka_status code,
                      const uint8_t *at) {
    alka_status status = in_use(in, feature, at);
    return status == ALKA_E_FEATURE_OFF ? in_fail(in, code, at, 0, 0) : status;
}

static alka_status in_granted(struct input *in, alka_status status) {
    if (IN_UNLIKELY(status != ALKA_OK))
        return in_fail(in, status, in->cursor, in->arena->limit_bytes, 0);
    return ALKA_OK;
}

alka_status in_alloc(struct input *in, size_t count, size_t element_bytes, void *out_pointer) {
    return in_granted(in, alka_arena_alloc(in->arena, count, element_bytes, out_pointer));
}

alka_status in_take(struct input *in, size_t count, size_t element_bytes, void *out_pointer) {
    return in_granted(in, alka_arena_take(in->arena, count, element_bytes, out_pointer));
}

alka_status in_byte(struct input *in, uint8_t *out_byte) {
    if (in->cursor >= in->end)
        return in_fail(in, ALKA_E_END_OF_SECTION, in->end, 0, 0);
    *out_byte = *in->cursor++;
    return ALKA_OK;
}

alka_status in_skip(struct input *in, uint32_t bytes) {
    if ((size_t)(in->end - in->cursor) < bytes)
        return in_fail(in, ALKA_E_END_OF_SECTION, in->end, 0, 0);
    in->cursor += bytes;
    return ALKA_OK;
}

/* A number that is too long or too large shows it in the last byte it may have. */
IN_COLD static alka_status in_leb_fail(const struct input *in, enum alka_leb result,
                                       uint32_t bits) {
    if (result == ALKA_LEB_END)
        return in_fail(in, ALKA_E_END_OF_SECTION, in->end, 0, 0);
    const uint8_t *last = in->cursor + (bits + 6) / 7 - 1;
    return in_fail(in, result == ALKA_LEB_TOO_LONG ? ALKA_E_LEB_TOO_LONG : ALKA_E_LEB_TOO_LARGE,
                   last, 0, 0);
}

alka_status in_unsigned(struct input *in, uint32_t bits, uint64_t *out_value) {
    enum alka_leb result = alka_leb_unsigned(&in->cursor, in->end, bits, out_value);
    return result == ALKA_LEB_OK ? ALKA_OK : in_leb_fail(in, result, bits);
}

alka_status in_signed(struct input *in, uint32_t bits, int64_t *out_value) {
    enum alka_leb result = alka_leb_signed(&in->cursor, in->end, bits, out_value);
    return result == ALKA_LEB_OK ? ALKA_OK : in_leb_fail(in, result, bits);
}

alka_status in_u32_long(struct input *in, uint32_t *out_value) {
    uint64_t value = 0;
    ALKA_TRY(in_unsigned(in, 32, &value));
    *out_value = (uint32_t)value;
    return ALKA_OK;
}

alka_status in_length(struct input *in, uint32_t *out_bytes) {
    const uint8_t *at = in->cursor;
    ALKA_TRY(in_u32(in, out_bytes));
    size_t left = (size_t)(in->end - in->cursor);
    if (*out_bytes > left)
        return in_fail(in, ALKA_E_LENGTH_BOUNDS, at, *out_bytes, left);
    return ALKA_OK;
}

alka_status in_count(struct input *in, uint32_t limit, alka_status limit_code,
                     uint32_t *out_count) {
    const uint8_t *at = in->cursor;
    ALKA_TRY(in_u32(in, out_count));
    if (*out_count > limit)
        return in_fail(in, limit_code, at, *out_count, limit);
    return ALKA_OK;
}

uint32_t in_room(const struct input *in, uint32_t count, uint32_t element_bytes) {
    size_t room = (size_t)(in->end - in->cursor) / element_bytes;
    return count < room ? count : (uint32_t)room;
}

/* A prefix and a number, or no opcode at all. */
static alka_status in_prefixed_opcode(struct input *in, uint8_t byte, const uint8_t *at,
                                      uint32_t *out_op) {
    if (byte < ALKA_PREFIX_FB || byte > ALKA_PREFIX_FE)
        return in_fail(in, ALKA_E_ILLEGAL_OPCODE, at, byte, 0);
    uint32_t code = 0;
    ALKA_TRY(in_u32(in, &code));
    *out_op = alka_op_decode((enum alka_prefix)byte, code);
    if (*out_op == ALKA_OP_COUNT)
        return in_fail(in, ALKA_E_ILLEGAL_SUBOPCODE, at, byte, code);
    return ALKA_OK;
}

alka_status in_opcode(struct input *in, uint32_t *out_op) {
    const uint8_t *at = in->cursor;
    uint8_t byte = 0;
    ALKA_TRY(in_byte(in, &byte));
    uint32_t slot = alka_op_by_byte[byte];
    if (IN_LIKELY(slot != 0))
        *out_op = slot - 1;
    else
        ALKA_TRY(in_prefixed_opcode(in, byte, at, out_op));
    enum alka_feature feature = (enum alka_feature)alka_op_infos[*out_op].feature;
    return feature == ALKA_FEATURE_MVP ? ALKA_OK : in_use(in, feature, at);
}

/* One-byte codes of types, with the feature that each needs (5.3.1–5.3.3). */
struct in_type_code {
    alka_valtype type; /* 0: no such code */
    uint8_t feature;
};

enum { IN_TYPE_CODE_FIRST = 0x69, IN_TYPE_CODE_END = 0x80 };

static const struct in_type_code in_type_codes[IN_TYPE_CODE_END - IN_TYPE_CODE_FIRST] = {
#define IN_TYPE(code, type, feature) [(code)-IN_TYPE_CODE_FIRST] = {type, ALKA_FEATURE_##feature}
    IN_TYPE(0x7F, ALKA_I32, MVP),
    IN_TYPE(0x7E, ALKA_I64, MVP),
    IN_TYPE(0x7D, ALKA_F32, MVP),
    IN_TYPE(0x7C, ALKA_F64, MVP),
    IN_TYPE(0x7B, ALKA_V128, SIMD),
    IN_TYPE(0x74, ALKA_REF(ALKA_HEAP_NOEXN, true), EXCEPTIONS),
    IN_TYPE(0x73, ALKA_REF(ALKA_HEAP_NOFUNC, true), GC),
    IN_TYPE(0x72, ALKA_REF(ALKA_HEAP_NOEXTERN, true), GC),
    IN_TYPE(0x71, ALKA_REF(ALKA_HEAP_NONE, true), GC),
    IN_TYPE(0x70, ALKA_FUNCREF, REFERENCE_TYPES),
    IN_TYPE(0x6F, ALKA_EXTERNREF, REFERENCE_TYPES),
    IN_TYPE(0x6E, ALKA_REF(ALKA_HEAP_ANY, true), GC),
    IN_TYPE(0x6D, ALKA_REF(ALKA_HEAP_EQ, true), GC),
    IN_TYPE(0x6C, ALKA_REF(ALKA_HEAP_I31, true), GC),
    IN_TYPE(0x6B, ALKA_REF(ALKA_HEAP_STRUCT, true), GC),
    IN_TYPE(0x6A, ALKA_REF(ALKA_HEAP_ARRAY, true), GC),
    IN_TYPE(0x69, ALKA_REF(ALKA_HEAP_EXN, true), EXCEPTIONS),
#undef IN_TYPE
};

static const struct in_type_code *in_type_code(uint8_t byte) {
    if (byte < IN_TYPE_CODE_FIRST || byte >= IN_TYPE_CODE_END)
        return NULL;
    const struct in_type_code *code = &in_type_codes[byte - IN_TYPE_CODE_FIRST];
    return code->type ? code : NULL;
}

/* (ref null ht) and (ref ht), the long forms. */
enum { IN_REF_NULL = 0x63, IN_REF = 0x64 };

bool in_starts_valtype(uint8_t byte) {
    return byte == IN_REF_NULL || byte == IN_REF || in_type_code(byte);
}

alka_status in_heaptype(struct input *in, uint32_t *out_heap) {
    const uint8_t *at = in->cursor;
    const struct in_type_code *code = at < in->end ? in_type_code(*at) : NULL;
    if (code && alka_valtype_is_ref(code->type)) {
        in->cursor++;
        *out_heap = alka_valtype_heap(code->type);
        return in_use(in, (enum alka_feature)code->feature, at);
    }
    int64_t type_idx = 0;
    ALKA_TRY(in_signed(in, 33, &type_idx));
    if (type_idx < 0)
        return in_fail(in, ALKA_E_REFERENCE_TYPE, at, *at, 0);
    ALKA_TRY(in_use(in, ALKA_FEATURE_FUNCTION_REFERENCES, at));
    if (type_idx >= in->module->type_count)
        return in_fail(in, ALKA_E_UNKNOWN_TYPE, at, (uint64_t)type_idx, 0);
    *out_heap = in->module->type_defs[type_idx].canonical;
    return ALKA_OK;
}

static alka_status in_type(struct input *in, alka_status malformed, alka_valtype *out_type) {
    const uint8_t *at = in->cursor;
    uint8_t byte = 0;
    ALKA_TRY(in_byte(in, &byte));
    if (byte == IN_REF_NULL || byte == IN_REF) {
        uint32_t heap = 0;
        ALKA_TRY(in_use(in, ALKA_FEATURE_FUNCTION_REFERENCES, at));
        ALKA_TRY(in_heaptype(in, &heap));
        *out_type = ALKA_REF(heap, byte == IN_REF_NULL);
        return ALKA_OK;
    }
    const struct in_type_code *code = in_type_code(byte);
    if (!code || (malformed == ALKA_E_REFERENCE_TYPE && !alka_valtype_is_ref(code->type)))
        return in_fail(in, malformed, at, byte, 0);
    ALKA_TRY(in_use(in, (enum alka_feature)code->feature, at));
    *out_type = code->type;
    return ALKA_OK;
}

alka_status in_valtype(struct input *in, alka_valtype *out_type) {
    return in_type(in, ALKA_E_VALUE_TYPE, out_type);
}

alka_status in_reftype(struct input *in, alka_valtype *out_type) {
    /* Tables of functions are older than the proposal that made funcref a value type. */
    if (in->cursor < in->end && *in->cursor == 0x70) {
        in->cursor++;
        *out_type = ALKA_FUNCREF;
        return ALKA_OK;
    }
    return in_type(in, ALKA_E_REFERENCE_TYPE, out_type);
}

alka_status in_type_of_form(struct input *in, const uint8_t *at, enum alka_type_form form,
                            uint32_t *out_type_idx) {
    ALKA_TRY(in_u32(in, out_type_idx));
    if (*out_type_idx >= in->module->type_count)
        return in_fail(in, ALKA_E_UNKNOWN_TYPE, at, *out_type_idx, 0);
    const struct alka_type_def *def = &in->module->type_defs[*out_type_idx];
    if (def->form != form)
        return in_fail(in, ALKA_E_TYPE_WRONG_FORM, at, *out_type_idx, form);
    *out_type_idx = def->canonical;
    return ALKA_OK;
}

alka_status in_function_type(struct input *in, const uint8_t *at, uint32_t *out_type_idx) {
    return in_type_of_form(in, at, ALKA_TYPE_FUNC, out_type_idx);
}

alka_status in_mutability(struct input *in, bool *out_is_mutable) {
    const uint8_t *at = in->cursor;
    uint8_t mutability = 0;
    ALKA_TRY(in_byte(in, &mutability));
    if (mutability > 1)
        return in_fail(in, ALKA_E_MUTABILITY, at, mutability, 0);
    *out_is_mutable = mutability == 1;
    return ALKA_OK;
}

alka_status in_zero_byte(struct input *in) {
    const uint8_t *at = in->cursor;
    uint8_t zero = 0;
    ALKA_TRY(in_byte(in, &zero));
    return zero == 0 ? ALKA_OK : in_fail(in, ALKA_E_ZERO_BYTE, at, 0, 0);
}

bool in_subtype(const struct alka_module *module, alka_valtype type, alka_valtype super) {
    if (type == super || type == ALKA_BOTTOM)
        return true;
    struct alka_type_space space = alka_module_types(module);
    return alka_type_matches(&space, type, super);
}
