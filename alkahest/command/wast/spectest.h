/*
 * The host module `spectest`. Freestanding: the kernel's runner of the suite uses it too.
 */
#ifndef WAST_SPECTEST_H
#define WAST_SPECTEST_H

#include <alkahest/instance.h>
#include <alkahest/session.h>

struct wast_spectest {
    struct alka_memory memory, shared_memory;
    struct alka_table table, table64;
    uint64_t cells[4]; /* of the globals */
};

/* False if there is no memory for it. */
bool wast_spectest_open(struct wast_spectest *spectest, const struct alka_crucible *crucible,
                        enum alka_memory_model model);
void wast_spectest_close(struct wast_spectest *spectest);
alka_status wast_spectest_lookup(struct wast_spectest *spectest, struct alka_span name,
                                 struct alka_extern *out_extern);

#endif
