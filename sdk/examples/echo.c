/* A module that others call directly: no start function, only exports. */
#include <athanor.h>

static uint64_t calls;

ATHANOR_EXPORT("echo") uint32_t echo(uint32_t value) {
    calls++;
    return value;
}

ATHANOR_EXPORT("echo_mixed")
double echo_mixed(uint32_t word, uint64_t longword, float single, double real) {
    return (double)word + (double)longword + (double)single + real;
}

ATHANOR_EXPORT("echo_count") uint64_t echo_count(void) { return calls; }
