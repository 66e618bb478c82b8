/*
 * The runner of converted .wast suites (the JSON form of wast2json): a store of instances that one
 * file's commands make and use, expected values, and the commands themselves.
 */
#ifndef WAST_H
#define WAST_H

#include "../files.h"
#include "../options.h"
#include "../values.h"
#include "expect.h"
#include "spectest.h"

#include <alkahest.h>
#include <jansson.h>

/* --- Expected values (expect.h). --- */

/* False if the JSON is not a value that we know. "either" is not a pattern: see wast_matches. */
bool wast_pattern_read(const json_t *json, struct wast_pattern *out_pattern);
/* `expected` is a JSON value: a pattern, or {"type": "either", "values": […]}. */
bool wast_matches(const json_t *expected, const struct value *value);

/* --- The store. --- */

struct wast_named {
    struct alka_span name; /* borrowed from the JSON document */
    struct alka_instance *instance;
    struct alka_image *image; /* of a module definition */
};

struct wast_names {
    struct wast_named *items;
    size_t count;
};

struct wast_store {
    struct alka_engine *engine;
    struct alka_session_options options;
    struct wast_spectest spectest;
    bool has_spectest;
    struct wast_names registered; /* modules that imports may name */
    struct wast_names instances;  /* by their $name in the script */
    struct wast_names definitions;
    struct alka_instance *current; /* the last one made; NULL if that failed */
    struct alka_image *current_definition;
    struct file_bytes *files; /* modules; images borrow them */
    size_t file_count;
};

/* Problems are printed; then false. */
bool wast_store_open(struct wast_store *store, const struct settings *settings);
void wast_store_close(struct wast_store *store);

/* Adds or replaces; false if there is no memory. */
bool wast_names_set(struct wast_names *names, struct wast_named named);
struct wast_named *wast_names_find(const struct wast_names *names, struct alka_span name);

/* How an attempt to compile, link or instantiate ended. */
struct wast_outcome {
    alka_status status;
    enum alka_trap trap; /* of the start function */
    char message[160];   /* "" if all went well */
};

/* Only decodes and validates, and features that are not built too; what custom sections say of
 * code, if wanted. */
void wast_store_validate(struct wast_store *store, const char *path, bool with_customs,
                         struct wast_outcome *out_outcome);
/* Compiles the module file; the image is the store's. */
void wast_store_compile(struct wast_store *store, const char *path, struct alka_image **out_image,
                        struct wast_outcome *out_outcome);
void wast_store_instantiate(struct wast_store *store, struct alka_image *image,
                            struct alka_instance **out_instance, struct wast_outcome *out_outcome);

/* --- Running. --- */

struct wast_count {
    uint64_t passed, failed, skipped;
};

/* Runs one file and adds to *count. False if it could not be read as a suite file. */
bool wast_run_file(const struct settings *settings, const char *path, struct wast_count *count);

#endif
