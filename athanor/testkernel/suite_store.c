/*
 * What the suite's commands make, with the kernel's own registry, Crucible and calls. In: bytes of
 * modules. Out: images and instances, or why not.
 */
#include "console/format.h"
#include "crucible/crucible.h"
#include "modules/call.h"
#include "modules/modules.h"
#include "testkernel/suite.h"
#include <alkahest/parse.h>
#include <alkahest/render.h>
#include <alkahest/session.h>
#include <string.h>

#define SUITE_CALL_LIMIT_NS (UINT64_C(60) * 1000 * 1000 * 1000)

static bool suite_span_equal(struct alka_span a, struct alka_span b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

struct alka_instance *suite_names_find(const struct suite_names *names, struct alka_span name) {
    for (uint32_t i = 0; i < names->count; i++) {
        if (suite_span_equal(names->items[i].name, name)) {
            return names->items[i].instance;
        }
    }
    return NULL;
}

bool suite_names_set(struct suite_names *names, struct alka_span name,
                     struct alka_instance *instance) {
    uint32_t at = 0;
    while (at < names->count && !suite_span_equal(names->items[at].name, name)) {
        at++;
    }
    if (at == SUITE_NAMES_MAX) {
        return false;
    }
    names->items[at] = (struct suite_named){name, instance};
    names->count += at == names->count ? 1 : 0;
    return true;
}

bool suite_store_open(struct suite_store *store) {
    memset(store, 0, sizeof *store);
    return wast_spectest_open(&store->spectest, &crucible, ALKA_MEMORY_GUARD);
}

void suite_store_close(struct suite_store *store) {
    alka_registry_drop(&modules_registry);
    wast_spectest_close(&store->spectest);
    alka_registry_init(&modules_registry, &crucible);
}

static const struct alka_session_options *suite_options(void) {
    static struct alka_session_options options = {
        .features = ALKA_FEATURES_WASM2,
        .limits = &alka_limits_default,
        .codegen = {.memory_model = ALKA_MEMORY_GUARD},
    };
    options.codegen.cpu = modules_cpu();
    return &options;
}

void suite_validate(struct alka_span bytes, struct suite_outcome *out) {
    struct alka_arena tables, scratch;
    struct alka_module module = {0};
    struct alka_diag diag;
    *out = (struct suite_outcome){0};
    alka_arena_init(&tables, &crucible, SIZE_MAX);
    alka_arena_init(&scratch, &crucible, SIZE_MAX);
    out->status = alka_parse_module(bytes, suite_options()->features | ALKA_FEATURES_UNBUILT_TOO,
                                    &alka_limits_default, &tables, &module, &diag);
    if (out->status == ALKA_OK) {
        out->status = alka_validate_bodies(&module, &scratch, &diag);
    }
    if (out->status != ALKA_OK) {
        alka_render_message(&diag, &module, out->message, sizeof out->message);
    }
    alka_arena_drop(&scratch);
    alka_arena_drop(&tables);
}

struct alka_image *suite_compile(struct alka_span bytes, struct suite_outcome *out) {
    struct alka_session session;
    struct alka_image *image = NULL;
    *out = (struct suite_outcome){0};
    alka_session_open(&session, &modules_registry, suite_options(), bytes);
    out->status = alka_session_run(&session, NULL, NULL);
    if (out->status == ALKA_OK) {
        image = alka_session_take_image(&session);
    } else {
        alka_render_message(&session.diag, NULL, out->message, sizeof out->message);
    }
    alka_session_drop(&session);
    return image;
}

static alka_status suite_lookup(void *self, const struct alka_import *import,
                                struct alka_extern *out_extern) {
    struct suite_store *store = self;
    static const char spectest[] = "spectest";
    if (suite_span_equal(import->module,
                         (struct alka_span){(const uint8_t *)spectest, sizeof spectest - 1})) {
        return wast_spectest_lookup(&store->spectest, import->name, out_extern);
    }
    const struct alka_instance *from = suite_names_find(&store->registered, import->module);
    if (from == NULL || !alka_instance_export(from, import->name, out_extern)) {
        return ALKA_E_UNKNOWN_IMPORT;
    }
    return ALKA_OK;
}

static void suite_forgive(struct suite_store *store) {
    for (uint32_t i = 0; i < store->made_count; i++) {
        struct alka_instance *instance = store->made[i].instance;
        instance->generation = instance->context->generation = store->made[i].generation;
    }
    (void)modules_take_struck(thread_this());
}

enum alka_trap suite_call(struct suite_store *store, const struct alka_func *func,
                          uint64_t *values) {
    struct alka_trap_report report;
    struct call call;
    call_begin(&call, SUITE_CALL_LIMIT_NS, &report);
    enum alka_trap trap = alka_call(alka_thread_here(), func, alka_func_type(func), values);
    call_end(&call);
    suite_forgive(store);
    return trap;
}

static enum alka_trap suite_start(struct suite_store *store, struct alka_instance *instance) {
    struct alka_trap_report report;
    struct call call;
    call_begin(&call, SUITE_CALL_LIMIT_NS, &report);
    enum alka_trap trap = alka_instance_start(instance, alka_thread_here());
    call_end(&call);
    suite_forgive(store);
    return trap;
}

struct alka_instance *suite_instantiate(struct suite_store *store, struct alka_image *image,
                                        struct suite_outcome *out) {
    const struct alka_vtable vtable = {.lookup = suite_lookup, .self = store};
    struct alka_instance *instance;
    struct alka_diag diag;
    *out = (struct suite_outcome){0};
    out->status = alka_instance_make(image, &vtable, NULL, &instance, &diag);
    if (out->status != ALKA_OK) {
        alka_render_message(&diag, &image->module, out->message, sizeof out->message);
        return NULL;
    }
    enum alka_trap trap = suite_start(store, instance);
    if (trap != ALKA_TRAP_NONE) {
        out->status = ALKA_E_START_TRAPPED;
        format_text(out->message, sizeof out->message, "%s", alka_trap_message(trap));
        alka_instance_drop(instance);
        return NULL;
    }
    if (store->made_count < SUITE_INSTANCES_MAX) {
        store->made[store->made_count].instance = instance;
        store->made[store->made_count++].generation = instance->generation;
    }
    return instance;
}
