/*
 * Room: parse. Branch hints: a custom section that says of br_if and if how likely they are taken
 * (Code metadata, "metadata.code.branch_hint"). In: a valid module. Out: whether its hints are
 * well-formed and stand at branches. Nothing else here reads them, and a module whose hints are
 * wrong is valid. Must never be asked about a module that is not.
 */
#include <alkahest/parse.h>

#include "check.h"

int memcmp(const void *, const void *, size_t);

/* One hint, with what must rise from each to the next. */
struct hint {
    const uint8_t *at;
    uint32_t func_idx; /* of the last function, plus 1 */
    uint32_t off;      /* from the start of the function's body */
};

static alka_status hints_malformed(const struct input *in, const uint8_t *at) {
    return in_fail(in, ALKA_E_BRANCH_HINT_FORM, at, 0, 0);
}

/* Offset, the size of what follows, and a byte that says "likely" or "unlikely". */
static alka_status hints_read(struct input *in, struct hint *hint, bool is_first) {
    uint32_t off = 0, size = 0;
    uint8_t likely = 0;
    hint->at = in->cursor;
    ALKA_TRY(in_u32(in, &off));
    ALKA_TRY(in_u32(in, &size));
    ALKA_TRY(in_byte(in, &likely));
    if (size != 1 || likely > 1 || (!is_first && off <= hint->off))
        return hints_malformed(in, hint->at);
    hint->off = off;
    return ALKA_OK;
}

/* Steps to the hint's instruction, which must be a branch with a condition. */
static alka_status hints_seek(struct check *check, const struct input *in, const struct hint *hint,
                              const uint8_t *body) {
    while (check->depth != 0 && check->in.cursor < body + hint->off)
        ALKA_TRY(check_step(check));
    bool is_there = check->depth != 0 && check->in.cursor == body + hint->off;
    uint8_t op = is_there ? *check->in.cursor : 0;
    if (op == alka_op_infos[ALKA_OP_IF].code || op == alka_op_infos[ALKA_OP_BR_IF].code)
        return ALKA_OK;
    return in_fail(in, ALKA_E_BRANCH_HINT_TARGET, hint->at, hint->func_idx - 1, hint->off);
}

/* The hints of one function. */
static alka_status hints_function(struct input *in, struct alka_arena *scratch, struct hint *hint) {
    struct alka_module *module = in->module;
    const uint8_t *at = in->cursor;
    uint32_t func_idx = 0, count = 0;
    ALKA_TRY(in_u32(in, &func_idx));
    if (func_idx < hint->func_idx || func_idx < module->imported_functions ||
        func_idx >= module->function_count)
        return hints_malformed(in, at);
    hint->func_idx = func_idx + 1;
    ALKA_TRY(in_u32(in, &count));
    struct check check = {.is_summarized = false};
    ALKA_TRY(check_begin(&check, module, func_idx, scratch, in->diag));
    const uint8_t *body = in->base + module->functions[func_idx].body.off;
    for (uint32_t i = 0; i < count; i++) {
        ALKA_TRY(hints_read(in, hint, i == 0));
        ALKA_TRY(hints_seek(&check, in, hint, body));
    }
    return ALKA_OK;
}

static alka_status hints_section(struct input *in, struct alka_arena *scratch) {
    struct alka_arena_mark mark = alka_arena_mark(scratch);
    struct hint hint = {.func_idx = 0};
    uint32_t count = 0;
    ALKA_TRY(in_u32(in, &count));
    for (; count != 0; count--) {
        ALKA_TRY(hints_function(in, scratch, &hint));
        alka_arena_reset(scratch, mark);
    }
    return in->cursor == in->end ? ALKA_OK : hints_malformed(in, in->cursor);
}

alka_status alka_check_hints(struct alka_module *module, struct alka_arena *scratch,
                             struct alka_diag *out_diag) {
    static const char name[] = "metadata.code.branch_hint";
    uint64_t validated_locals = module->validated_locals; /* they are not declared anew */
    alka_status status = ALKA_OK;
    for (uint32_t i = 0; i < module->custom_count && status == ALKA_OK; i++) {
        const struct alka_custom_section *custom = &module->customs[i];
        if (custom->name.size != sizeof name - 1 ||
            memcmp(custom->name.data, name, sizeof name - 1) != 0)
            continue;
        struct input in;
        in_init(&in, module, scratch, out_diag);
        in.section_id = 0;
        in.cursor = in.base + custom->bytes.off;
        in.end = in.cursor + custom->bytes.size;
        status = hints_section(&in, scratch);
    }
    module->validated_locals = validated_locals;
    return status;
}
