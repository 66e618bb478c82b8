/*
 * Calls another module's functions like its own, and checks that values arrive and that only the
 * callee's state moved.
 */
#include <athanor.h>
#include <athanor/line.h>

#include "echo.h"

#define CALLS 100000u

ATHANOR_APP(caller) {
    uint64_t count_before = echo_count();
    uint64_t started_ns = athanor_clock_ns();
    for (uint32_t i = 0; i < CALLS; i++) {
        if (echo(i * 2654435761u) != i * 2654435761u) {
            athanor_print("echo returned another value");
            return 1;
        }
    }
    uint64_t took_ns = athanor_clock_ns() - started_ns;
    if (echo_count() - count_before != CALLS) {
        athanor_print("echo missed a call");
        return 2;
    }
    if (echo_mixed(1, UINT64_C(1) << 40, 0.25f, -3.5) != 1099511627773.75) {
        athanor_print("a parameter was lost");
        return 3;
    }

    struct line line = {0};
    line_u64(&line, CALLS);
    line_text(&line, " calls, ");
    line_u64(&line, took_ns / CALLS);
    line_text(&line, " ns each");
    line_log(&line);
    return 0;
}
