/*
 * Runs one suite file: reads its JSON, carries its commands out in order, compares. In: a path.
 * Out: counts, and with --verbose a line per failure. One command's failure never stops the next.
 */
#include "../diagnose.h"
#include "../report.h"
#include "wast.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_VALUES_MAX 64u /* parameters or results of one call */

struct runner {
    struct wast_store store;
    const char *path; /* of the JSON file */
    const json_t *command;
    bool is_verbose;
    struct wast_count count;
};

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_SKIPPED };

/* Says why the current command failed; the result is VERDICT_FAILED, for return statements. */
__attribute__((format(printf, 2, 3))) static enum verdict run_fail(const struct runner *runner,
                                                                   const char *format, ...) {
    if (!runner->is_verbose)
        return VERDICT_FAILED;
    long long line = json_integer_value(json_object_get(runner->command, "line"));
    const char *type = json_string_value(json_object_get(runner->command, "type"));
    printf("%s:%lld: %s: ", runner->path, line, type ? type : "?");
    va_list arguments;
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    return VERDICT_FAILED;
}

static struct alka_span run_span(const json_t *json) {
    return (struct alka_span){(const uint8_t *)json_string_value(json), json_string_length(json)};
}

static const char *run_text(const struct runner *runner, const char *key) {
    const char *text = json_string_value(json_object_get(runner->command, key));
    return text ? text : "";
}

/* The file that the command names, beside the JSON file. False if it names one elsewhere. */
static bool run_module_path(const struct runner *runner, char *path, size_t path_bytes) {
    const char *name = run_text(runner, "filename");
    const char *slash = strrchr(runner->path, '/');
    int folder_bytes = slash ? (int)(slash - runner->path + 1) : 0;
    if (name[0] == '\0' || strchr(name, '/'))
        return false;
    int bytes = snprintf(path, path_bytes, "%.*s%s", folder_bytes, runner->path, name);
    return bytes > 0 && (size_t)bytes < path_bytes;
}

/* One text must begin with the other: ours may say more, so may theirs ("uninitialized element 2").
 */
static bool messages_agree(const char *expected, const char *got) {
    size_t expected_bytes = strlen(expected), got_bytes = strlen(got);
    size_t common = expected_bytes < got_bytes ? expected_bytes : got_bytes;
    return common > 0 && memcmp(expected, got, common) == 0;
}

static enum verdict run_compile(struct runner *runner, struct alka_image **out_image,
                                struct wast_outcome *out_outcome) {
    char path[4096];
    *out_image = NULL;
    if (!run_module_path(runner, path, sizeof path))
        return run_fail(runner, "no usable file name");
    wast_store_compile(&runner->store, path, out_image, out_outcome);
    return VERDICT_PASSED;
}

/* --- Commands that make something. --- */

static enum verdict run_name(struct runner *runner, struct wast_names *names, const char *key,
                             struct wast_named named) {
    const json_t *name = json_object_get(runner->command, key);
    if (!name)
        return VERDICT_PASSED;
    named.name = run_span(name);
    return wast_names_set(names, named) ? VERDICT_PASSED : run_fail(runner, "out of memory");
}

static enum verdict run_instantiate(struct runner *runner, struct alka_image *image,
                                    const char *name_key) {
    struct wast_outcome outcome;
    wast_store_instantiate(&runner->store, image, &runner->store.current, &outcome);
    if (outcome.status != ALKA_OK)
        return run_fail(runner, "not instantiated: %s", outcome.message);
    struct wast_named named = {.instance = runner->store.current};
    return run_name(runner, &runner->store.instances, name_key, named);
}

static enum verdict run_module(struct runner *runner) {
    struct alka_image *image;
    struct wast_outcome outcome;
    runner->store.current = NULL;
    enum verdict verdict = run_compile(runner, &image, &outcome);
    if (verdict != VERDICT_PASSED)
        return verdict;
    if (outcome.status != ALKA_OK)
        return run_fail(runner, "not compiled: %s", outcome.message);
    return run_instantiate(runner, image, "name");
}

static enum verdict run_module_definition(struct runner *runner) {
    struct wast_outcome outcome;
    runner->store.current_definition = NULL;
    enum verdict verdict = run_compile(runner, &runner->store.current_definition, &outcome);
    if (verdict != VERDICT_PASSED)
        return verdict;
    if (outcome.status != ALKA_OK)
        return run_fail(runner, "not compiled: %s", outcome.message);
    struct wast_named named = {.image = runner->store.current_definition};
    return run_name(runner, &runner->store.definitions, "name", named);
}

static enum verdict run_module_instance(struct runner *runner) {
    const json_t *name = json_object_get(runner->command, "module");
    struct alka_image *image = runner->store.current_definition;
    if (name) {
        const struct wast_named *named =
            wast_names_find(&runner->store.definitions, run_span(name));
        image = named ? named->image : NULL;
    }
    if (!image)
        return run_fail(runner, "no such module definition");
    return run_instantiate(runner, image, "instance");
}

/* The instance that `key` of `json` names; the current one without a name. NULL if there is none.
 */
static struct alka_instance *run_instance(const struct runner *runner, const json_t *json,
                                          const char *key) {
    const json_t *name = json_object_get(json, key);
    if (!name)
        return runner->store.current;
    const struct wast_named *named = wast_names_find(&runner->store.instances, run_span(name));
    return named ? named->instance : NULL;
}

static enum verdict run_register(struct runner *runner) {
    struct wast_named named = {
        .name = run_span(json_object_get(runner->command, "as")),
        .instance = run_instance(runner, runner->command, "name"),
    };
    if (!named.instance)
        return run_fail(runner, "no such instance");
    return wast_names_set(&runner->store.registered, named) ? VERDICT_PASSED
                                                            : run_fail(runner, "out of memory");
}

/* --- Actions. --- */

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

static enum verdict run_action_command(struct runner *runner) {
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

static enum verdict run_assert_return(struct runner *runner) {
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

static enum verdict run_assert_trap(struct runner *runner) {
    struct action_result result;
    enum verdict verdict = run_action(runner, &result);
    const char *expected = run_text(runner, "text");
    if (verdict != VERDICT_PASSED)
        return verdict;
    if (result.trap == ALKA_TRAP_NONE)
        return run_fail(runner, "expected a trap: %s", expected);
    if (!messages_agree(expected, alka_trap_message(result.trap)))
        return run_fail(runner, "expected the trap \"%s\", got \"%s\"", expected,
                        alka_trap_message(result.trap));
    return VERDICT_PASSED;
}

static enum verdict run_assert_exception(struct runner *runner) {
    struct action_result result;
    enum verdict verdict = run_action(runner, &result);
    if (verdict == VERDICT_PASSED && result.trap != ALKA_TRAP_UNCAUGHT_EXCEPTION)
        return run_fail(runner, "expected an uncaught exception");
    return verdict;
}

/* --- Assertions about modules. --- */

static bool run_is_text_module(const struct runner *runner) {
    return strcmp(run_text(runner, "module_type"), "text") == 0;
}

/* Malformed and invalid modules: refused before linking, with the official message in front. */
static enum verdict run_assert_refused(struct runner *runner) {
    if (run_is_text_module(runner))
        return VERDICT_SKIPPED;
    struct alka_image *image;
    struct wast_outcome outcome;
    const char *expected = run_text(runner, "text");
    enum verdict verdict = run_compile(runner, &image, &outcome);
    if (verdict != VERDICT_PASSED)
        return verdict;
    if (outcome.status == ALKA_OK)
        return run_fail(runner, "expected \"%s\", but the module was accepted", expected);
    if (!messages_agree(expected, outcome.message))
        return run_fail(runner, "expected \"%s\", got \"%s\"", expected, outcome.message);
    return VERDICT_PASSED;
}

/* Compiles, then must fail to link (`is_link`) or to initialize. */
static enum verdict run_assert_not_instantiated(struct runner *runner, bool is_link) {
    struct alka_image *image;
    struct alka_instance *instance;
    struct wast_outcome outcome;
    const char *expected = run_text(runner, "text");
    enum verdict verdict = run_compile(runner, &image, &outcome);
    if (verdict != VERDICT_PASSED)
        return verdict;
    if (outcome.status != ALKA_OK)
        return run_fail(runner, "not compiled: %s", outcome.message);
    wast_store_instantiate(&runner->store, image, &instance, &outcome);
    if (outcome.status == ALKA_OK)
        return run_fail(runner, "expected \"%s\", but the module was instantiated", expected);
    bool was_link = outcome.status == ALKA_E_UNKNOWN_IMPORT || outcome.status == ALKA_E_IMPORT_TYPE;
    if (was_link != is_link || !messages_agree(expected, outcome.message))
        return run_fail(runner, "expected \"%s\", got \"%s\"", expected, outcome.message);
    return VERDICT_PASSED;
}

static enum verdict run_assert_unlinkable(struct runner *runner) {
    return run_assert_not_instantiated(runner, true);
}

static enum verdict run_assert_uninstantiable(struct runner *runner) {
    return run_assert_not_instantiated(runner, false);
}

/* --- The file. --- */

struct command_row {
    const char *type;
    enum verdict (*run)(struct runner *runner);
};

static const struct command_row command_rows[] = {
    {"module", run_module},
    {"module_definition", run_module_definition},
    {"module_instance", run_module_instance},
    {"register", run_register},
    {"action", run_action_command},
    {"assert_return", run_assert_return},
    {"assert_trap", run_assert_trap},
    {"assert_exhaustion", run_assert_trap},
    {"assert_exception", run_assert_exception},
    {"assert_invalid", run_assert_refused},
    {"assert_malformed", run_assert_refused},
    {"assert_invalid_custom", run_assert_refused},
    {"assert_malformed_custom", run_assert_refused},
    {"assert_unlinkable", run_assert_unlinkable},
    {"assert_uninstantiable", run_assert_uninstantiable},
};

static enum verdict run_command(struct runner *runner) {
    const char *type = json_string_value(json_object_get(runner->command, "type"));
    for (size_t i = 0; type && i < sizeof command_rows / sizeof command_rows[0]; i++)
        if (strcmp(command_rows[i].type, type) == 0)
            return command_rows[i].run(runner);
    return run_fail(runner, "unknown command");
}

static void run_count(struct wast_count *count, enum verdict verdict) {
    switch (verdict) {
    case VERDICT_PASSED:
        count->passed++;
        return;
    case VERDICT_FAILED:
        count->failed++;
        return;
    case VERDICT_SKIPPED:
        count->skipped++;
        return;
    }
}

static json_t *run_load(const char *path) {
    struct file_bytes file;
    json_error_t error;
    if (!file_read(path, &file))
        return NULL;
    json_t *document = json_loadb((const char *)file.data, file.size, JSON_ALLOW_NUL, &error);
    file_free(&file);
    if (document && json_is_array(json_object_get(document, "commands")))
        return document;
    if (document)
        report_error("%s: no list of commands", file_display_name(path));
    else
        report_error("%s:%d: %s", file_display_name(path), error.line, error.text);
    json_decref(document);
    return NULL;
}

bool wast_run_file(const struct settings *settings, const char *path, struct wast_count *count) {
    json_t *document = run_load(path);
    if (!document)
        return false;
    struct runner runner = {.path = path, .is_verbose = settings->verbose};
    if (!wast_store_open(&runner.store, settings)) {
        json_decref(document);
        return false;
    }
    struct progress progress;
    const json_t *commands = json_object_get(document, "commands");
    size_t total = json_array_size(commands);
    progress_begin(&progress);
    for (size_t i = 0; i < total; i++) {
        runner.command = json_array_get(commands, i);
        run_count(&runner.count, run_command(&runner));
        progress_show(&progress, "commands", i + 1, total);
    }
    progress_end(&progress);
    wast_store_close(&runner.store);
    json_decref(document);
    printf("%s: %llu passed, %llu failed, %llu skipped\n", path,
           (unsigned long long)runner.count.passed, (unsigned long long)runner.count.failed,
           (unsigned long long)runner.count.skipped);
    (void)fflush(stdout);
    count->passed += runner.count.passed;
    count->failed += runner.count.failed;
    count->skipped += runner.count.skipped;
    return true;
}
