/*
 * What one suite file's commands make: images, instances, names. Everything lives until the file is
 * done, because later commands and other instances may use it.
 */
#include "../diagnose.h"
#include "../report.h"
#include "wast.h"

#include <alkahest/parse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool span_equal(struct alka_span a, struct alka_span b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

struct wast_named *wast_names_find(const struct wast_names *names, struct alka_span name) {
    for (size_t i = 0; i < names->count; i++)
        if (span_equal(names->items[i].name, name))
            return &names->items[i];
    return NULL;
}

bool wast_names_set(struct wast_names *names, struct wast_named named) {
    struct wast_named *old = wast_names_find(names, named.name);
    if (old) {
        *old = named;
        return true;
    }
    struct wast_named *items = realloc(names->items, (names->count + 1) * sizeof *items);
    if (!items)
        return false;
    items[names->count++] = named;
    names->items = items;
    return true;
}

bool wast_store_open(struct wast_store *store, const struct settings *settings) {
    *store = (struct wast_store){.options = alka_engine_defaults()};
    store->options.features = settings->features;
    store->options.codegen.memory_model = settings->memory_model;
    store->options.codegen.cpu = settings->cpu;
    store->options.codegen.register_limit = settings->register_limit;
    if (alka_engine_open(NULL, &store->engine) != ALKA_OK) {
        report_error("out of memory");
        return false;
    }
    store->has_spectest = wast_spectest_open(&store->spectest, alka_engine_crucible(store->engine),
                                             settings->memory_model);
    if (store->has_spectest)
        return true;
    report_error("no memory for the host module spectest");
    wast_store_close(store);
    return false;
}

void wast_store_close(struct wast_store *store) {
    /* First the instances, which import from the host; then the host's; then what both stand on. */
    alka_registry_drop(alka_engine_registry(store->engine));
    if (store->has_spectest)
        wast_spectest_close(&store->spectest);
    alka_engine_close(store->engine);
    for (size_t i = 0; i < store->file_count; i++)
        file_free(&store->files[i]);
    free(store->files);
    free(store->registered.items);
    free(store->instances.items);
    free(store->definitions.items);
}

static alka_status store_lookup(void *self, const struct alka_import *import,
                                struct alka_extern *out_extern) {
    struct wast_store *store = self;
    static const char spectest[] = "spectest";
    if (span_equal(import->module, alka_name(spectest)))
        return wast_spectest_lookup(&store->spectest, import->name, out_extern);
    const struct wast_named *named = wast_names_find(&store->registered, import->module);
    if (!named || !alka_instance_export(named->instance, import->name, out_extern))
        return ALKA_E_UNKNOWN_IMPORT;
    return ALKA_OK;
}

static bool store_read(struct wast_store *store, const char *path, struct alka_span *out_bytes) {
    struct file_bytes *files =
        realloc(store->files, (store->file_count + 1) * sizeof *store->files);
    if (!files)
        return false;
    store->files = files;
    if (!file_read(path, &files[store->file_count]))
        return false;
    *out_bytes = file_span(&files[store->file_count++]);
    return true;
}

void wast_store_validate(struct wast_store *store, const char *path, bool with_customs,
                         struct wast_outcome *out_outcome) {
    struct alka_span bytes;
    *out_outcome = (struct wast_outcome){.status = ALKA_E_INTERNAL};
    if (!store_read(store, path, &bytes)) {
        (void)snprintf(out_outcome->message, sizeof out_outcome->message, "cannot read %s", path);
        return;
    }
    const struct alka_crucible *crucible = alka_engine_crucible(store->engine);
    alka_feature_set features = store->options.features | ALKA_FEATURES_UNBUILT_TOO;
    struct alka_arena tables, scratch;
    struct alka_module module = {0};
    struct alka_diag diag;
    alka_arena_init(&tables, crucible, SIZE_MAX);
    alka_arena_init(&scratch, crucible, SIZE_MAX);
    out_outcome->status =
        alka_parse_module(bytes, features, &alka_limits_default, &tables, &module, &diag);
    if (out_outcome->status == ALKA_OK)
        out_outcome->status = alka_validate_bodies(&module, &scratch, &diag);
    if (out_outcome->status == ALKA_OK && with_customs)
        out_outcome->status = alka_check_hints(&module, &scratch, &diag);
    if (out_outcome->status != ALKA_OK)
        diagnose_message(&diag, &module, out_outcome->message, sizeof out_outcome->message);
    alka_arena_drop(&scratch);
    alka_arena_drop(&tables);
}

void wast_store_compile(struct wast_store *store, const char *path, struct alka_image **out_image,
                        struct wast_outcome *out_outcome) {
    struct alka_span bytes;
    struct alka_diag diag;
    *out_image = NULL;
    *out_outcome = (struct wast_outcome){.status = ALKA_E_INTERNAL};
    if (!store_read(store, path, &bytes)) {
        (void)snprintf(out_outcome->message, sizeof out_outcome->message, "cannot read %s", path);
        return;
    }
    out_outcome->status =
        alka_engine_compile(store->engine, bytes, &store->options, out_image, &diag);
    if (out_outcome->status != ALKA_OK)
        diagnose_message(&diag, NULL, out_outcome->message, sizeof out_outcome->message);
}

void wast_store_instantiate(struct wast_store *store, struct alka_image *image,
                            struct alka_instance **out_instance, struct wast_outcome *out_outcome) {
    const struct alka_vtable vtable = {.lookup = store_lookup, .self = store};
    struct alka_instantiate_error error = {0};
    *out_instance = NULL;
    *out_outcome = (struct wast_outcome){0};
    out_outcome->status =
        alka_engine_instantiate(store->engine, image, &vtable, NULL, out_instance, &error);
    if (out_outcome->status == ALKA_OK)
        return;
    *out_instance = NULL;
    out_outcome->trap = error.trap;
    if (error.trap != ALKA_TRAP_NONE)
        (void)snprintf(out_outcome->message, sizeof out_outcome->message, "%s",
                       alka_trap_message(error.trap));
    else
        diagnose_message(&error.diag, &image->module, out_outcome->message,
                         sizeof out_outcome->message);
}
