/*
 * Runs one suite file: reads its JSON, carries its commands out in order, counts. In: a path. Out:
 * counts, and with --verbose a line per failure. One command's failure never stops the next.
 */
#include "../report.h"
#include "runner.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum verdict run_fail(const struct runner *runner, const char *format, ...) {
    if (!runner->is_verbose)
        return VERDICT_FAILED;
    long long line = json_integer_value(json_object_get(runner->command, "line"));
    const char *type = json_string_value(json_object_get(runner->command, "type"));
    printf("%s:%lld: %s: ", runner->path, line, type ? type : "?");
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): started in the line above */
    (void)vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    return VERDICT_FAILED;
}

struct alka_span run_span(const json_t *json) {
    return (struct alka_span){(const uint8_t *)json_string_value(json), json_string_length(json)};
}

const char *run_text(const struct runner *runner, const char *key) {
    const char *text = json_string_value(json_object_get(runner->command, key));
    return text ? text : "";
}

struct alka_instance *run_instance(const struct runner *runner, const json_t *json,
                                   const char *key) {
    const json_t *name = json_object_get(json, key);
    if (!name)
        return runner->store.current;
    const struct wast_named *named = wast_names_find(&runner->store.instances, run_span(name));
    return named ? named->instance : NULL;
}

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
