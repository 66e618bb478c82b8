/*
 * The official test suite inside the kernel: the commands of one file of a pack, carried out in
 * order, on a store of instances that they make and use.
 */
#ifndef ATHANOR_SUITE_H
#define ATHANOR_SUITE_H

#include "testkernel/pack.h"
#include <alkahest/instance.h>
#include <wast/spectest.h>

#define SUITE_INSTANCES_MAX 1024u
#define SUITE_NAMES_MAX 64u
#define SUITE_MESSAGE_BYTES 200u

struct suite_named {
    struct alka_span name; /* in the pack */
    struct alka_instance *instance;
};

struct suite_names {
    struct suite_named items[SUITE_NAMES_MAX];
    uint32_t count;
};

/* One file's; everything in it lives until the file is done. */
struct suite_store {
    struct wast_spectest spectest;
    struct suite_names registered, instances;
    struct alka_instance *current; /* the last one made; NULL if that failed */
    /* A trap kills gates into its instance, which is what supervision needs and the suite does not
     * know of: so their generations are put back. */
    struct {
        struct alka_instance *instance;
        uint64_t generation;
    } made[SUITE_INSTANCES_MAX];
    uint32_t made_count;
};

/* How an attempt to refuse, compile or instantiate ended. */
struct suite_outcome {
    alka_status status;
    char message[SUITE_MESSAGE_BYTES]; /* "" if all went well */
};

/* Nothing else may be in the modules' registry: closing drops all that is in it. */
bool suite_store_open(struct suite_store *store);
void suite_store_close(struct suite_store *store);
bool suite_names_set(struct suite_names *names, struct alka_span name,
                     struct alka_instance *instance);
struct alka_instance *suite_names_find(const struct suite_names *names, struct alka_span name);

void suite_validate(struct alka_span bytes, struct suite_outcome *out);
struct alka_image *suite_compile(struct alka_span bytes, struct suite_outcome *out);
struct alka_instance *suite_instantiate(struct suite_store *store, struct alka_image *image,
                                        struct suite_outcome *out);
/* Calls; the instances can be called again afterwards, however it ended. */
enum alka_trap suite_call(struct suite_store *store, const struct alka_func *func,
                          uint64_t *values);

struct suite_count {
    uint64_t passed, failed, skipped;
};

/* Runs `count` files of the pack from `first` on, with a line for each. False: the pack is broken.
 */
bool suite_run(struct pack *pack, uint32_t first, uint32_t count, struct suite_count *out);

#endif
