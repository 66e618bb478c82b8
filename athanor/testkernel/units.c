/*
 * Runs the unit tests. In: the list that CMakeLists.txt made, of each test program's main under
 * another name. Out: lines.
 */
#include "testkernel/units.h"
#include "console/log.h"
#include "mm/memory.h"
#include "mm/stacks.h"
#include <stdbool.h>
#include <stdint.h>

#define UNITS_STACK_BYTES (UINT64_C(4) << 20)

#define UNIT(program) int unit_##program(void);
#include <units.def>
#undef UNIT

static const struct {
    const char *name;
    int (*run)(void);
} units[] = {
#define UNIT(program) {#program, unit_##program},
#include <units.def>
#undef UNIT
};

static void units_run_all(void *unused) {
    uint32_t failed = 0, count = sizeof units / sizeof units[0];
    (void)unused;
    for (uint32_t i = 0; i < count; i++) {
        bool good = units[i].run() == 0;
        print(" in %s\n", units[i].name);
        failed += good ? 0 : 1;
    }
    print("units: %u programs, %u failed\n", count, failed);
}

/* Tests keep in their frames what a thread's stack has no room for. */
void units_run(void) {
    void *stack;
    if (memory_map_pages(UNITS_STACK_BYTES, &stack) != ALKA_OK) {
        print("units: no memory\n");
        return;
    }
    void *top = (uint8_t *)stack + UNITS_STACK_BYTES;
    stacks_call(top, units_run_all, NULL);
    memory_unmap_pages(stack, UNITS_STACK_BYTES);
}
