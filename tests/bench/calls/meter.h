/* What a crossing costs: nanoseconds, cycles of the core, and instructions, of each of some cases
 * in turns. */
#ifndef BENCH_CALLS_METER_H
#define BENCH_CALLS_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct meter_case {
    const char *name;
    void (*run)(void *self, uint32_t count); /* `count` crossings */
    void *self;
    uint32_t count;        /* in one round; at least 50 */
    bool has_instructions; /* it is worth counting them: no other process is involved */
};

struct meter_plan {
    uint32_t rounds;
    bool counts_instructions;
};

/*
 * Runs every case once in each round, and prints all times as one JSON object:
 *   {"cases": {NAME: {"ns": [of each round, per crossing], "cycles": […], "instructions": n or
 * null}}} A cycle is what one of many dependent additions takes, measured beside each case, so that
 * it is one of the core, whatever the time stamp counter counts. Instructions are counted by single
 * steps, those of user mode only: a repeated string instruction counts as one.
 */
void meter_run(const struct meter_case *cases, size_t case_count, struct meter_plan plan);

/* Ends the program if `holds` is not true. */
void meter_require(bool holds, const char *what);

/* The bytes of a file; never freed. */
const uint8_t *meter_file(const char *folder, const char *name, size_t *out_bytes);

/* What is measured; each ends the program if something is not as it should be. */
void measure_alkahest(const char *folder, struct meter_plan plan);
void measure_linux(struct meter_plan plan);
/* `library`: libwasmtime.so; `flavour`: cranelift, pooling (Cranelift, instances from a pool),
 * winch. */
void measure_wasmtime(const char *library, const char *flavour, const char *folder,
                      struct meter_plan plan);

#endif
