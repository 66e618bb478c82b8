/*
 * The runner of the official suite. In: a pack. Out: counts, a line per file and per failure, as
 * `alkahest wast --verbose` prints them. One command's failure never stops the next.
 */
#include "testkernel/suite.h"
#include "console/log.h"
#include <string.h>
#include <wast/expect.h>

#define SUITE_VALUES_MAX 64u /* parameters or results of one call */

enum suite_kind {
    SUITE_MODULE,
    SUITE_REGISTER,
    SUITE_ACTION,
    SUITE_RETURN,
    SUITE_TRAP,
    SUITE_REFUSED,
    SUITE_UNLINKABLE,
    SUITE_UNINSTANTIABLE,
    SUITE_SKIPPED,
};

enum suite_verdict { SUITE_PASSES, SUITE_FAILS, SUITE_SKIPS };

struct suite_runner {
    struct suite_store store;
    struct pack *pack;
    const char *file;
    uint32_t line;
};

struct suite_action {
    enum alka_trap trap;
    struct value values[SUITE_VALUES_MAX];
    uint32_t count;
};

static enum suite_verdict suite_fail(const struct suite_runner *runner, const char *what,
                                     const char *expected, const char *got) {
    print("%s:%u: %s: expected \"%s\", got \"%s\"\n", runner->file, runner->line, what, expected,
          got);
    return SUITE_FAILS;
}

static const char *suite_c_text(struct alka_span text) {
    return text.data != NULL ? (const char *)text.data : "";
}

/* --- Values. --- */

static void suite_pattern(struct pack *pack, struct wast_pattern *out) {
    static const alka_valtype types[] = {ALKA_I32,  ALKA_I64,     ALKA_F32,      ALKA_F64,
                                         ALKA_V128, ALKA_FUNCREF, ALKA_EXTERNREF};
    *out = (struct wast_pattern){.kind = (enum wast_pattern_kind)pack_number(pack, 1)};
    uint64_t type = pack_number(pack, 1);
    out->lane_count = (uint32_t)pack_number(pack, 1);
    for (uint32_t i = 0; i < 4; i++) {
        out->lanes[i] = (enum wast_lane)pack_number(pack, 1);
    }
    (void)pack_number(pack, 1);
    out->value.bits[0] = pack_number(pack, 8);
    out->value.bits[1] = pack_number(pack, 8);
    if (type >= sizeof types / sizeof types[0] || out->lane_count > 4) {
        pack->is_broken = true;
        return;
    }
    out->value.type = types[type];
}

static void suite_unpack(const alka_valtype *types, uint32_t count, const uint64_t *words,
                         struct suite_action *out) {
    for (uint32_t i = 0; i < count; i++) {
        struct value *value = &out->values[i];
        *value = (struct value){.type = types[i], .bits = {words[0], 0}};
        if (types[i] == ALKA_V128) {
            value->bits[1] = words[1];
        }
        if (types[i] == ALKA_I32 || types[i] == ALKA_F32) {
            value->bits[0] = (uint32_t)words[0];
        }
        words += value_words(types[i]);
    }
    out->count = count;
}

/* --- Actions. --- */

/* The arguments as the call takes them; false if there are more than fit. */
static bool suite_arguments(struct pack *pack, uint64_t *words, uint32_t *out_count) {
    uint32_t count = (uint32_t)pack_number(pack, 1);
    *out_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct wast_pattern pattern;
        suite_pattern(pack, &pattern);
        if (i < SUITE_VALUES_MAX) {
            words[0] = pattern.value.bits[0];
            words[1] = pattern.value.bits[1];
            words += value_words(pattern.value.type);
        }
    }
    return count <= SUITE_VALUES_MAX;
}

static const char *suite_invoke(struct suite_runner *runner, const struct alka_extern *found,
                                uint64_t *words, uint32_t count, struct suite_action *out) {
    if (found->owner == NULL) { /* of spectest: such functions result in nothing */
        found->host.values(NULL, words);
        return NULL;
    }
    const struct alka_functype *type = alka_func_type(found->func);
    if (type->param_count != count || type->result_count > SUITE_VALUES_MAX) {
        return "another number of values";
    }
    out->trap = suite_call(&runner->store, found->func, words);
    if (out->trap == ALKA_TRAP_NONE) {
        suite_unpack(type->results, type->result_count, words, out);
    }
    return NULL;
}

/* Reads an action and carries it out. NULL, or why it could not be. */
static const char *suite_act(struct suite_runner *runner, struct suite_action *out) {
    struct pack *pack = runner->pack;
    bool is_call = pack_number(pack, 1) != 0;
    struct alka_span name = pack_text(pack), field = pack_text(pack);
    uint64_t words[2 * SUITE_VALUES_MAX + 2] = {0};
    uint32_t count;
    bool fits = suite_arguments(pack, words, &count);
    struct alka_extern found;
    out->trap = ALKA_TRAP_NONE;
    out->count = 0;
    const struct alka_instance *instance = name.data == NULL
                                               ? runner->store.current
                                               : suite_names_find(&runner->store.instances, name);
    if (!fits || pack->is_broken || instance == NULL) {
        return instance == NULL ? "no such instance" : "too many arguments";
    }
    if (!alka_instance_export(instance, field, &found)) {
        return "no such export";
    }
    if (!is_call && found.kind == ALKA_EXTERN_GLOBAL) {
        suite_unpack(&found.global.type, 1, found.global.cell, out);
        return NULL;
    }
    return is_call && found.kind == ALKA_EXTERN_FUNC
               ? suite_invoke(runner, &found, words, count, out)
               : "the export is of another kind";
}

static enum suite_verdict suite_action(struct suite_runner *runner) {
    struct suite_action action;
    const char *error = suite_act(runner, &action);
    if (error == NULL && action.trap != ALKA_TRAP_NONE) {
        error = alka_trap_message(action.trap);
    }
    return error == NULL ? SUITE_PASSES : suite_fail(runner, "action", "", error);
}

static bool suite_read_result(struct pack *pack, const struct value *value) {
    uint32_t choices = (uint32_t)pack_number(pack, 1);
    bool matches = false;
    for (uint32_t i = 0; i < choices; i++) {
        struct wast_pattern pattern;
        suite_pattern(pack, &pattern);
        matches = matches || (value != NULL && wast_pattern_matches(&pattern, value));
    }
    return matches;
}

static enum suite_verdict suite_return(struct suite_runner *runner) {
    struct suite_action action;
    const char *error = suite_act(runner, &action);
    uint32_t count = (uint32_t)pack_number(runner->pack, 1);
    bool matches = true;
    for (uint32_t i = 0; i < count; i++) {
        matches &= suite_read_result(runner->pack, i < action.count ? &action.values[i] : NULL);
    }
    if (error == NULL && action.trap != ALKA_TRAP_NONE) {
        error = alka_trap_message(action.trap);
    }
    if (error == NULL && (!matches || count != action.count)) {
        error = "something else";
    }
    return error == NULL ? SUITE_PASSES : suite_fail(runner, "return", "the results", error);
}

static enum suite_verdict suite_trap(struct suite_runner *runner) {
    struct suite_action action;
    const char *error = suite_act(runner, &action);
    const char *expected = suite_c_text(pack_text(runner->pack));
    if (error == NULL && action.trap == ALKA_TRAP_NONE) {
        error = "no trap";
    }
    if (error == NULL && !wast_messages_agree(expected, alka_trap_message(action.trap))) {
        error = alka_trap_message(action.trap);
    }
    return error == NULL ? SUITE_PASSES : suite_fail(runner, "trap", expected, error);
}

/* --- Modules. --- */

static struct alka_instance *suite_make(struct suite_runner *runner, struct alka_span bytes,
                                        struct suite_outcome *out) {
    struct alka_image *image = suite_compile(bytes, out);
    return image != NULL ? suite_instantiate(&runner->store, image, out) : NULL;
}

static enum suite_verdict suite_module(struct suite_runner *runner) {
    struct alka_span name = pack_text(runner->pack), bytes = pack_blob(runner->pack);
    struct suite_outcome outcome;
    struct suite_store *store = &runner->store;
    store->current = suite_make(runner, bytes, &outcome);
    if (store->current == NULL) {
        return suite_fail(runner, "module", "", outcome.message);
    }
    bool named = name.data == NULL || suite_names_set(&store->instances, name, store->current);
    return named ? SUITE_PASSES : suite_fail(runner, "module", "", "too many names");
}

static enum suite_verdict suite_register(struct suite_runner *runner) {
    struct alka_span as = pack_text(runner->pack), name = pack_text(runner->pack);
    struct suite_store *store = &runner->store;
    struct alka_instance *instance =
        name.data == NULL ? store->current : suite_names_find(&store->instances, name);
    bool done = instance != NULL && suite_names_set(&store->registered, as, instance);
    return done ? SUITE_PASSES : suite_fail(runner, "register", "", "no such instance");
}

static enum suite_verdict suite_refused(struct suite_runner *runner) {
    const char *expected = suite_c_text(pack_text(runner->pack));
    struct suite_outcome outcome;
    suite_validate(pack_blob(runner->pack), &outcome);
    if (outcome.status == ALKA_OK) {
        return suite_fail(runner, "refused", expected, "an accepted module");
    }
    return wast_refusal_agrees(expected, outcome.status, outcome.message)
               ? SUITE_PASSES
               : suite_fail(runner, "refused", expected, outcome.message);
}

static enum suite_verdict suite_not_instantiated(struct suite_runner *runner, bool is_link) {
    const char *expected = suite_c_text(pack_text(runner->pack));
    struct alka_span bytes = pack_blob(runner->pack);
    struct suite_outcome outcome;
    if (suite_make(runner, bytes, &outcome) != NULL) {
        return suite_fail(runner, "not instantiated", expected, "an instance");
    }
    bool was_link = outcome.status == ALKA_E_UNKNOWN_IMPORT || outcome.status == ALKA_E_IMPORT_TYPE;
    return was_link == is_link && wast_messages_agree(expected, outcome.message)
               ? SUITE_PASSES
               : suite_fail(runner, "not instantiated", expected, outcome.message);
}

/* --- Files. --- */

static enum suite_verdict suite_command(struct suite_runner *runner) {
    uint64_t kind = pack_number(runner->pack, 1);
    runner->line = (uint32_t)pack_number(runner->pack, 4);
    switch ((enum suite_kind)kind) {
    case SUITE_MODULE:
        return suite_module(runner);
    case SUITE_REGISTER:
        return suite_register(runner);
    case SUITE_ACTION:
        return suite_action(runner);
    case SUITE_RETURN:
        return suite_return(runner);
    case SUITE_TRAP:
        return suite_trap(runner);
    case SUITE_REFUSED:
        return suite_refused(runner);
    case SUITE_UNLINKABLE:
        return suite_not_instantiated(runner, true);
    case SUITE_UNINSTANTIABLE:
        return suite_not_instantiated(runner, false);
    case SUITE_SKIPPED:
        return SUITE_SKIPS;
    }
    runner->pack->is_broken = true;
    return SUITE_FAILS;
}

static void suite_file(struct pack *pack, const char *name, uint64_t commands,
                       struct suite_count *out) {
    static struct suite_runner runner;
    runner.pack = pack;
    runner.file = name;
    *out = (struct suite_count){0};
    if (!suite_store_open(&runner.store)) {
        print("%s: no memory\n", name);
        pack->is_broken = true;
        return;
    }
    for (uint64_t i = 0; i < commands && !pack->is_broken; i++) {
        enum suite_verdict verdict = suite_command(&runner);
        out->passed += verdict == SUITE_PASSES ? 1 : 0;
        out->failed += verdict == SUITE_FAILS ? 1 : 0;
        out->skipped += verdict == SUITE_SKIPS ? 1 : 0;
    }
    suite_store_close(&runner.store);
    print("%s: %lu passed, %lu failed, %lu skipped\n", name, out->passed, out->failed,
          out->skipped);
}

bool suite_run(struct pack *pack, uint32_t first, uint32_t count, struct suite_count *out) {
    *out = (struct suite_count){0};
    uint32_t files = (uint32_t)pack_number(pack, 4);
    for (uint32_t i = 0; i < files && !pack->is_broken; i++) {
        struct alka_span name = pack_text(pack);
        uint64_t commands = pack_number(pack, 4), bytes = pack_number(pack, 4);
        struct pack file = {.at = pack->at, .end = pack->at + bytes};
        if (pack->is_broken || bytes > (uint64_t)(pack->end - pack->at)) {
            return false;
        }
        pack->at += bytes;
        if (i < first || i - first >= count) {
            continue;
        }
        struct suite_count one;
        suite_file(&file, suite_c_text(name), commands, &one);
        out->passed += one.passed;
        out->failed += one.failed;
        out->skipped += one.skipped;
        pack->is_broken = file.is_broken;
    }
    return !pack->is_broken;
}
