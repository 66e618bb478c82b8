/*
 * Room: parse. Exceptions (specification 3.4.1): throw, throw_ref, try_table, and the older try
 * with its arms. In: the cursor behind the opcode. Out: the operand stack after it, control frames
 * pushed and popped. Must treat every handler as reached from anywhere in its body.
 */
#include "check.h"

/* A reference to an exception that there is. */
#define EXCEPTION_CAUGHT ALKA_REF(ALKA_HEAP_EXN, false)

static alka_status exception_tag(struct check *check, const struct alka_functype **out_type) {
    const struct alka_module *module = check->in.module;
    uint32_t tag_idx = 0;
    ALKA_TRY(check_index(check, module->tag_count, ALKA_E_UNKNOWN_TAG, &tag_idx));
    *out_type = alka_tag_type(module, tag_idx);
    return ALKA_OK;
}

static alka_status exception_throw(struct check *check) {
    const struct alka_functype *type = NULL;
    ALKA_TRY(exception_tag(check, &type));
    ALKA_TRY(check_pop_types(check, type->params, type->param_count));
    if (check->is_summarized)
        summarize_call(&check->sum, type->param_count, 0);
    check_unreachable(check);
    return ALKA_OK;
}

static alka_status exception_throw_ref(struct check *check) {
    ALKA_TRY(check_pop(check, ALKA_EXNREF));
    if (check->is_summarized)
        summarize_call(&check->sum, 1, 0);
    check_unreachable(check);
    return ALKA_OK;
}

/* --- try_table ---------------------------------------------------------------------------------*/

enum { CLAUSE_CATCH, CLAUSE_CATCH_REF, CLAUSE_CATCH_ALL, CLAUSE_CATCH_ALL_REF };

/* The label takes what the clause brings: as if that were pushed and branched with. */
static alka_status clause_fits(struct check *check, const struct alka_functype *brought,
                               bool with_ref, uint32_t depth) {
    const struct check_frame *target = &check->frames[check->depth - 1 - depth];
    const struct alka_functype *type = target->type;
    struct check_frame *top = check_top(check);
    bool was_unreachable = top->is_unreachable, is_loop = target->op == ALKA_OP_LOOP;
    ALKA_TRY(check_room(check, brought->param_count + 1));
    check->floor = check->sp;
    top->is_unreachable = false;
    ALKA_TRY(check_push_types(check, brought->params, brought->param_count));
    if (with_ref)
        ALKA_TRY(check_push(check, EXCEPTION_CAUGHT));
    ALKA_TRY(check_pop_types(check, is_loop ? type->params : type->results,
                             is_loop ? type->param_count : type->result_count));
    if (check->sp != check->floor)
        return check_fail(check, ALKA_E_STACK_LEFTOVER, (uint64_t)(check->sp - check->floor), 0);
    check->floor = check->stack + top->floor;
    top->is_unreachable = was_unreachable;
    return ALKA_OK;
}

static alka_status clause_read(struct check *check) {
    static const struct alka_functype nothing;
    const uint8_t *at = check->in.cursor;
    const struct alka_functype *brought = &nothing;
    uint8_t kind = 0;
    uint32_t depth = 0;
    ALKA_TRY(in_byte(&check->in, &kind));
    if (kind > CLAUSE_CATCH_ALL_REF)
        return in_fail(&check->in, ALKA_E_CATCH_KIND, at, kind, 0);
    bool with_ref = kind == CLAUSE_CATCH_REF || kind == CLAUSE_CATCH_ALL_REF;
    if (kind <= CLAUSE_CATCH_REF)
        ALKA_TRY(exception_tag(check, &brought));
    ALKA_TRY(check_index(check, check->depth, ALKA_E_UNKNOWN_LABEL, &depth));
    ALKA_TRY(clause_fits(check, brought, with_ref, depth));
    if (!check->is_summarized)
        return ALKA_OK;
    summarize_caught(&check->sum, brought->param_count + 1);
    summarize_branch(&check->sum, depth);
    return ALKA_OK;
}

static alka_status exception_try_table(struct check *check) {
    const struct alka_functype *type = NULL;
    uint32_t clauses = 0;
    ALKA_TRY(check_block_type(check, &type));
    ALKA_TRY(check_pop_types(check, type->params, type->param_count));
    ALKA_TRY(in_u32(&check->in, &clauses));
    for (; clauses != 0; clauses--)
        ALKA_TRY(clause_read(check));
    ALKA_TRY(check_push_frame(check, ALKA_OP_BLOCK, type));
    if (check->is_summarized)
        summarize_block(&check->sum);
    return ALKA_OK;
}

/* --- The older try -----------------------------------------------------------------------------*/

static alka_status exception_try(struct check *check) {
    const struct alka_functype *type = NULL;
    ALKA_TRY(check_block_type(check, &type));
    ALKA_TRY(check_pop_types(check, type->params, type->param_count));
    ALKA_TRY(check_push_frame(check, ALKA_OP_TRY, type));
    if (check->is_summarized)
        summarize_block(&check->sum);
    return ALKA_OK;
}

static void exception_count_arm(struct check *check) {
    if (++check->arms > check->deepest_arms)
        check->deepest_arms = check->arms;
}

static alka_status exception_catch(struct check *check, uint32_t op) {
    static const struct alka_functype nothing;
    struct check_frame *frame = check_top(check);
    const struct alka_functype *brought = &nothing;
    if (frame->op != ALKA_OP_TRY && frame->op != ALKA_OP_CATCH)
        return check_fail(check, ALKA_E_CATCH_WITHOUT_TRY, 0, 0);
    ALKA_TRY(check_finish_arm(check));
    if (op == ALKA_OP_CATCH)
        ALKA_TRY(exception_tag(check, &brought));
    if (frame->op == ALKA_OP_TRY)
        exception_count_arm(check);
    frame->op = op;
    frame->is_unreachable = false;
    check_forget_sets(check);
    if (check->is_summarized) {
        summarize_caught(&check->sum, brought->param_count + 1);
        summarize_catch(&check->sum);
    }
    return check_push_types(check, brought->params, brought->param_count);
}

static alka_status exception_delegate(struct check *check) {
    uint32_t depth = 0;
    if (check_top(check)->op != ALKA_OP_TRY)
        return check_fail(check, ALKA_E_CATCH_WITHOUT_TRY, 0, 0);
    ALKA_TRY(check_index(check, check->depth - 1, ALKA_E_UNKNOWN_LABEL, &depth));
    return check_end(check);
}

static alka_status exception_rethrow(struct check *check) {
    uint32_t depth = 0;
    ALKA_TRY(check_index(check, check->depth, ALKA_E_UNKNOWN_LABEL, &depth));
    uint32_t op = check->frames[check->depth - 1 - depth].op;
    if (op != ALKA_OP_CATCH && op != ALKA_OP_CATCH_ALL)
        return check_fail(check, ALKA_E_RETHROW_LABEL, depth, 0);
    if (check->is_summarized) {
        summarize_rethrow(&check->sum, depth);
        summarize_call(&check->sum, 1, 0);
    }
    check_unreachable(check);
    return ALKA_OK;
}

alka_status check_exceptions(struct check *check, uint32_t op) {
    switch (op) {
    case ALKA_OP_THROW:
        return exception_throw(check);
    case ALKA_OP_THROW_REF:
        return exception_throw_ref(check);
    case ALKA_OP_TRY_TABLE:
        return exception_try_table(check);
    case ALKA_OP_TRY:
        return exception_try(check);
    case ALKA_OP_CATCH:
    case ALKA_OP_CATCH_ALL:
        return exception_catch(check, op);
    case ALKA_OP_DELEGATE:
        return exception_delegate(check);
    default: /* rethrow */
        return exception_rethrow(check);
    }
}
