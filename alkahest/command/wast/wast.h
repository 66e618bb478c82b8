/*
 * The runner of converted .wast suites (the JSON form of wast2json): a store of instances that one
 * file's commands make and use, expected values, and the commands themselves.
 */
#ifndef WAST_H
#define WAST_H

#include "../files.h"
#include "../options.h"
#include "../values.h"

#include <alkahest.h>
#include <jansson.h>

/* --- Expected values. --- */

enum wast_pattern_kind {
    WAST_BITS,          /* exactly these */
    WAST_LANES,         /* v128 lanes of floats, some of which may be NaN patterns */
    WAST_NAN_CANONICAL, /* of value.type */
    WAST_NAN_ARITHMETIC,
    WAST_ANY_NON_NULL, /* some reference */
    WAST_ANY_NULL,     /* whatever type of reference */
};

enum wast_lane { WAST_LANE_BITS, WAST_LANE_NAN_CANONICAL, WAST_LANE_NAN_ARITHMETIC };

struct wast_pattern {
    enum wast_pattern_kind kind;
    struct value value;
    uint32_t lane_count;     /* WAST_LANES: 4 of f32 or 2 of f64 */
    enum wast_lane lanes[4]; /* WAST_LANES: which lanes are bits of `value` */
};

/* False if the JSON is not a value that we know. "either" is not a pattern: see wast_matches. */
bool wast_pattern_read(const json_t *json, struct wast_pattern *out_pattern);
bool wast_pattern_matches(const struct wast_pattern *pattern, const struct value *value);
/* `expected` is a JSON value: a pattern, or {"type": "either", "values": […]}. */
bool wast_matches(const json_t *expected, const struct value *value);
/* References of the host are numbers in the suite; a null reference is 0 here. */
uint64_t wast_externref(uint64_t number);

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

struct wast_spectest {
    struct alka_memory memory, shared_memory;
    struct alka_table table, table64;
    uint64_t cells[4]; /* of the globals */
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

/* --- The host module `spectest`. --- */

bool wast_spectest_open(struct wast_spectest *spectest, struct alka_engine *engine,
                        enum alka_memory_model model);
void wast_spectest_close(struct wast_spectest *spectest);
alka_status wast_spectest_lookup(struct wast_spectest *spectest, struct alka_span name,
                                 struct alka_extern *out_extern);

/* --- Running. --- */

struct wast_count {
    uint64_t passed, failed, skipped;
};

/* Runs one file and adds to *count. False if it could not be read as a suite file. */
bool wast_run_file(const struct settings *settings, const char *path, struct wast_count *count);

#endif
