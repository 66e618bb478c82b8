/*
 * The meter. In: cases. Out: their times in JSON. Nothing is judged here, and no round is left out.
 */
#include "meter.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

enum {
    CHAIN_ADDITIONS = 64, /* written out */
    CHAIN_TURNS = 256,
    STEPPED_SHARE = 50, /* of a round's crossings goes under single steps */
};

struct round_times {
    double ns, cycles; /* per crossing */
};

void meter_require(bool holds, const char *what) {
    if (holds)
        return;
    (void)fprintf(stderr, "bench-calls: %s failed\n", what);
    exit(1);
}

const uint8_t *meter_file(const char *folder, const char *name, size_t *out_bytes) {
    enum { PATH_BYTES = 4096, FILE_BYTES = 65536 };
    char path[PATH_BYTES];
    meter_require(snprintf(path, sizeof path, "%s/%s", folder, name) < PATH_BYTES, "a short path");
    FILE *file = fopen(path, "rb");
    meter_require(file != NULL, path);
    uint8_t *bytes = malloc(FILE_BYTES);
    meter_require(bytes != NULL, "memory");
    *out_bytes = fread(bytes, 1, FILE_BYTES, file);
    meter_require(*out_bytes > 0 && fclose(file) == 0, path);
    return bytes;
}

static double now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds of a cycle. Registers are added, since some cores do not execute additions of
 * constants. */
static double cycle_ns(void) {
    uint64_t sum = 1, one = 1;
    double begin = now_ns();
    for (uint32_t i = 0; i < CHAIN_TURNS; i++)
        __asm__ volatile(".rept 64\n\tadd %1, %0\n\t.endr" : "+r"(sum) : "r"(one));
    return (now_ns() - begin) / (CHAIN_TURNS * CHAIN_ADDITIONS);
}

static struct round_times time_round(const struct meter_case *what) {
    double before = cycle_ns(), begin = now_ns();
    what->run(what->self, what->count);
    double ns = (now_ns() - begin) / what->count, after = cycle_ns();
    return (struct round_times){ns, ns / (before < after ? before : after)};
}

/* --- Instructions. --- */

#define FLAGS_TRAP "0x100"

static struct { uint64_t count, rip; } steps;

static void step_taken(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)info;
    uint64_t rip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    steps.count += rip != steps.rip; /* or it repeats */
    steps.rip = rip;
}

static uint64_t step_through(const struct meter_case *what, uint32_t count) {
    steps.count = 0;
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torl $" FLAGS_TRAP
                     ", (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
    what->run(what->self, count);
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandl $~" FLAGS_TRAP
                     ", (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
    return steps.count;
}

static double count_instructions(const struct meter_case *what) {
    static uint8_t stack[1 << 16];
    const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction before, stepping = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack_before;
    stepping.sa_sigaction = step_taken;
    meter_require(sigaltstack(NULL, &stack_before) == 0, "sigaltstack");
    if (stack_before.ss_flags & SS_DISABLE)
        meter_require(sigaltstack(&own, NULL) == 0, "sigaltstack");
    meter_require(sigaction(SIGTRAP, &stepping, &before) == 0, "sigaction");
    uint32_t count = what->count / STEPPED_SHARE;
    uint64_t few = step_through(what, count), many = step_through(what, 2 * count);
    meter_require(sigaction(SIGTRAP, &before, NULL) == 0, "sigaction");
    return ((double)many - (double)few) / count;
}

/* --- Figures. --- */

static void print_series(const char *key, const struct round_times *times, uint32_t rounds,
                         bool is_cycles) {
    (void)printf("\"%s\": [", key);
    for (uint32_t i = 0; i < rounds; i++)
        (void)printf("%s%.3f", i ? ", " : "", is_cycles ? times[i].cycles : times[i].ns);
    (void)printf("], ");
}

static void print_case(const struct meter_case *what, const struct round_times *times,
                       struct meter_plan plan) {
    (void)printf("\"%s\": {", what->name);
    print_series("ns", times, plan.rounds, false);
    print_series("cycles", times, plan.rounds, true);
    if (what->has_instructions && plan.counts_instructions)
        (void)printf("\"instructions\": %.2f}", count_instructions(what));
    else
        (void)printf("\"instructions\": null}");
}

void meter_run(const struct meter_case *cases, size_t case_count, struct meter_plan plan) {
    uint32_t rounds = plan.rounds;
    struct round_times *times = calloc(case_count * rounds, sizeof *times);
    meter_require(times != NULL, "memory");
    for (size_t i = 0; i < case_count; i++) /* once for nothing: what is made lazily is made */
        cases[i].run(cases[i].self, cases[i].count);
    for (uint32_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < case_count; i++)
            times[i * rounds + round] = time_round(&cases[i]);
    (void)printf("{\"cases\": {");
    for (size_t i = 0; i < case_count; i++) {
        (void)printf("%s", i ? ",\n" : "");
        print_case(&cases[i], &times[i * rounds], plan);
    }
    (void)printf("}}\n");
    free(times);
}
