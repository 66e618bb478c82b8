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
    BENCH_SERVE_AGAIN, /* the same with all that a call from the kernel does about a trap */
    BENCH_MESSAGE,     /* 64 bytes from a module's thread to another's that waits: half of a round
                          trip, with a switch of threads each way */
    BENCH_STREAM,      /* the same one way, through a channel of 64 places that fills up */
    BENCH_SWAP,        /* hot swap: from the last answer of the old version to the first of the new,
                          as a client sees it; 4096 bytes of state, and a health probe */
    BENCH_FIRST, /* from the kernel's entry to the first instruction of the bundle's modules */
    BENCH_FIGURES
};

struct bench_figure {
    const char *key, *what;
    uint64_t hundredths; /* median, of a tick */
    uint64_t p99, worst; /* ticks */
};

/* Fills BENCH_FIGURES of them; or returns why not. On a thread that may wait. */
const char *bench_run(struct bench_figure *out);

#endif
