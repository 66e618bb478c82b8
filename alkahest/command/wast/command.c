/*
 * `alkahest wast`. In: names of suite files. Out: a line per file and the sum, and an exit code
 * that says whether anything failed. A file that cannot be read fails, but stops none of the
 * others.
 */
#include "../commands.h"
#include "wast.h"

#include <stdio.h>

int command_wast(const struct settings *settings) {
    struct wast_count count = {0};
    bool ok = true;
    if (!cpu_is_offered(settings->cpu))
        return COMMAND_EXIT_FAILED;
    for (size_t i = 0; i < settings->operands.count; i++)
        ok &= wast_run_file(settings, settings->operands.items[i], &count);
    printf("%llu passed, %llu failed, %llu skipped\n", (unsigned long long)count.passed,
           (unsigned long long)count.failed, (unsigned long long)count.skipped);
    return ok && count.failed == 0 ? COMMAND_EXIT_OK : COMMAND_EXIT_FAILED;
}
