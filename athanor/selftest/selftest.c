/* Runs the lists of self-tests. A failing test fails a boot step; it stops nothing. */
#include "selftest/selftest.h"
#include "console/log.h"
#include <stddef.h>

static uint32_t selftest_run_list(const struct selftest *list, uint32_t *count) {
    uint32_t failures = 0;
    for (const struct selftest *test = list; test->name != NULL; test++) {
        const char *error = test->run();
        if (error != NULL) {
            log_error("selftest %s: %s", test->name, error);
            failures++;
        } else {
            log_info("selftest %s: passed", test->name);
        }
        ++*count;
    }
    return failures;
}

uint32_t selftest_run(uint32_t *out_count) {
    static const struct selftest *const lists[] = {selftest_protection, selftest_memory,
                                                   selftest_machine, selftest_threads,
                                                   selftest_crucible};
    uint32_t failures = 0;
    *out_count = 0;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        failures += selftest_run_list(lists[i], out_count);
    }
    return failures;
}
