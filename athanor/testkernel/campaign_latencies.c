/*
 * Many durations in little room. In: time stamps' differences. Out: percentiles, in nanoseconds, as
 * fine as a quarter of a power of two.
 */
#include "testkernel/campaign_latencies.h"
#include "console/log.h"
#include "time/clock.h"

static uint32_t latencies_class(uint64_t ticks) {
    if (ticks < 8) {
        return (uint32_t)ticks;
    }
    uint32_t bit = 63 - (uint32_t)__builtin_clzll(ticks);
    return bit * 4 + (uint32_t)(ticks >> (bit - 2) & 3);
}

/* The upper end of a class. */
static uint64_t latencies_class_ticks(uint32_t class) {
    return class < 8 ? class : ((UINT64_C(4) + (class & 3) + 1) << (class / 4 - 2)) - 1;
}

void latencies_add(struct latencies *latencies, uint64_t ticks) {
    latencies->classes[latencies_class(ticks)]++;
    latencies->count++;
    latencies->max = ticks > latencies->max ? ticks : latencies->max;
}

static uint64_t latencies_ns(uint64_t ticks) {
    return clock_scaled(ticks, clock_scale(clock_hz()));
}

static uint64_t latencies_percentile_ns(const struct latencies *latencies, uint32_t percent) {
    uint64_t below = 0, wanted = (latencies->count * percent + 99) / 100;
    for (uint32_t i = 0; i < LATENCIES_CLASSES; i++) {
        below += latencies->classes[i];
        if (below >= wanted) {
            return latencies_ns(latencies_class_ticks(i));
        }
    }
    return 0;
}

void latencies_print(const char *what, const struct latencies *latencies) {
    print("recoveries=%s count=%lu p50_ns=%lu p99_ns=%lu max_ns=%lu\n", what, latencies->count,
          latencies_percentile_ns(latencies, 50), latencies_percentile_ns(latencies, 99),
          latencies_ns(latencies->max));
}
