/* The monotonic clock: nanoseconds since boot, from the time stamp counter. */
#ifndef ATHANOR_CLOCK_H
#define ATHANOR_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* A counter of known frequency that the time stamp counter is measured against. */
struct clock_reference {
    const char *name;
    uint64_t hz;
    uint64_t mask; /* of the counter's bits; it counts up and wraps */
    uint64_t (*read)(const struct clock_reference *reference);
    volatile uint32_t *registers; /* of the HPET */
};

/* From the ACPI HPET table's address, mapped; false if the registers make no sense. */
bool clock_reference_hpet(volatile uint32_t *registers, struct clock_reference *out);
/* The second channel of the interval timer. Always there on a PC, in some form. */
void clock_reference_pit(struct clock_reference *out);

/* Time counts from here. */
void clock_mark_start(void);

/* Measures the counter for some milliseconds. False if the reference stands still. */
bool clock_start(const struct clock_reference *reference);

/* 0 until clock_start. */
uint64_t clock_ns(void);
uint64_t clock_hz(void);
/* Of a time stamp taken since clock_mark_start, in nanoseconds since boot. */
uint64_t clock_at(uint64_t ticks);

/* Spins. */
void clock_wait_ns(uint64_t ns);

#define CLOCK_HZ_MAX UINT64_C(18000000000)
#define CLOCK_SCALE_BITS 32

/* The factor for clock_scaled. 1 ≤ hz ≤ CLOCK_HZ_MAX. */
uint64_t clock_scale(uint64_t hz);
/* Nanoseconds of so many ticks; the error is below one in 2^27 up to 32 GHz. */
static inline uint64_t clock_scaled(uint64_t ticks, uint64_t scale) {
    __extension__ typedef unsigned __int128 clock_wide;
    return (uint64_t)((clock_wide)ticks * scale >> CLOCK_SCALE_BITS);
}
/* ns * hz / 10^9, at most UINT64_MAX. 1 ≤ hz ≤ CLOCK_HZ_MAX. */
uint64_t clock_ns_to_ticks(uint64_t ns, uint64_t hz);

#endif
