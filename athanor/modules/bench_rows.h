/* What the files of the benchmark share. */
#ifndef ATHANOR_BENCH_ROWS_H
#define ATHANOR_BENCH_ROWS_H

#include "modules/bench.h"
#include "modules/modules.h"

/* One run, in ticks; UINT64_MAX: it did not do what it should. */
typedef uint64_t bench_run_fn(void *self, uint64_t parameter);

struct bench_row {
    const char *key, *text;
    bench_run_fn *run;
    uint64_t parameter;
    uint64_t per_run; /* of what is measured, in one run */
    enum bench_what what;
    bool is_alone; /* with interrupts off */
};

/* Runs the row again and again. False: a run failed. */
ALKA_MUST_CHECK bool bench_measure(const struct bench_row *row, void *self,
                                   struct bench_figure *out);

/* A module that is lent, with an instance of these bytes. NULL: it cannot be loaded. */
struct module *bench_lend(const char *name, struct alka_span bytes,
                          const struct alka_vtable *vtable);

/* Each fills its own rows; NULL, or why not. */
const char *bench_channels(struct bench_figure *out);
const char *bench_serving(struct bench_figure *out);

#endif
