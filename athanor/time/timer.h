/* The timer: whoever wants to be told when time has passed. */
#ifndef ATHANOR_TIMER_H
#define ATHANOR_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_TICK_NS UINT64_C(10000000)

/* Measures the local APIC's timer and lets it tick. Interrupts may still be off. */
bool timer_start(void);
uint64_t timer_ticks(void);

/*
 * Sees to it that the timer fires when the scheduler wants it to, and each TIMER_TICK_NS while
 * something is looked at then. Interrupts are off.
 */
void timer_rearm(uint64_t now);

#endif
