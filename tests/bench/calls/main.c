/*
 * bench-calls: what crossings between host, modules, kernel and processes cost. One side in one
 * process; calls.py runs them in turns, and says what the figures mean.
 */
#include "meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int misuse(void) {
    (void)fprintf(stderr,
                  "usage: bench-calls [--instructions] ROUNDS linux\n"
                  "       bench-calls [--instructions] ROUNDS alkahest FOLDER\n"
                  "       bench-calls [--instructions] ROUNDS wasmtime FOLDER LIBRARY FLAVOUR\n"
                  "FLAVOUR: cranelift, pooling, winch\n");
    return 2;
}

int main(int count, char **words) {
    struct meter_plan plan = {0};
    if (count > 1 && strcmp(words[1], "--instructions") == 0) {
        plan.counts_instructions = true;
        count--;
        words++;
    }
    plan.rounds = count > 2 ? (uint32_t)strtoul(words[1], NULL, 10) : 0;
    if (plan.rounds == 0)
        return misuse();
    const char *side = words[2];
    if (count == 3 && strcmp(side, "linux") == 0)
        measure_linux(plan);
    else if (count == 4 && strcmp(side, "alkahest") == 0)
        measure_alkahest(words[3], plan);
    else if (count == 6 && strcmp(side, "wasmtime") == 0)
        measure_wasmtime(words[4], words[5], words[3], plan);
    else
        return misuse();
    return 0;
}
