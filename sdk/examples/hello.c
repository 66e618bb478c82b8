/* The smallest useful module: says hello and looks at what the kernel gives it. */
#include <athanor.h>
#include <athanor/line.h>

ATHANOR_APP(hello) {
    uint64_t before_ns = athanor_clock_ns();
    athanor_print("hello, world");
    athanor_yield();
    uint64_t after_ns = athanor_clock_ns();
    if (after_ns < before_ns)
        return 1;

    struct line line = {0};
    line_text(&line, "a word and a yield took ");
    line_u64(&line, (after_ns - before_ns) / 1000);
    line_text(&line, " us");
    line_log(&line);
    return 0;
}
