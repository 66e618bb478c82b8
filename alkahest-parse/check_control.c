/*
 * Room: parse. Control instructions (specification 3.4.1): blocks, branches, calls. In: the cursor
 * behind the opcode. Out: control frames pushed and popped, their types enforced. Merging is
 * O(types of the label) per branch. Must never follow a branch.
 */
#include "check.h"

void *memcpy(void *, const void *, size_t);

void check_unreachable(struct check *check) {
    check->sp = check->floor;
    check_top(check)->is_unreachable = true;
    if (check->is_summarized)
        summarize_no_fallthrough(&check->sum);
}

enum { CONTROL_FRAMES_FIRST = 16 };

static alka_status control_grow(struct check *check) {
    uint32_t limit = check->in.module->limits->nesting;
    if (check->depth >= limit)
        return check_fail(check, ALKA_E_LIMIT_NESTING, check->depth, limit);
    uint32_t room = check->frame_room != 0 ? check->frame_room * 2 : CONTROL_FRAMES_FIRST;
    if (room > limit)
        room = limit;
    struct check_frame *frames = NULL;
    ALKA_TRY(in_take(&check->in, room, sizeof *frames, &frames));
    if (check->depth != 0)
        memcpy(frames, check->frames, check->depth * sizeof *frames);
    check->frames = frames;
    check->frame_room = room;
    return ALKA_OK;
}

alka_status check_push_frame(struct check *check, uint32_t op, const struct alka_functype *type) {
    if (check->depth == check->frame_room)
        ALKA_TRY(control_grow(check));
    check_open_frame(check, op, type);
    return check_push_types(check, type->params, type->param_count);
}

/* Block types of one result or none; others are made. */
static const alka_valtype control_results[] = {
    ALKA_I32, ALKA_I64, ALKA_F32, ALKA_F64, ALKA_V128, ALKA_FUNCREF, ALKA_EXTERNREF, ALKA_EXNREF};
#define CONTROL_RESULT(index) \
    { NULL, &control_results[index], 0, 1 }
static const struct alka_functype control_single[] = {
    CONTROL_RESULT(0), CONTROL_RESULT(1), CONTROL_RESULT(2), CONTROL_RESULT(3),
    CONTROL_RESULT(4), CONTROL_RESULT(5), CONTROL_RESULT(6), CONTROL_RESULT(7),
};
static const struct alka_functype control_empty;

static alka_status control_single_type(struct check *check, alka_valtype type,
                                       const struct alka_functype **out_type) {
    for (uint32_t i = 0; i < sizeof control_results / sizeof *control_results; i++) {
        if (control_results[i] == type) {
            *out_type = &control_single[i];
            return ALKA_OK;
        }
    }
    struct {
        struct alka_functype type;
        alka_valtype result;
    } *made = NULL;
    ALKA_TRY(in_alloc(&check->in, 1, sizeof *made, &made));
    made->result = type;
    made->type = (struct alka_functype){NULL, &made->result, 0, 1};
    *out_type = &made->type;
    return ALKA_OK;
}

enum { CONTROL_EMPTY_BLOCK = 0x40 };

/* A block type (5.4.1): empty, one value type, or a type index in 33 signed bits. */
alka_status check_block_type(struct check *check, const struct alka_functype **out_type) {
    struct input *in = &check->in;
    const uint8_t *at = in->cursor;
    if (at < in->end && *at == CONTROL_EMPTY_BLOCK) {
        in->cursor++;
        *out_type = &control_empty;
        return ALKA_OK;
    }
    if (at < in->end && in_starts_valtype(*at)) {
        alka_valtype type = 0;
        ALKA_TRY(in_valtype(in, &type));
        return control_single_type(check, type, out_type);
    }
    int64_t type_idx = 0;
    ALKA_TRY(in_signed(in, 33, &type_idx));
    if (type_idx < 0)
        return in_fail(in, ALKA_E_VALUE_TYPE, at, *at, 0);
    ALKA_TRY(in_use(in, ALKA_FEATURE_MULTI_VALUE, at));
    if (type_idx >= in->module->type_count)
        return check_fail(check, ALKA_E_UNKNOWN_TYPE, (uint64_t)type_idx, 0);
    if (in->module->type_defs[type_idx].form != ALKA_TYPE_FUNC)
        return check_fail(check, ALKA_E_TYPE_WRONG_FORM, (uint64_t)type_idx, ALKA_TYPE_FUNC);
    *out_type = &in->module->types[type_idx];
    return ALKA_OK;
}

static alka_status control_enter(struct check *check, uint32_t op) {
    const struct alka_functype *type = &control_empty;
    ALKA_TRY(check_block_type(check, &type));
    if (op == ALKA_OP_IF)
        ALKA_TRY(check_pop(check, ALKA_I32));
    ALKA_TRY(check_pop_types(check, type->params, type->param_count));
    ALKA_TRY(check_push_frame(check, op, type));
    check_summarize_frame(check, op);
    return ALKA_OK;
}

/* The end of a block or of an `if`'s first arm: its results, and nothing but them, are there. */
alka_status check_finish_arm(struct check *check) {
    const struct alka_functype *type = check_top(check)->type;
    ALKA_TRY(check_pop_types(check, type->results, type->result_count));
    if (check->sp != check->floor)
        return check_fail(check, ALKA_E_STACK_LEFTOVER, (uint64_t)(check->sp - check->floor), 0);
    return ALKA_OK;
}

static alka_status control_else(struct check *check) {
    struct check_frame *frame = check_top(check);
    if (frame->op != ALKA_OP_IF)
        return check_fail(check, ALKA_E_ELSE_WITHOUT_IF, 0, 0);
    ALKA_TRY(check_finish_arm(check));
    frame->op = ALKA_OP_ELSE;
    frame->is_unreachable = false;
    check_forget_sets(check);
    if (check->is_summarized)
        summarize_else(&check->sum);
    return check_push_types(check, frame->type->params, frame->type->param_count);
}

/* An `if` without `else` stands for one whose other arm does nothing. */
static alka_status control_missing_else(struct check *check, const struct alka_functype *type) {
    bool is_same = type->param_count == type->result_count;
    for (uint32_t i = 0; is_same && i < type->param_count; i++)
        is_same = in_subtype(check->in.module, type->params[i], type->results[i]);
    return is_same ? ALKA_OK : check_fail(check, ALKA_E_IF_WITHOUT_ELSE, 0, 0);
}

alka_status check_end(struct check *check) {
    const struct check_frame *frame = check_top(check);
    const struct alka_functype *type = frame->type;
    ALKA_TRY(check_finish_arm(check));
    if (frame->op == ALKA_OP_IF)
        ALKA_TRY(control_missing_else(check, type));
    if (check->is_summarized)
        summarize_end(&check->sum, in_off(&check->in, check->at));
    check_forget_sets(check);
    check->arms -= frame->op == ALKA_OP_CATCH || frame->op == ALKA_OP_CATCH_ALL;
    if (--check->depth == 0)
        return ALKA_OK;
    check->floor = check->stack + check_top(check)->floor;
    return check_push_types(check, type->results, type->result_count);
}

/* Branches */

static struct check_label control_label(const struct check *check, uint32_t depth) {
    const struct check_frame *frame = &check->frames[check->depth - 1 - depth];
    const struct alka_functype *type = frame->type;
    if (frame->op == ALKA_OP_LOOP)
        return (struct check_label){type->params, type->param_count};
    return (struct check_label){type->results, type->result_count};
}

alka_status check_read_label(struct check *check, uint32_t *out_depth,
                             struct check_label *out_label) {
    ALKA_TRY(check_index(check, check->depth, ALKA_E_UNKNOWN_LABEL, out_depth));
    *out_label = control_label(check, *out_depth);
    return ALKA_OK;
}

void check_branch(struct check *check, uint32_t depth) {
    if (check->is_summarized)
        summarize_branch(&check->sum, depth);
}

static alka_status control_br(struct check *check) {
    uint32_t depth = 0;
    struct check_label label;
    ALKA_TRY(check_read_label(check, &depth, &label));
    ALKA_TRY(check_pop_types(check, label.types, label.count));
    check_branch(check, depth);
    check_unreachable(check);
    return ALKA_OK;
}

static alka_status control_br_if(struct check *check) {
    uint32_t depth = 0;
    struct check_label label;
    ALKA_TRY(check_read_label(check, &depth, &label));
    ALKA_TRY(check_pop(check, ALKA_I32));
    ALKA_TRY(check_pop_types(check, label.types, label.count));
    check_branch(check, depth);
    return check_push_types(check, label.types, label.count);
}

/* The topmost values fit a label; they stay where they are. */
static alka_status control_peek_types(struct check *check, struct check_label label) {
    if (check_holds(check, label.types, label.count))
        return ALKA_OK;
    alka_valtype *sp = check->sp, *deepest = check->deepest;
    ALKA_TRY(check_pop_types(check, label.types, label.count));
    check->sp = sp;
    check->deepest = deepest;
    return ALKA_OK;
}

static alka_status control_br_table(struct check *check) {
    struct input *in = &check->in;
    uint32_t limit = in->module->limits->br_table_arms, arms = 0, depth = 0;
    struct check_label first = {NULL, 0}, label;
    ALKA_TRY(check_pop(check, ALKA_I32));
    ALKA_TRY(in_u32(in, &arms));
    if (arms > limit)
        return check_fail(check, ALKA_E_LIMIT_BR_TABLE, arms, limit);
    for (uint32_t i = 0; i <= arms; i++) { /* the default is one more */
        ALKA_TRY(check_read_label(check, &depth, &label));
        if (i == 0)
            first = label;
        if (label.count != first.count)
            return check_fail(check, ALKA_E_BRANCH_ARITY, first.count, label.count);
        if (i == 0 || label.types != first.types)
            ALKA_TRY(control_peek_types(check, label));
        check_branch(check, depth);
    }
    check_unreachable(check);
    return ALKA_OK;
}

static alka_status control_return(struct check *check) {
    ALKA_TRY(check_pop_types(check, check->type->results, check->type->result_count));
    check_branch(check, check->depth - 1);
    check_unreachable(check);
    return ALKA_OK;
}

/* Calls */

static alka_status control_apply_tail(struct check *check, const struct alka_functype *type) {
    const struct alka_functype *own = check->type;
    bool is_same = type->result_count == own->result_count;
    for (uint32_t i = 0; is_same && i < own->result_count; i++)
        is_same = in_subtype(check->in.module, type->results[i], own->results[i]);
    if (!is_same)
        return check_fail(check, ALKA_E_TAIL_RESULTS, 0, 0);
    if (check->is_summarized)
        summarize_tail_call(&check->sum, type->param_count);
    check_branch(check, check->depth - 1);
    check_unreachable(check);
    return ALKA_OK;
}

alka_status check_apply(struct check *check, const struct alka_functype *type, bool is_tail) {
    ALKA_TRY(check_pop_types(check, type->params, type->param_count));
    if (is_tail)
        return control_apply_tail(check, type);
    if (check->is_summarized)
        summarize_call(&check->sum, type->param_count, type->result_count);
    return check_push_types(check, type->results, type->result_count);
}

static alka_status control_callee(struct check *check, const struct alka_functype **out_type) {
    struct alka_module *module = check->in.module;
    uint32_t func_idx = 0;
    ALKA_TRY(check_index(check, module->function_count, ALKA_E_UNKNOWN_FUNCTION, &func_idx));
    *out_type = alka_function_type(module, func_idx);
    return ALKA_OK;
}

/* The table of call_indirect: before reference types there was only table 0, in one zero byte. */
static alka_status control_call_table(struct check *check, uint32_t *out_table_idx) {
    struct input *in = &check->in;
    const uint8_t *at = in->cursor;
    *out_table_idx = 0;
    if (at < in->end && *at == 0)
        in->cursor++;
    else if (at < in->end && !in_may_use(in, ALKA_FEATURE_REFERENCE_TYPES))
        return in_use_or(in, ALKA_FEATURE_REFERENCE_TYPES, ALKA_E_ZERO_BYTE, at);
    else
        ALKA_TRY(in_u32(in, out_table_idx));
    if (in->cursor > at + 1 || *out_table_idx != 0)
        ALKA_TRY(in_use(in, ALKA_FEATURE_REFERENCE_TYPES, at));
    if (*out_table_idx >= in->module->table_count)
        return check_fail(check, ALKA_E_UNKNOWN_TABLE, *out_table_idx, 0);
    return ALKA_OK;
}

static alka_status control_indirect_callee(struct check *check,
                                           const struct alka_functype **out_type) {
    struct alka_module *module = check->in.module;
    uint32_t type_idx = 0, table_idx = 0;
    ALKA_TRY(in_u32(&check->in, &type_idx));
    ALKA_TRY(control_call_table(check, &table_idx));
    const struct alka_table_def *table = &module->tables[table_idx];
    if (!in_subtype(check->in.module, table->type, ALKA_FUNCREF))
        return check_fail(check, ALKA_E_TABLE_NOT_FUNCTIONS, table_idx, table->type);
    if (type_idx >= module->type_count)
        return check_fail(check, ALKA_E_UNKNOWN_TYPE, type_idx, 0);
    if (module->type_defs[type_idx].form != ALKA_TYPE_FUNC)
        return check_fail(check, ALKA_E_TYPE_WRONG_FORM, type_idx, ALKA_TYPE_FUNC);
    *out_type = &module->types[type_idx];
    return check_pop(check, check_address_type(&table->range));
}

static alka_status control_call(struct check *check, uint32_t op) {
    const struct alka_functype *type = &control_empty;
    bool is_indirect = op == ALKA_OP_CALL_INDIRECT || op == ALKA_OP_RETURN_CALL_INDIRECT;
    bool is_tail = op == ALKA_OP_RETURN_CALL || op == ALKA_OP_RETURN_CALL_INDIRECT;
    ALKA_TRY(is_indirect ? control_indirect_callee(check, &type) : control_callee(check, &type));
    return check_apply(check, type, is_tail);
}

alka_status check_control(struct check *check, uint32_t op) {
    switch (op) {
    case ALKA_OP_UNREACHABLE:
        check_unreachable(check);
        return ALKA_OK;
    case ALKA_OP_BLOCK:
    case ALKA_OP_LOOP:
    case ALKA_OP_IF:
        return control_enter(check, op);
    case ALKA_OP_ELSE:
        return control_else(check);
    case ALKA_OP_END:
        return check_end(check);
    case ALKA_OP_BR:
        return control_br(check);
    case ALKA_OP_BR_IF:
        return control_br_if(check);
    case ALKA_OP_BR_TABLE:
        return control_br_table(check);
    case ALKA_OP_RETURN:
        return control_return(check);
    case ALKA_OP_CALL:
    case ALKA_OP_CALL_INDIRECT:
    case ALKA_OP_RETURN_CALL:
    case ALKA_OP_RETURN_CALL_INDIRECT:
        return control_call(check, op);
    default:
        return check_fail(check, ALKA_E_INTERNAL, op, 0);
    }
}
