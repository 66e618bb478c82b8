/*
 * Room: parse. Structs, arrays, i31 and casts (specification 3.4.4, 3.4.8–3.4.10). In: the cursor
 * behind the opcode. Out: the operand stack after it. One short function each. Types are canonical,
 * so that the same index is the same type.
 */
#include "check.h"

static const struct alka_type_def *object_def(const struct check *check, uint32_t type_idx) {
    return &check->in.module->type_defs[type_idx];
}

static alka_status object_read(struct check *check, enum alka_type_form form,
                               uint32_t *out_type_idx) {
    return in_type_of_form(&check->in, check->at, form, out_type_idx);
}

static alka_status object_push_new(struct check *check, uint32_t type_idx) {
    return check_push(check, ALKA_REF(type_idx, false));
}

static alka_status object_pop_ref(struct check *check, uint32_t type_idx) {
    return check_pop(check, ALKA_REF(type_idx, true));
}

static bool object_has_default(const struct alka_field *field) {
    return alka_valtype_has_default(field->type);
}

/* --- Structs. --- */

static alka_status object_struct_new(struct check *check, bool is_default) {
    uint32_t type_idx = 0;
    ALKA_TRY(object_read(check, ALKA_TYPE_STRUCT, &type_idx));
    const struct alka_type_def *def = object_def(check, type_idx);
    for (uint32_t i = def->field_count; i != 0; i--) {
        const struct alka_field *field = &def->fields[i - 1];
        if (is_default && !object_has_default(field))
            return check_fail(check, ALKA_E_FIELD_NO_DEFAULT, i - 1, field->type);
        if (!is_default)
            ALKA_TRY(check_pop(check, field->type));
    }
    return object_push_new(check, type_idx);
}

/* Packed fields are read with a sign or without, others as they are. */
static alka_status object_check_packing(struct check *check, const struct alka_field *field,
                                        bool is_plain) {
    if ((field->packed_bits == 0) == is_plain)
        return ALKA_OK;
    return check_fail(check, ALKA_E_FIELD_PACKED, field->packed_bits, 0);
}

static alka_status object_check_mutable(struct check *check, const struct alka_field *field) {
    return field->is_mutable ? ALKA_OK : check_fail(check, ALKA_E_FIELD_IMMUTABLE, 0, 0);
}

static alka_status object_struct_access(struct check *check, uint32_t op) {
    uint32_t type_idx = 0, field_idx = 0;
    ALKA_TRY(object_read(check, ALKA_TYPE_STRUCT, &type_idx));
    const struct alka_type_def *def = object_def(check, type_idx);
    ALKA_TRY(check_index(check, def->field_count, ALKA_E_UNKNOWN_FIELD, &field_idx));
    const struct alka_field *field = &def->fields[field_idx];
    if (op == ALKA_OP_STRUCT_SET) {
        ALKA_TRY(object_check_mutable(check, field));
        ALKA_TRY(check_pop(check, field->type));
        return object_pop_ref(check, type_idx);
    }
    ALKA_TRY(object_check_packing(check, field, op == ALKA_OP_STRUCT_GET));
    ALKA_TRY(object_pop_ref(check, type_idx));
    return check_push(check, field->type);
}

/* --- Arrays. --- */

static alka_status object_read_array(struct check *check, uint32_t *out_type_idx,
                                     const struct alka_field **out_field) {
    ALKA_TRY(object_read(check, ALKA_TYPE_ARRAY, out_type_idx));
    *out_field = object_def(check, *out_type_idx)->fields;
    return ALKA_OK;
}

static alka_status object_array_new(struct check *check, bool is_default) {
    uint32_t type_idx = 0;
    const struct alka_field *field = NULL;
    ALKA_TRY(object_read_array(check, &type_idx, &field));
    if (is_default && !object_has_default(field))
        return check_fail(check, ALKA_E_FIELD_NO_DEFAULT, 0, field->type);
    ALKA_TRY(check_pop(check, ALKA_I32));
    if (!is_default)
        ALKA_TRY(check_pop(check, field->type));
    return object_push_new(check, type_idx);
}

static alka_status object_array_new_fixed(struct check *check) {
    uint32_t type_idx = 0, count = 0, limit = check->in.module->limits->operand_stack;
    const struct alka_field *field = NULL;
    ALKA_TRY(object_read_array(check, &type_idx, &field));
    ALKA_TRY(in_u32(&check->in, &count));
    if (count > limit)
        return check_fail(check, ALKA_E_LIMIT_OPERANDS, count, limit);
    for (; count != 0; count--) {
        if (check->sp == check->floor && check_top(check)->is_unreachable)
            break; /* all that are missing are there */
        ALKA_TRY(check_pop(check, field->type));
    }
    return object_push_new(check, type_idx);
}

/* Bytes of a data segment make numbers and vectors. */
static alka_status object_read_data(struct check *check, const struct alka_field *field) {
    const struct alka_module *module = check->in.module;
    uint32_t data_idx = 0;
    ALKA_TRY(in_u32(&check->in, &data_idx));
    if (!module->has_data_count)
        return check_fail(check, ALKA_E_DATA_COUNT_REQUIRED, 0, 0);
    if (data_idx >= module->data_count)
        return check_fail(check, ALKA_E_UNKNOWN_DATA, data_idx, 0);
    if (alka_valtype_is_ref(field->type))
        return check_fail(check, ALKA_E_ARRAY_OF_REFERENCES, field->type, 0);
    return ALKA_OK;
}

static alka_status object_read_elements(struct check *check, const struct alka_field *field) {
    const struct alka_module *module = check->in.module;
    uint32_t elem_idx = 0;
    ALKA_TRY(check_index(check, module->element_count, ALKA_E_UNKNOWN_ELEMENT, &elem_idx));
    alka_valtype type = module->elements[elem_idx].type;
    if (!in_subtype(module, type, field->type))
        return check_fail(check, ALKA_E_TYPE_MISMATCH, field->type, type);
    return ALKA_OK;
}

static alka_status object_pop_words(struct check *check, uint32_t count) {
    for (; count != 0; count--)
        ALKA_TRY(check_pop(check, ALKA_I32));
    return ALKA_OK;
}

static alka_status object_array_new_segment(struct check *check, bool is_data) {
    uint32_t type_idx = 0;
    const struct alka_field *field = NULL;
    ALKA_TRY(object_read_array(check, &type_idx, &field));
    ALKA_TRY(is_data ? object_read_data(check, field) : object_read_elements(check, field));
    ALKA_TRY(object_pop_words(check, 2));
    return object_push_new(check, type_idx);
}

static alka_status object_array_init(struct check *check, bool is_data) {
    uint32_t type_idx = 0;
    const struct alka_field *field = NULL;
    ALKA_TRY(object_read_array(check, &type_idx, &field));
    ALKA_TRY(object_check_mutable(check, field));
    ALKA_TRY(is_data ? object_read_data(check, field) : object_read_elements(check, field));
    ALKA_TRY(object_pop_words(check, 3));
    return object_pop_ref(check, type_idx);
}

static alka_status object_array_set(struct check *check) {
    uint32_t type_idx = 0;
    const struct alka_field *field = NULL;
    ALKA_TRY(object_read_array(check, &type_idx, &field));
    ALKA_TRY(object_check_mutable(check, field));
    ALKA_TRY(check_pop(check, field->type));
    ALKA_TRY(object_pop_words(check, 1));
    return object_pop_ref(check, type_idx);
}

static alka_status object_array_get(struct check *check, uint32_t op) {
    uint32_t type_idx = 0;
    const struct alka_field *field = NULL;
    ALKA_TRY(object_read_array(check, &type_idx, &field));
    ALKA_TRY(object_check_packing(check, field, op == ALKA_OP_ARRAY_GET));
    ALKA_TRY(object_pop_words(check, 1));
    ALKA_TRY(object_pop_ref(check, type_idx));
    return check_push(check, field->type);
}

static alka_status object_array_fill(struct check *check) {
    uint32_t type_idx = 0;
    const struct alka_field *field = NULL;
    ALKA_TRY(object_read_array(check, &type_idx, &field));
    ALKA_TRY(object_check_mutable(check, field));
    ALKA_TRY(object_pop_words(check, 1));
    ALKA_TRY(check_pop(check, field->type));
    ALKA_TRY(object_pop_words(check, 1));
    return object_pop_ref(check, type_idx);
}

static alka_status object_array_copy(struct check *check) {
    uint32_t to_idx = 0, from_idx = 0;
    const struct alka_field *to = NULL, *from = NULL;
    ALKA_TRY(object_read_array(check, &to_idx, &to));
    ALKA_TRY(object_read_array(check, &from_idx, &from));
    ALKA_TRY(object_check_mutable(check, to));
    if (to->packed_bits != from->packed_bits || !in_subtype(check->in.module, from->type, to->type))
        return check_fail(check, ALKA_E_ARRAY_TYPES, to->type, from->type);
    ALKA_TRY(object_pop_words(check, 2));
    ALKA_TRY(object_pop_ref(check, from_idx));
    ALKA_TRY(object_pop_words(check, 1));
    return object_pop_ref(check, to_idx);
}

static alka_status object_array_len(struct check *check) {
    ALKA_TRY(object_pop_ref(check, ALKA_HEAP_ARRAY));
    return check_push(check, ALKA_I32);
}

/* --- Casts. --- */

/* The top of the hierarchy that a heap type is in. */
static uint32_t object_top(const struct check *check, uint32_t heap) {
    const struct alka_module *module = check->in.module;
    static const uint32_t tops[] = {ALKA_HEAP_FUNC, ALKA_HEAP_EXTERN, ALKA_HEAP_EXN};
    for (uint32_t i = 0; i < sizeof tops / sizeof *tops; i++)
        if (in_subtype(module, ALKA_REF(heap, true), ALKA_REF(tops[i], true)))
            return tops[i];
    return ALKA_HEAP_ANY;
}

static alka_status object_cast(struct check *check, uint32_t op) {
    uint32_t heap = 0;
    ALKA_TRY(in_heaptype(&check->in, &heap));
    ALKA_TRY(check_pop(check, ALKA_REF(object_top(check, heap), true)));
    if (op == ALKA_OP_REF_TEST || op == ALKA_OP_REF_TEST_NULL)
        return check_push(check, ALKA_I32);
    return check_push(check, ALKA_REF(heap, op == ALKA_OP_REF_CAST_NULL));
}

enum { CAST_FROM_NULL = 1, CAST_TO_NULL = 2 };

/* The label takes the reference along as `taken`; otherwise it stays as `left`. */
static alka_status object_branch_with(struct check *check, uint32_t depth, struct check_label label,
                                      alka_valtype taken, alka_valtype left) {
    if (label.count == 0)
        return check_fail(check, ALKA_E_LABEL_REFERENCE, depth, 0);
    ALKA_TRY(check_push(check, taken));
    ALKA_TRY(check_pop_types(check, label.types, label.count));
    check_branch(check, depth);
    ALKA_TRY(check_push_types(check, label.types, label.count - 1));
    return check_push(check, left);
}

/* br_on_cast takes the reference along as `to`, br_on_cast_fail as what is left of `from`. */
static alka_status object_branch(struct check *check, bool is_fail) {
    struct input *in = &check->in;
    const uint8_t *at = in->cursor;
    uint8_t flags = 0;
    uint32_t depth = 0, from_heap = 0, to_heap = 0;
    struct check_label label;
    ALKA_TRY(in_byte(in, &flags));
    if (flags > (CAST_FROM_NULL | CAST_TO_NULL))
        return in_fail(in, ALKA_E_CAST_FLAGS, at, flags, 0);
    ALKA_TRY(check_read_label(check, &depth, &label));
    ALKA_TRY(in_heaptype(in, &from_heap));
    ALKA_TRY(in_heaptype(in, &to_heap));
    alka_valtype from = ALKA_REF(from_heap, flags & CAST_FROM_NULL);
    alka_valtype to = ALKA_REF(to_heap, flags & CAST_TO_NULL);
    if (!in_subtype(in->module, to, from))
        return check_fail(check, ALKA_E_CAST_TYPES, from, to);
    alka_valtype rest = flags & CAST_TO_NULL ? ALKA_REF(from_heap, false) : from;
    ALKA_TRY(check_pop(check, from));
    if (is_fail)
        return object_branch_with(check, depth, label, rest, to);
    return object_branch_with(check, depth, label, to, rest);
}

static alka_status object_convert(struct check *check, uint32_t from_heap, uint32_t to_heap) {
    alka_valtype type = 0;
    ALKA_TRY(check_pop_any(check, &type));
    if (!in_subtype(check->in.module, type, ALKA_REF(from_heap, true)))
        return check_fail(check, ALKA_E_TYPE_MISMATCH, ALKA_REF(from_heap, true), type);
    return check_push(check, ALKA_REF(to_heap, alka_valtype_is_nullable(type)));
}

static alka_status object_i31(struct check *check, uint32_t op) {
    alka_valtype reference = ALKA_REF(ALKA_HEAP_I31, op != ALKA_OP_REF_I31);
    ALKA_TRY(check_pop(check, op == ALKA_OP_REF_I31 ? ALKA_I32 : reference));
    return check_push(check, op == ALKA_OP_REF_I31 ? reference : ALKA_I32);
}

static alka_status object_eq(struct check *check) {
    ALKA_TRY(object_pop_ref(check, ALKA_HEAP_EQ));
    ALKA_TRY(object_pop_ref(check, ALKA_HEAP_EQ));
    return check_push(check, ALKA_I32);
}

static alka_status object_check_array(struct check *check, uint32_t op) {
    switch (op) {
    case ALKA_OP_ARRAY_NEW:
    case ALKA_OP_ARRAY_NEW_DEFAULT:
        return object_array_new(check, op == ALKA_OP_ARRAY_NEW_DEFAULT);
    case ALKA_OP_ARRAY_NEW_FIXED:
        return object_array_new_fixed(check);
    case ALKA_OP_ARRAY_NEW_DATA:
    case ALKA_OP_ARRAY_NEW_ELEM:
        return object_array_new_segment(check, op == ALKA_OP_ARRAY_NEW_DATA);
    case ALKA_OP_ARRAY_LEN:
        return object_array_len(check);
    case ALKA_OP_ARRAY_FILL:
        return object_array_fill(check);
    case ALKA_OP_ARRAY_COPY:
        return object_array_copy(check);
    case ALKA_OP_ARRAY_INIT_DATA:
    case ALKA_OP_ARRAY_INIT_ELEM:
        return object_array_init(check, op == ALKA_OP_ARRAY_INIT_DATA);
    case ALKA_OP_ARRAY_SET:
        return object_array_set(check);
    default:
        return object_array_get(check, op);
    }
}

alka_status check_object(struct check *check, uint32_t op) {
    switch (op) {
    case ALKA_OP_REF_EQ:
        return object_eq(check);
    case ALKA_OP_STRUCT_NEW:
    case ALKA_OP_STRUCT_NEW_DEFAULT:
        return object_struct_new(check, op == ALKA_OP_STRUCT_NEW_DEFAULT);
    case ALKA_OP_STRUCT_GET:
    case ALKA_OP_STRUCT_GET_S:
    case ALKA_OP_STRUCT_GET_U:
    case ALKA_OP_STRUCT_SET:
        return object_struct_access(check, op);
    case ALKA_OP_REF_TEST:
    case ALKA_OP_REF_TEST_NULL:
    case ALKA_OP_REF_CAST:
    case ALKA_OP_REF_CAST_NULL:
        return object_cast(check, op);
    case ALKA_OP_BR_ON_CAST:
    case ALKA_OP_BR_ON_CAST_FAIL:
        return object_branch(check, op == ALKA_OP_BR_ON_CAST_FAIL);
    case ALKA_OP_ANY_CONVERT_EXTERN:
        return object_convert(check, ALKA_HEAP_EXTERN, ALKA_HEAP_ANY);
    case ALKA_OP_EXTERN_CONVERT_ANY:
        return object_convert(check, ALKA_HEAP_ANY, ALKA_HEAP_EXTERN);
    case ALKA_OP_REF_I31:
    case ALKA_OP_I31_GET_S:
    case ALKA_OP_I31_GET_U:
        return object_i31(check, op);
    default:
        return object_check_array(check, op);
    }
}
