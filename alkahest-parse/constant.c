/*
 * Room: parse. Constant expressions (specification 3.4.15): initial values of globals, offsets and
 * items of segments. In: bytes up to an `end`. Out: their extent, once they are known to yield
 * exactly one value of the wanted type. Must never accept what the instance cannot compute before
 * its code exists.
 */
#include "sections.h"

struct constant {
    struct parser *parser;
    uint32_t height;
    const uint8_t *at; /* of the instruction */
};

static alka_status constant_fail(const struct constant *constant, alka_status code, uint64_t arg0,
                                 uint64_t arg1) {
    return in_fail(&constant->parser->in, code, constant->at, arg0, arg1);
}

static alka_status constant_push(struct constant *constant, alka_valtype type) {
    struct parser *parser = constant->parser;
    const struct alka_limits *limits = parser->in.module->limits;
    if (constant->height >= limits->operand_stack)
        return constant_fail(constant, ALKA_E_LIMIT_OPERANDS, constant->height,
                             limits->operand_stack);
    ALKA_TRY(parser_grow(parser, &parser->constant_stack, sizeof *parser->constant_stack,
                         constant->height, 1, &parser->constant_room));
    parser->constant_stack[constant->height++] = type;
    return ALKA_OK;
}

static alka_status constant_pop(struct constant *constant, alka_valtype type) {
    if (constant->height == 0)
        return constant_fail(constant, ALKA_E_STACK_EMPTY, type, 0);
    alka_valtype found = constant->parser->constant_stack[--constant->height];
    if (!in_subtype(constant->parser->in.module, found, type))
        return constant_fail(constant, ALKA_E_TYPE_MISMATCH, type, found);
    return ALKA_OK;
}

/* Integer add, sub, mul. */
static alka_status constant_binary(struct constant *constant, alka_valtype type) {
    ALKA_TRY(in_use(&constant->parser->in, ALKA_FEATURE_EXTENDED_CONST, constant->at));
    ALKA_TRY(constant_pop(constant, type));
    ALKA_TRY(constant_pop(constant, type));
    return constant_push(constant, type);
}

static alka_status constant_number(struct constant *constant, uint32_t bits, alka_valtype type) {
    int64_t value = 0;
    ALKA_TRY(in_signed(&constant->parser->in, bits, &value));
    return constant_push(constant, type);
}

static alka_status constant_bits(struct constant *constant, uint32_t bytes, alka_valtype type) {
    ALKA_TRY(in_skip(&constant->parser->in, bytes));
    return constant_push(constant, type);
}

static alka_status constant_global(struct constant *constant) {
    struct input *in = &constant->parser->in;
    uint32_t global_idx = 0;
    ALKA_TRY(in_u32(in, &global_idx));
    /* Only imported globals are known before instantiation; release 3.0 admits all earlier ones. */
    uint32_t known = in_may_use(in, ALKA_FEATURE_EXTENDED_CONST) ? in->module->global_count
                                                                 : in->module->imported_globals;
    if (global_idx >= known)
        return constant_fail(constant, ALKA_E_UNKNOWN_GLOBAL, global_idx, 0);
    if (global_idx >= in->module->imported_globals)
        ALKA_TRY(in_use(in, ALKA_FEATURE_EXTENDED_CONST, constant->at));
    if (in->module->globals[global_idx].is_mutable)
        return constant_fail(constant, ALKA_E_CONSTANT_REQUIRED, 0, 0);
    return constant_push(constant, in->module->globals[global_idx].type);
}

static alka_status constant_ref_null(struct constant *constant) {
    uint32_t heap = 0;
    ALKA_TRY(in_heaptype(&constant->parser->in, &heap));
    return constant_push(constant, ALKA_REF(heap, true));
}

static alka_status constant_ref_func(struct constant *constant) {
    struct input *in = &constant->parser->in;
    uint32_t func_idx = 0;
    ALKA_TRY(in_u32(in, &func_idx));
    if (func_idx >= in->module->function_count)
        return constant_fail(constant, ALKA_E_UNKNOWN_FUNCTION, func_idx, 0);
    struct alka_function *function = &in->module->functions[func_idx];
    function->declared_ref = true;
    return constant_push(constant, ALKA_REF(function->type_idx, false));
}

static alka_status constant_ref_i31(struct constant *constant) {
    ALKA_TRY(constant_pop(constant, ALKA_I32));
    return constant_push(constant, ALKA_REF(ALKA_HEAP_I31, false));
}

/* any.convert_extern, extern.convert_any: null if the operand may be. */
static alka_status constant_convert(struct constant *constant, uint32_t from, uint32_t to) {
    uint32_t height = constant->height;
    ALKA_TRY(constant_pop(constant, ALKA_REF(from, true)));
    alka_valtype found = constant->parser->constant_stack[height - 1];
    return constant_push(constant, ALKA_REF(to, alka_valtype_is_nullable(found)));
}

/* Structs and arrays are made by what the bodies use, too: the session refuses both. */
static alka_status constant_object(struct constant *constant, enum alka_type_form form,
                                   uint32_t *out_type_idx) {
    struct input *in = &constant->parser->in;
    if (in->module->object_constant_off == 0)
        in->module->object_constant_off = in_off(in, constant->at);
    return in_type_of_form(in, constant->at, form, out_type_idx);
}

static alka_status constant_check_default(const struct constant *constant, uint32_t field_idx,
                                          const struct alka_field *field) {
    if (alka_valtype_has_default(field->type))
        return ALKA_OK;
    return constant_fail(constant, ALKA_E_FIELD_NO_DEFAULT, field_idx, field->type);
}

static alka_status constant_struct(struct constant *constant, bool is_default) {
    uint32_t type_idx = 0;
    ALKA_TRY(constant_object(constant, ALKA_TYPE_STRUCT, &type_idx));
    const struct alka_type_def *def = &constant->parser->in.module->type_defs[type_idx];
    for (uint32_t i = def->field_count; i != 0; i--)
        ALKA_TRY(is_default ? constant_check_default(constant, i - 1, &def->fields[i - 1])
                            : constant_pop(constant, def->fields[i - 1].type));
    return constant_push(constant, ALKA_REF(type_idx, false));
}

/* array.new, new_default, new_fixed: how many elements are on the stack, and whether their number
 * is. */
static alka_status constant_array(struct constant *constant, uint32_t op) {
    uint32_t type_idx = 0, values = op == ALKA_OP_ARRAY_NEW;
    ALKA_TRY(constant_object(constant, ALKA_TYPE_ARRAY, &type_idx));
    const struct alka_field *field = constant->parser->in.module->type_defs[type_idx].fields;
    if (op == ALKA_OP_ARRAY_NEW_FIXED)
        ALKA_TRY(in_u32(&constant->parser->in, &values));
    else
        ALKA_TRY(constant_pop(constant, ALKA_I32));
    if (op == ALKA_OP_ARRAY_NEW_DEFAULT)
        ALKA_TRY(constant_check_default(constant, 0, field));
    for (; values != 0; values--)
        ALKA_TRY(constant_pop(constant, field->type));
    return constant_push(constant, ALKA_REF(type_idx, false));
}

static alka_status constant_step(struct constant *constant, uint32_t op) {
    switch (op) {
    case ALKA_OP_STRUCT_NEW:
    case ALKA_OP_STRUCT_NEW_DEFAULT:
        return constant_struct(constant, op == ALKA_OP_STRUCT_NEW_DEFAULT);
    case ALKA_OP_ARRAY_NEW:
    case ALKA_OP_ARRAY_NEW_DEFAULT:
    case ALKA_OP_ARRAY_NEW_FIXED:
        return constant_array(constant, op);
    case ALKA_OP_I32_CONST:
        return constant_number(constant, 32, ALKA_I32);
    case ALKA_OP_I64_CONST:
        return constant_number(constant, 64, ALKA_I64);
    case ALKA_OP_F32_CONST:
        return constant_bits(constant, 4, ALKA_F32);
    case ALKA_OP_F64_CONST:
        return constant_bits(constant, 8, ALKA_F64);
    case ALKA_OP_V128_CONST:
        return constant_bits(constant, 16, ALKA_V128);
    case ALKA_OP_GLOBAL_GET:
        return constant_global(constant);
    case ALKA_OP_REF_NULL:
        return constant_ref_null(constant);
    case ALKA_OP_REF_FUNC:
        return constant_ref_func(constant);
    case ALKA_OP_REF_I31:
        return constant_ref_i31(constant);
    case ALKA_OP_ANY_CONVERT_EXTERN:
        return constant_convert(constant, ALKA_HEAP_EXTERN, ALKA_HEAP_ANY);
    case ALKA_OP_EXTERN_CONVERT_ANY:
        return constant_convert(constant, ALKA_HEAP_ANY, ALKA_HEAP_EXTERN);
    case ALKA_OP_I32_ADD:
    case ALKA_OP_I32_SUB:
    case ALKA_OP_I32_MUL:
        return constant_binary(constant, ALKA_I32);
    case ALKA_OP_I64_ADD:
    case ALKA_OP_I64_SUB:
    case ALKA_OP_I64_MUL:
        return constant_binary(constant, ALKA_I64);
    default:
        return constant_fail(constant, ALKA_E_CONSTANT_REQUIRED, 0, 0);
    }
}

alka_status parser_constant(struct parser *parser, alka_valtype type,
                            struct alka_piece *out_piece) {
    struct input *in = &parser->in;
    struct constant constant = {.parser = parser};
    const uint8_t *start = in->cursor;
    for (;;) {
        constant.at = in->cursor;
        uint32_t op = ALKA_OP_COUNT;
        ALKA_TRY(in_opcode(in, &op));
        in->op = op;
        if (op == ALKA_OP_END)
            break;
        ALKA_TRY(constant_step(&constant, op));
    }
    ALKA_TRY(constant_pop(&constant, type));
    if (constant.height != 0)
        return constant_fail(&constant, ALKA_E_STACK_LEFTOVER, constant.height, 0);
    in->op = ALKA_DIAG_NONE;
    *out_piece = (struct alka_piece){in_off(in, start), (uint32_t)(in->cursor - start)};
    return ALKA_OK;
}
