/*
 * The clock. In: a reference counter whose frequency is known. Out: time since boot. Measuring
 * takes the pair of readings that an interruption (an emulator's, a hypervisor's) disturbed least.
 */
#include "time/clock.h"
#include "cpu/x86.h"

#define CLOCK_MEASURE_DIVISOR 1000u /* a measurement lasts 1 ms */
#define CLOCK_MEASURE_LEAST 6000u   /* or so many ticks of the reference: 5 ms of the PIT */
#define CLOCK_MEASUREMENTS 3u
#define CLOCK_READ_TRIES 16u
#define CLOCK_SPIN_MAX 100000000u

static uint64_t clock_base, clock_factor, clock_frequency;

struct clock_pair {
    uint64_t ticks, reference, gap; /* gap: ticks that reading the reference took */
};

static struct clock_pair clock_read_pair(const struct clock_reference *reference) {
    struct clock_pair best = {.gap = UINT64_MAX};
    for (uint32_t i = 0; i < CLOCK_READ_TRIES; i++) {
        uint64_t before = x86_time_stamp();
        uint64_t value = reference->read(reference);
        uint64_t gap = x86_time_stamp() - before;
        if (gap < best.gap) {
            best = (struct clock_pair){before + gap / 2, value, gap};
        }
    }
    return best;
}

/* Ticks per second; 0 if the reference does not move. */
static uint64_t clock_measure_once(const struct clock_reference *reference) {
    uint64_t wanted = reference->hz / CLOCK_MEASURE_DIVISOR;
    wanted = wanted > CLOCK_MEASURE_LEAST ? wanted : CLOCK_MEASURE_LEAST;
    struct clock_pair start = clock_read_pair(reference);
    uint64_t passed = 0;
    for (uint32_t spin = 0; passed < wanted; spin++) {
        if (spin == CLOCK_SPIN_MAX) {
            return 0;
        }
        passed = (reference->read(reference) - start.reference) & reference->mask;
    }
    struct clock_pair end = clock_read_pair(reference);
    passed = (end.reference - start.reference) & reference->mask;
    uint64_t ticks = end.ticks - start.ticks;
    if (passed == 0 || ticks > UINT64_MAX / reference->hz) {
        return 0;
    }
    return ticks * reference->hz / passed;
}

void clock_mark_start(void) { clock_base = x86_time_stamp(); }

bool clock_start(const struct clock_reference *reference) {
    uint64_t measured[CLOCK_MEASUREMENTS];
    for (uint32_t i = 0; i < CLOCK_MEASUREMENTS; i++) {
        uint64_t hz = clock_measure_once(reference);
        if (hz == 0 || hz > CLOCK_HZ_MAX) {
            return false;
        }
        uint32_t at = i; /* sorted: the median counts */
        for (; at > 0 && measured[at - 1] > hz; at--) {
            measured[at] = measured[at - 1];
        }
        measured[at] = hz;
    }
    clock_frequency = measured[CLOCK_MEASUREMENTS / 2];
    clock_factor = clock_scale(clock_frequency);
    return true;
}

uint64_t clock_ns(void) {
    return clock_scaled(x86_time_stamp() - clock_base, clock_factor); /* 0 before it is known */
}

uint64_t clock_at(uint64_t ticks) { return clock_scaled(ticks - clock_base, clock_factor); }

uint64_t clock_hz(void) { return clock_frequency; }

void clock_wait_ns(uint64_t ns) {
    uint64_t end = clock_ns() + ns;
    while (clock_ns() < end) {
        x86_pause();
    }
}
