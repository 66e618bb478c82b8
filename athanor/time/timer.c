/*
 * The tick: a one-shot timer that is armed again each time. If no timer ticks,
 * halting could last forever; timer_start says so and the caller decides.
 */
#include "time/timer.h"
#include "console/input.h"
#include "cpu/apic.h"
#include "modules/modules.h"
#include "trap/trap.h"
#include <stddef.h>

static uint64_t timer_count;

static void timer_tick(void *self, struct trap_frame *frame) {
    (void)self;
    __atomic_fetch_add(&timer_count, 1, __ATOMIC_RELAXED);
    apic_timer_arm(TIMER_TICK_NS);
    input_poll();
    modules_tick(frame);
    apic_end_of_interrupt();
}

bool timer_start(void) {
    trap_set_handler(TRAP_VECTOR_TIMER, timer_tick, NULL);
    if (!apic_timer_start()) {
        return false;
    }
    apic_timer_arm(TIMER_TICK_NS);
    return true;
}

uint64_t timer_ticks(void) { return __atomic_load_n(&timer_count, __ATOMIC_RELAXED); }
