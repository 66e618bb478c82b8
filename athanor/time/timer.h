/* The timer's tick. */
#ifndef ATHANOR_TIMER_H
#define ATHANOR_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_TICK_NS UINT64_C(10000000)

/* Measures the local APIC's timer and lets it tick. Interrupts may still be off. */
bool timer_start(void);
uint64_t timer_ticks(void);

#endif
