/* Conversions between ticks and nanoseconds. Pure, without a division where it matters. */
#include "time/clock.h"

#define NS_PER_S UINT64_C(1000000000)

uint64_t clock_scale(uint64_t hz) { return (NS_PER_S << CLOCK_SCALE_BITS) / hz; }

uint64_t clock_ns_to_ticks(uint64_t ns, uint64_t hz) {
    uint64_t whole, ticks;
    uint64_t part = ns % NS_PER_S * hz / NS_PER_S; /* below 10^9 * CLOCK_HZ_MAX < 2^64 */
    if (__builtin_mul_overflow(ns / NS_PER_S, hz, &whole) ||
        __builtin_add_overflow(whole, part, &ticks)) {
        return UINT64_MAX;
    }
    return ticks;
}
