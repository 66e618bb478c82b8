/*
 * Room: parse. The validator's loop over bodies: local declarations, then check_fast for what is
 * common and check_step for the rest, until the body's own `end`. In: bodies. Out: their summaries,
 * or the first failure.
 */
#include <alkahest/parse.h>

#include "check.h"

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

/* Of the declared locals; only if there is one without a value. */
static alka_status check_track_sets(struct check *check) {
    uint32_t first = check->type->param_count;
    bool is_needed = false;
    for (uint32_t i = first; i < check->local_count; i++)
        is_needed |= !alka_valtype_has_default(check->locals[i]);
    if (!is_needed)
        return ALKA_OK;
    ALKA_TRY(in_alloc(&check->in, check->local_count, 1, &check->is_set));
    ALKA_TRY(in_take(&check->in, check->local_count, sizeof(uint32_t), &check->set_locals));
    for (uint32_t i = 0; i < check->local_count; i++)
        check->is_set[i] = i < first || alka_valtype_has_default(check->locals[i]);
    return ALKA_OK;
}

alka_status check_begin(struct check *check, struct alka_module *module, uint32_t func_idx,
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
    ALKA_TRY(check_track_sets(check));
    ALKA_TRY(check_grow(check, 1));
    if (!check->is_summarized) {
        summarize_nothing(&check->sum);
    } else {
        alka_status status =
            summarize_begin(&check->sum, scratch, check->locals, check->local_count,
                            check->type->param_count, (size_t)(in->end - in->cursor));
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
    /* An arm may keep its exception below its operands. */
    summary.max_operands = (uint32_t)(check->deepest - check->stack) + check->deepest_arms;
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
