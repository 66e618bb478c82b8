/*
 * Room: parse. Typed references (specification 3.4.1, 3.4.4): calls of references, null or not. In:
 * the cursor behind the opcode. Out: the operand stack after it. One short function each.
 */
#include "check.h"

/* Any reference; BOTTOM in unreachable code. */
static alka_status reference_pop(struct check *check, alka_valtype *out_type) {
    ALKA_TRY(check_pop_any(check, out_type));
    if (*out_type != ALKA_BOTTOM && !alka_valtype_is_ref(*out_type))
        return check_fail(check, ALKA_E_REFERENCE_EXPECTED, *out_type, 0);
    return ALKA_OK;
}

static alka_valtype reference_non_null(alka_valtype type) {
    return type == ALKA_BOTTOM ? type : ALKA_REF(alka_valtype_heap(type), false);
}

static alka_status reference_call(struct check *check, bool is_tail) {
    struct input *in = &check->in;
    uint32_t type_idx = 0;
    ALKA_TRY(in_function_type(in, check->at, &type_idx));
    if (is_tail)
        ALKA_TRY(in_use(in, ALKA_FEATURE_TAIL_CALL, check->at));
    ALKA_TRY(check_pop(check, ALKA_REF(type_idx, true)));
    return check_apply(check, &in->module->types[type_idx], is_tail);
}

static alka_status reference_as_non_null(struct check *check) {
    alka_valtype type = 0;
    ALKA_TRY(reference_pop(check, &type));
    return check_push(check, reference_non_null(type));
}

static alka_status reference_br_on_null(struct check *check) {
    uint32_t depth = 0;
    struct check_label label;
    alka_valtype type = 0;
    ALKA_TRY(check_read_label(check, &depth, &label));
    ALKA_TRY(reference_pop(check, &type));
    ALKA_TRY(check_pop_types(check, label.types, label.count));
    check_branch(check, depth);
    ALKA_TRY(check_push_types(check, label.types, label.count));
    return check_push(check, reference_non_null(type));
}

/* The label takes the reference along, as its last value. */
static alka_status reference_br_on_non_null(struct check *check) {
    uint32_t depth = 0;
    struct check_label label;
    alka_valtype type = 0;
    ALKA_TRY(check_read_label(check, &depth, &label));
    if (label.count == 0 || !alka_valtype_is_ref(label.types[label.count - 1]))
        return check_fail(check, ALKA_E_LABEL_REFERENCE, depth, 0);
    ALKA_TRY(reference_pop(check, &type));
    ALKA_TRY(check_push(check, reference_non_null(type)));
    ALKA_TRY(check_pop_types(check, label.types, label.count));
    check_branch(check, depth);
    return check_push_types(check, label.types, label.count - 1);
}

alka_status check_reference(struct check *check, uint32_t op) {
    switch (op) {
    case ALKA_OP_CALL_REF:
    case ALKA_OP_RETURN_CALL_REF:
        return reference_call(check, op == ALKA_OP_RETURN_CALL_REF);
    case ALKA_OP_REF_AS_NON_NULL:
        return reference_as_non_null(check);
    case ALKA_OP_BR_ON_NULL:
        return reference_br_on_null(check);
    case ALKA_OP_BR_ON_NON_NULL:
        return reference_br_on_non_null(check);
    default:
        return check_fail(check, ALKA_E_INTERNAL, op, 0);
    }
}
