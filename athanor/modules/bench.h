/* What the kernel's own crossings cost, in ticks of the time stamp counter: instructions under
 * QEMU's -icount shift=0. */
#ifndef ATHANOR_BENCH_H
#define ATHANOR_BENCH_H

#include <stdint.h>

enum bench_what {
    BENCH_DIRECT,      /* module calls a kernel function that does nothing, and it returns */
    BENCH_GATE,        /* module calls another module's empty function */
    BENCH_INSTANTIATE, /* a compiled module with 64 KiB of memory, up to its first call */
    BENCH_RECOVER_1,   /* from the trap to serving again, one dirty page */
    BENCH_RECOVER_8,   /* eight dirty pages */
    BENCH_FIGURES
};

struct bench_figure {
    const char *key, *what;
    uint64_t hundredths; /* median, of a tick */
    uint64_t worst;      /* ticks */
};

/* Fills BENCH_FIGURES of them; or returns why not. */
const char *bench_run(struct bench_figure *out);

#endif
