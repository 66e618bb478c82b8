/*
 * Commands of a suite about modules: making instances, and modules that must be refused. In: file
 * names and names from the JSON. Out: verdicts.
 */
#include "runner.h"

#include <stdio.h>
#include <string.h>

#define RUN_PATH_BYTES 4096u

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

static enum verdict run_compile(struct runner *runner, struct alka_image **out_image,
                                struct wast_outcome *out_outcome) {
    char path[RUN_PATH_BYTES];
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
    struct wast_outcome outcome = {0};
    wast_store_instantiate(&runner->store, image, &runner->store.current, &outcome);
    if (outcome.status != ALKA_OK)
        return run_fail(runner, "not instantiated: %s", outcome.message);
    struct wast_named named = {.instance = runner->store.current};
    return run_name(runner, &runner->store.instances, name_key, named);
}

enum verdict run_module(struct runner *runner) {
    struct alka_image *image;
    struct wast_outcome outcome = {0};
    runner->store.current = NULL;
    enum verdict verdict = run_compile(runner, &image, &outcome);
    if (verdict != VERDICT_PASSED)
        return verdict;
    if (outcome.status != ALKA_OK)
        return run_fail(runner, "not compiled: %s", outcome.message);
    return run_instantiate(runner, image, "name");
}

enum verdict run_module_definition(struct runner *runner) {
    struct wast_outcome outcome = {0};
    runner->store.current_definition = NULL;
    enum verdict verdict = run_compile(runner, &runner->store.current_definition, &outcome);
    if (verdict != VERDICT_PASSED)
        return verdict;
    if (outcome.status != ALKA_OK)
        return run_fail(runner, "not compiled: %s", outcome.message);
    struct wast_named named = {.image = runner->store.current_definition};
    return run_name(runner, &runner->store.definitions, "name", named);
}

enum verdict run_module_instance(struct runner *runner) {
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

enum verdict run_register(struct runner *runner) {
    struct wast_named named = {
        .name = run_span(json_object_get(runner->command, "as")),
        .instance = run_instance(runner, runner->command, "name"),
    };
    if (!named.instance)
        return run_fail(runner, "no such instance");
    return wast_names_set(&runner->store.registered, named) ? VERDICT_PASSED
                                                            : run_fail(runner, "out of memory");
}

/* --- Assertions about modules. --- */

static bool run_is_text_module(const struct runner *runner) {
    return strcmp(run_text(runner, "module_type"), "text") == 0;
}

/* Malformed and invalid modules: refused before linking, with the official message in front. */
enum verdict run_assert_refused(struct runner *runner) {
    if (run_is_text_module(runner))
        return VERDICT_SKIPPED;
    char path[RUN_PATH_BYTES];
    struct wast_outcome outcome = {0};
    const char *expected = run_text(runner, "text");
    if (!run_module_path(runner, path, sizeof path))
        return run_fail(runner, "no usable file name");
    bool with_customs = strstr(run_text(runner, "type"), "_custom") != NULL;
    wast_store_validate(&runner->store, path, with_customs, &outcome);
    if (outcome.status == ALKA_OK)
        return run_fail(runner, "expected \"%s\", but the module was accepted", expected);
    if (!wast_refusal_agrees(expected, outcome.status, outcome.message))
        return run_fail(runner, "expected \"%s\", got \"%s\"", expected, outcome.message);
    return VERDICT_PASSED;
}

/* Compiles, then must fail to link (`is_link`) or to initialize. */
static enum verdict run_assert_not_instantiated(struct runner *runner, bool is_link) {
    struct alka_image *image;
    struct alka_instance *instance;
    struct wast_outcome outcome = {0};
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
    if (was_link != is_link || !wast_messages_agree(expected, outcome.message))
        return run_fail(runner, "expected \"%s\", got \"%s\"", expected, outcome.message);
    return VERDICT_PASSED;
}

enum verdict run_assert_unlinkable(struct runner *runner) {
    return run_assert_not_instantiated(runner, true);
}

enum verdict run_assert_uninstantiable(struct runner *runner) {
    return run_assert_not_instantiated(runner, false);
}
