/*
 * What the kernel for tests has beside what is shipped: commands that run suites inside of it. In:
 * words. Out: lines that tests read.
 */
#include "console/log.h"
#include "mm/frames.h"
#include "mm/layout.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "modules/modules.h"
#include "shell/parse.h"
#include "shell/shell.h"
#include "testkernel/campaign.h"
#include "testkernel/panics.h"
#include "testkernel/suite.h"
#include "testkernel/units.h"
#include "time/clock.h"
#include <string.h>

static void command_suite(size_t count, const char *const *words) {
    uint64_t first = 0, files = UINT32_MAX;
    struct pack pack;
    struct suite_count total;
    if ((count > 1 && !shell_number(words[1], &first)) ||
        (count > 2 && !shell_number(words[2], &files))) {
        print("suite: a number is needed\n");
        return;
    }
    if (!pack_find(&pack)) {
        print("suite: there is none behind the system bundle\n");
        return;
    }
    struct module *module;
    for (uint32_t i = 0; (module = modules_next(&i)) != NULL; i++) { /* each file gets a registry */
        module_unload(module);
    }
    uint64_t start_ns = clock_ns();
    bool whole = suite_run(&pack, (uint32_t)first, (uint32_t)files, &total);
    print("suite: %s%lu passed, %lu failed, %lu skipped in %lu ms\n",
          whole ? "" : "the pack is broken; ", total.passed, total.failed, total.skipped,
          (clock_ns() - start_ns) / 1000000);
}

static void command_campaign(size_t count, const char *const *words) {
    uint64_t seed, faults;
    (void)count;
    if (shell_number(words[1], &seed) && shell_number(words[2], &faults)) {
        campaign_run(seed, faults);
    } else {
        print("campaign: a number is needed\n");
    }
}

static void command_load(size_t count, const char *const *words) {
    uint64_t seed, rounds;
    (void)count;
    if (shell_number(words[1], &seed) && shell_number(words[2], &rounds)) {
        campaign_load(seed, rounds);
    } else {
        print("campaign-load: a number is needed\n");
    }
}

static void command_units(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    units_run();
}

/* Writes behind its own array, if told to. */
__attribute__((noinline)) static char command_smash_frame(size_t bytes) {
    volatile char frame[16];
    for (size_t i = 0; i < bytes; i++) {
        frame[i] = (char)i;
    }
    return frame[0];
}

static void command_smash(size_t count, const char *const *words) {
    (void)words;
    (void)command_smash_frame(count == 1 ? 48 : 16);
    print("the frame is whole\n");
}

/* Writes to what was given back, then takes it again: a panic if freed memory is poisoned. */
static void command_stale(size_t count, const char *const *words) {
    (void)count;
    uint64_t phys;
    if (strcmp(words[1], "heap") == 0) {
        void *keeps_the_page = memory_take(48);
        volatile uint8_t *block = memory_take(48);
        memory_give((void *)block, 48);
        block[20] = 1;
        memory_give(memory_take(48), 48);
        memory_give(keeps_the_page, 48);
    } else if (frames_take(5, &phys)) {
        frames_give(phys, 5);
        *(volatile uint8_t *)layout_direct(phys + 5 * PAGING_PAGE_BYTES + 100) = 1;
        if (frames_take(5, &phys)) {
            frames_give(phys, 5);
        }
    }
    print("nobody has noticed\n");
}

static void command_panic(size_t count, const char *const *words) {
    (void)count;
    if (!panics_do(words[1])) {
        shell_fail("panic: call, nested, module or service");
    }
}

const struct shell_command shell_more_commands[] = {
    {"campaign", "SEED COUNT", "faults in modules, with all looked at after each", 3, 3,
     command_campaign},
    {"campaign-load", "SEED ROUNDS", "what a crash each 10 ms costs the others", 3, 3,
     command_load},
    {"panic", "KIND", "ends the kernel: call, nested, module, service", 2, 2, command_panic},
    {"smash", "[not]", "overruns a stack frame", 1, 2, command_smash},
    {"stale", "heap or frames", "writes to memory that was given back", 2, 2, command_stale},
    {"suite", "[FIRST [COUNT]]", "the official test suite, from the pack behind the bundle", 1, 3,
     command_suite},
    {"units", "", "the unit tests of what needs no host", 1, 1, command_units},
};
const size_t shell_more_command_count = sizeof shell_more_commands / sizeof shell_more_commands[0];
