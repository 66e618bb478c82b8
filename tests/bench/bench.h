/* bench.h: what a benchmark program and its runtime (bench_rt.c) say to each other.
 *
 * A program defines `bench_program` and nothing else that is visible. The runtime calls prepare()
 * and run() twice, checks both results, and reports the faster time: the first round pays for page
 * faults and cold caches. The two files are compiled apart and linked without LTO, so no compiler
 * can see through `run`. Programs use no libc: the same source is built native and as wasm32. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

struct bench_program {
    const char *name;
    void (*prepare)(void); /* not timed; puts all state back to the start */
    uint64_t (*run)(void); /* the hot part; its result depends on all that it computed */
    uint64_t expected;
};
extern const struct bench_program bench_program;

/* Monotonic time in nanoseconds, from an arbitrary start. */
uint64_t bench_now_ns(void);

/* splitmix64: a full-period generator that other languages reproduce in three lines. */
static inline uint64_t bench_random(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* A double in [0, 1) with 53 random bits. */
static inline double bench_random_unit(uint64_t *state) {
    return (double)(bench_random(state) >> 11) * 0x1p-53;
}

/* Folds one value into a running check value; order matters. */
static inline uint64_t bench_mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    return hash ^ (hash >> 32);
}

/* The bits of a double: float results are compared exactly between native code and Wasm. */
static inline uint64_t bench_bits(double value) {
    union {
        double value;
        uint64_t bits;
    } both = {.value = value};
    return both.bits;
}

static inline double bench_abs(double value) { return value < 0 ? -value : value; }

#endif
