/*
 * Room: parse. Instructions whose types come from what they name: locals, globals, tables,
 * references, select, copies (specification 3.4.2–3.4.7). In: the cursor behind the opcode. Out:
 * the operand stack after it. One short function each.
 */
#include "check.h"

static alka_status special_drop(struct check *check) {
    alka_valtype type = 0;
    return check_pop_any(check, &type);
}

/* Without a type: numbers and vectors only; unreachable operands take the other's type. */
static alka_status special_select(struct check *check) {
    alka_valtype second = 0, first = 0;
    ALKA_TRY(check_pop(check, ALKA_I32));
    ALKA_TRY(check_pop_any(check, &second));
    ALKA_TRY(check_pop_any(check, &first));
    if (alka_valtype_is_ref(first) || alka_valtype_is_ref(second))
        return check_fail(check, ALKA_E_SELECT_REFERENCE,
                          alka_valtype_is_ref(first) ? first : second, 0);
    if (first == ALKA_BOTTOM)
        return check_push(check, second);
    if (second != ALKA_BOTTOM && second != first)
        return check_fail(check, ALKA_E_TYPE_MISMATCH, first, second);
    return check_push(check, first);
}

static alka_status special_select_typed(struct check *check) {
    uint32_t count = 0;
    alka_valtype type = 0;
    ALKA_TRY(in_u32(&check->in, &count));
    if (count != 1)
        return check_fail(check, ALKA_E_RESULT_ARITY, count, 0);
    ALKA_TRY(in_valtype(&check->in, &type));
    ALKA_TRY(check_pop(check, ALKA_I32));
    ALKA_TRY(check_pop(check, type));
    ALKA_TRY(check_pop(check, type));
    return check_push(check, type);
}

static alka_status special_local(struct check *check, uint32_t op) {
    uint32_t local_idx = 0;
    ALKA_TRY(check_index(check, check->local_count, ALKA_E_UNKNOWN_LOCAL, &local_idx));
    alka_valtype type = check->locals[local_idx];
    uint32_t off = in_off(&check->in, check->at);
    if (op != ALKA_OP_LOCAL_GET) {
        ALKA_TRY(check_pop(check, type));
        check_note_set(check, local_idx);
    } else if (!check_is_set(check, local_idx)) {
        return check_fail(check, ALKA_E_LOCAL_UNSET, local_idx, type);
    }
    uint32_t height = (uint32_t)(check->sp - check->stack);
    if (op != ALKA_OP_LOCAL_SET)
        ALKA_TRY(check_push(check, type));
    if (!check->is_summarized)
        return ALKA_OK;
    if (op == ALKA_OP_LOCAL_GET)
        summarize_get(&check->sum, local_idx, off, height);
    else
        summarize_set(&check->sum, local_idx, off, height);
    return ALKA_OK;
}

static alka_status special_global(struct check *check, uint32_t op) {
    const struct alka_module *module = check->in.module;
    uint32_t global_idx = 0;
    ALKA_TRY(check_index(check, module->global_count, ALKA_E_UNKNOWN_GLOBAL, &global_idx));
    const struct alka_global_def *global = &module->globals[global_idx];
    if (op == ALKA_OP_GLOBAL_GET)
        return check_push(check, global->type);
    if (!global->is_mutable)
        return check_fail(check, ALKA_E_GLOBAL_IMMUTABLE, global_idx, 0);
    ALKA_TRY(check_pop(check, global->type));
    if (check->is_summarized && alka_valtype_is_funcref(global->type))
        summarize_call(&check->sum, 0, 0); /* the runtime stores it */
    return ALKA_OK;
}

static alka_status special_read_table(struct check *check, struct alka_table_def **out_table) {
    const struct alka_module *module = check->in.module;
    uint32_t table_idx = 0;
    ALKA_TRY(check_index(check, module->table_count, ALKA_E_UNKNOWN_TABLE, &table_idx));
    *out_table = &module->tables[table_idx];
    return ALKA_OK;
}

/* What the instructions on one table pop, the topmost first, and push: A an address, T an element.
 */
struct special_table_form {
    char pops[4];
    char push;
    bool changes;
};

static struct special_table_form special_table_form(uint32_t op) {
    switch (op) {
    case ALKA_OP_TABLE_GET:
        return (struct special_table_form){"A", 'T', false};
    case ALKA_OP_TABLE_SET:
        return (struct special_table_form){"TA", 0, true};
    case ALKA_OP_TABLE_SIZE:
        return (struct special_table_form){"", 'A', false};
    case ALKA_OP_TABLE_GROW:
        return (struct special_table_form){"AT", 'A', true};
    default: /* table.fill */
        return (struct special_table_form){"ATA", 0, true};
    }
}

static alka_status special_table_access(struct check *check, uint32_t op) {
    struct special_table_form form = special_table_form(op);
    struct alka_table_def *table = NULL;
    ALKA_TRY(special_read_table(check, &table));
    alka_valtype address_type = check_address_type(&table->range);
    table->mutated |= form.changes;
    for (const char *pop = form.pops; *pop != 0; pop++)
        ALKA_TRY(check_pop(check, *pop == 'A' ? address_type : table->type));
    if (form.push == 0)
        return ALKA_OK;
    return check_push(check, form.push == 'A' ? address_type : table->type);
}

/* Both addresses and the length; the length has the smaller of the two address types. */
static alka_status special_copy_operands(struct check *check, const struct alka_range *to,
                                         const struct alka_range *from) {
    alka_valtype length_type = to->is_64 && from->is_64 ? ALKA_I64 : ALKA_I32;
    ALKA_TRY(check_pop(check, length_type));
    ALKA_TRY(check_pop(check, check_address_type(from)));
    return check_pop(check, check_address_type(to));
}

static alka_status special_memory_copy(struct check *check) {
    const struct alka_memory_def *memories = check->in.module->memories;
    uint32_t to_idx = 0, from_idx = 0;
    ALKA_TRY(check_memory_index(check, &to_idx));
    ALKA_TRY(check_memory_index(check, &from_idx));
    return special_copy_operands(check, &memories[to_idx].range, &memories[from_idx].range);
}

static alka_status special_table_copy(struct check *check) {
    struct alka_table_def *to = NULL, *from = NULL;
    ALKA_TRY(special_read_table(check, &to));
    ALKA_TRY(special_read_table(check, &from));
    if (!in_subtype(check->in.module, from->type, to->type))
        return check_fail(check, ALKA_E_ELEMENT_TYPE, to->type, from->type);
    to->mutated = true;
    return special_copy_operands(check, &to->range, &from->range);
}

static alka_status special_table_init(struct check *check) {
    const struct alka_module *module = check->in.module;
    uint32_t elem_idx = 0;
    struct alka_table_def *table = NULL;
    ALKA_TRY(in_u32(&check->in, &elem_idx));
    ALKA_TRY(special_read_table(check, &table));
    if (elem_idx >= module->element_count)
        return check_fail(check, ALKA_E_UNKNOWN_ELEMENT, elem_idx, 0);
    alka_valtype type = module->elements[elem_idx].type;
    if (!in_subtype(check->in.module, type, table->type))
        return check_fail(check, ALKA_E_ELEMENT_TYPE, table->type, type);
    table->mutated = true;
    ALKA_TRY(check_pop(check, ALKA_I32));
    ALKA_TRY(check_pop(check, ALKA_I32));
    return check_pop(check, check_address_type(&table->range));
}

static alka_status special_ref_null(struct check *check) {
    uint32_t heap = 0;
    ALKA_TRY(in_heaptype(&check->in, &heap));
    return check_push(check, ALKA_REF(heap, true));
}

static alka_status special_ref_is_null(struct check *check) {
    alka_valtype type = 0;
    ALKA_TRY(check_pop_any(check, &type));
    if (type != ALKA_BOTTOM && !alka_valtype_is_ref(type))
        return check_fail(check, ALKA_E_REFERENCE_EXPECTED, type, 0);
    return check_push(check, ALKA_I32);
}

static alka_status special_ref_func(struct check *check) {
    const struct alka_module *module = check->in.module;
    uint32_t func_idx = 0;
    ALKA_TRY(check_index(check, module->function_count, ALKA_E_UNKNOWN_FUNCTION, &func_idx));
    if (!module->functions[func_idx].declared_ref)
        return check_fail(check, ALKA_E_FUNCTION_UNDECLARED, func_idx, 0);
    return check_push(check, ALKA_REF(module->functions[func_idx].type_idx, false));
}

alka_status check_special(struct check *check, uint32_t op) {
    switch (op) {
    case ALKA_OP_DROP:
        return special_drop(check);
    case ALKA_OP_SELECT:
        return special_select(check);
    case ALKA_OP_SELECT_T:
        return special_select_typed(check);
    case ALKA_OP_LOCAL_GET:
    case ALKA_OP_LOCAL_SET:
    case ALKA_OP_LOCAL_TEE:
        return special_local(check, op);
    case ALKA_OP_GLOBAL_GET:
    case ALKA_OP_GLOBAL_SET:
        return special_global(check, op);
    case ALKA_OP_TABLE_GET:
    case ALKA_OP_TABLE_SET:
    case ALKA_OP_TABLE_SIZE:
    case ALKA_OP_TABLE_GROW:
    case ALKA_OP_TABLE_FILL:
        return special_table_access(check, op);
    case ALKA_OP_MEMORY_COPY:
        return special_memory_copy(check);
    case ALKA_OP_TABLE_COPY:
        return special_table_copy(check);
    case ALKA_OP_TABLE_INIT:
        return special_table_init(check);
    case ALKA_OP_REF_NULL:
        return special_ref_null(check);
    case ALKA_OP_REF_IS_NULL:
        return special_ref_is_null(check);
    case ALKA_OP_REF_FUNC:
        return special_ref_func(check);
    case ALKA_OP_THROW:
    case ALKA_OP_THROW_REF:
    case ALKA_OP_TRY_TABLE:
    case ALKA_OP_TRY:
    case ALKA_OP_CATCH:
    case ALKA_OP_CATCH_ALL:
    case ALKA_OP_DELEGATE:
    case ALKA_OP_RETHROW:
        return check_exceptions(check, op);
    default:
        return check_control(check, op);
    }
}
