/* The timer: whoever wants to be told when time has passed. */
#ifndef ATHANOR_TIMER_H
#define ATHANOR_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_TICK_NS UINT64_C(10000000)

/* Measures the local APIC's timer and lets it tick. Interrupts may still be off. */
bool timer_start(void);
uint64_t timer_ticks(void);

extern uint64_t timer_fires_at; /* UINT64_MAX: never */

/* The timer fires then, if not before; UINT64_MAX: never mind. */
void timer_fire_by(uint64_t at_ns);

/*
 * Sees to it that the timer fires at `alarm` (UINT64_MAX: no need) at the latest, and each
 * TIMER_TICK_NS while something is looked at then. Interrupts are off. Inline: at most switches of
 * threads it will already, and firing too early costs less than arming too often.
 */
void timer_arm(uint64_t now, uint64_t alarm);
static inline void timer_rearm(uint64_t now, uint64_t alarm) {
    if (alarm < timer_fires_at || timer_fires_at > now + TIMER_TICK_NS) {
        timer_arm(now, alarm);
    }
}

#endif
