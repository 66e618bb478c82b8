/*
 * Commands of a suite that call functions and read globals. In: an action and expected values from
 * the JSON. Out: verdicts.
 */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_VALUES_MAX 64u /* parameters or results of one call */

struct action_result {
    enum alka_trap trap;
    struct value values[RUN_VALUES_MAX];
    size_t count;
};

static void action_unpack(const alka_valtype *types, uint32_t count, const uint64_t *words,
                          struct action_result *result) {
    for (uint32_t i = 0; i < count; i++) {
        struct value *value = &result->values[i];
        *value = (struct value){.type = types[i], .bits = {words[0], 0}};
        if (types[i] == ALKA_V128)
            value->bits[1] = words[1];
        if (types[i] == ALKA_I32 || types[i] == ALKA_F32)
            value->bits[0] = (uint32_t)words[0];
        words += value_words(types[i]);
    }
    result->count = count;
}

static enum verdict action_pack(const struct runner *runner, const json_t *args,
                                const struct alka_functype *type, uint64_t *words) {
    if (json_array_size(args) != type->param_count)
        return run_fail(runner, "the function takes %u arguments", (unsigned)type->param_count);
    for (uint32_t i = 0; i < type->param_count; i++) {
        struct wast_pattern pattern;
        if (!wast_pattern_read(json_array_get(args, i), &pattern))
            return run_fail(runner, "argument %u is of no known form", (unsigned)i);
        words[0] = pattern.value.bits[0];
        if (type->params[i] == ALKA_V128)
            words[1] = pattern.value.bits[1];
        words += value_words(type->params[i]);
    }
    return VERDICT_PASSED;
}

/* An instance can export a host function that it imports; only those of spectest come here. */
static enum verdict action_call_host(const struct alka_extern *external,
                                     struct action_result *result) {
    uint64_t none[1] = {0};
    external->host.values(NULL, none);
    result->count = 0;
    return VERDICT_PASSED;
}

static enum verdict action_invoke(const struct runner *runner, const json_t *args,
                                  const struct alka_extern *external,
                                  struct action_result *result) {
    if (!external->owner)
        return action_call_host(external, result);
    const struct alka_functype *type = alka_func_type(external->func);
    if (type->param_count > RUN_VALUES_MAX || type->result_count > RUN_VALUES_MAX)
        return run_fail(runner, "more than %u values", RUN_VALUES_MAX);
    uint64_t words[2 * RUN_VALUES_MAX] = {0};
    enum verdict verdict = action_pack(runner, args, type, words);
    if (verdict != VERDICT_PASSED)
        return verdict;
    alka_status status =
        alka_engine_call(runner->store.engine, external->func, words, &result->trap, NULL);
    if (status != ALKA_OK)
        return run_fail(runner, "the call could not be made: status %d", (int)status);
    if (result->trap == ALKA_TRAP_NONE)
        action_unpack(type->results, type->result_count, words, result);
    return VERDICT_PASSED;
}

/* Carries out the command's action. VERDICT_PASSED also if it trapped. */
static enum verdict run_action(const struct runner *runner, struct action_result *result) {
    const json_t *action = json_object_get(runner->command, "action");
    const char *type = json_string_value(json_object_get(action, "type"));
    struct alka_instance *instance = run_instance(runner, action, "module");
    struct alka_extern external;
    *result = (struct action_result){0};
    if (!type)
        return run_fail(runner, "no action");
    if (!instance)
        return run_fail(runner, "no such instance");
    if (!alka_instance_export(instance, run_span(json_object_get(action, "field")), &external))
        return run_fail(runner, "no such export");
    if (strcmp(type, "get") == 0 && external.kind == ALKA_EXTERN_GLOBAL) {
        action_unpack(&external.global.type, 1, external.global.cell, result);
        return VERDICT_PASSED;
    }
    if (strcmp(type, "invoke") == 0 && external.kind == ALKA_EXTERN_FUNC)
        return action_invoke(runner, json_object_get(action, "args"), &external, result);
    return run_fail(runner, "the export is of another kind");
}

enum verdict run_action_command(struct runner *runner) {
    struct action_result result;
    enum verdict verdict = run_action(runner, &result);
    if (verdict == VERDICT_PASSED && result.trap != ALKA_TRAP_NONE)
        return run_fail(runner, "trapped: %s", alka_trap_message(result.trap));
    return verdict;
}

/* --- Assertions about actions. --- */

static enum verdict run_mismatch(const struct runner *runner, const json_t *expected, size_t index,
                                 const struct value *got) {
    if (!runner->is_verbose)
        return VERDICT_FAILED;
    char type[VALUE_TEXT_BYTES], text[VALUE_TEXT_BYTES];
    value_type_name(got->type, type, sizeof type);
    value_format(got, text, sizeof text);
    char *want = json_dumps(expected, JSON_COMPACT | JSON_ENCODE_ANY);
    (void)run_fail(runner, "result %zu: expected %s, got %s %s", index, want ? want : "?", type,
                   text);
    free(want);
    return VERDICT_FAILED;
}

enum verdict run_assert_return(struct runner *runner) {
    struct action_result result;
    enum verdict verdict = run_action(runner, &result);
    if (verdict != VERDICT_PASSED)
        return verdict;
    if (result.trap != ALKA_TRAP_NONE)
        return run_fail(runner, "trapped: %s", alka_trap_message(result.trap));
    const json_t *expected = json_object_get(runner->command, "expected");
    if (json_array_size(expected) != result.count)
        return run_fail(runner, "expected %zu results, got %zu", json_array_size(expected),
                        result.count);
    for (size_t i = 0; i < result.count; i++)
        if (!wast_matches(json_array_get(expected, i), &result.values[i]))
            return run_mismatch(runner, json_array_get(expected, i), i, &result.values[i]);
    return VERDICT_PASSED;
}

enum verdict run_assert_trap(struct runner *runner) {
    struct action_result result;
    enum verdict verdict = run_action(runner, &result);
    const char *expected = run_text(runner, "text");
    if (verdict != VERDICT_PASSED)
        return verdict;
    if (result.trap == ALKA_TRAP_NONE)
        return run_fail(runner, "expected a trap: %s", expected);
    /* Scripts made from another engine's run cannot always say which trap it was. */
    bool is_said = json_object_get(runner->command, "text") != NULL;
    if (is_said && !wast_messages_agree(expected, alka_trap_message(result.trap)))
        return run_fail(runner, "expected the trap \"%s\", got \"%s\"", expected,
                        alka_trap_message(result.trap));
    return VERDICT_PASSED;
}

enum verdict run_assert_exception(struct runner *runner) {
    struct action_result result;
    enum verdict verdict = run_action(runner, &result);
    if (verdict == VERDICT_PASSED && result.trap != ALKA_TRAP_UNCAUGHT_EXCEPTION)
        return run_fail(runner, "expected an uncaught exception");
    return verdict;
}
