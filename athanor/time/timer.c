/*
 * The tick: a one-shot timer that is armed again each time. There is one while
 * a thread runs (its call may have a limit) or input is polled; else the timer
 * fires only when the scheduler wants it to. If no timer ticks, halting could
 * last forever; timer_start says so and the caller decides.
 */
#include "time/timer.h"
#include "console/input.h"
#include "cpu/apic.h"
#include "cpu/x86.h"
#include "modules/modules.h"
#include "sched/thread.h"
#include "time/clock.h"
#include "trap/trap.h"
#include <stddef.h>

static uint64_t timer_count;
uint64_t timer_fires_at;

void timer_arm(uint64_t now, uint64_t alarm) {
    bool ticks = !threads_are_idle() || input_is_polled();
    if (ticks && alarm > now + TIMER_TICK_NS) {
        alarm = now + TIMER_TICK_NS;
    }
    if (alarm < timer_fires_at) {
        timer_fires_at = alarm;
        apic_timer_arm(alarm - now);
    }
}

void timer_fire_by(uint64_t at_ns) {
    uint64_t flags = x86_read_flags();
    x86_interrupts_off();
    uint64_t now = clock_ns();
    timer_rearm(now, at_ns > now ? at_ns : now + 1);
    if ((flags & X86_FLAGS_INTERRUPTS) != 0) {
        x86_interrupts_on();
    }
}

static void timer_tick(void *self, struct trap_frame *frame) {
    (void)self;
    __atomic_fetch_add(&timer_count, 1, __ATOMIC_RELAXED);
    timer_fires_at = UINT64_MAX;
    input_poll();
    modules_tick(frame);
    apic_end_of_interrupt();
    threads_timer();
    if (!threads_are_started()) { /* else the end of the interrupt does it */
        timer_arm(clock_ns(), UINT64_MAX);
    }
}

bool timer_start(void) {
    trap_set_handler(TRAP_VECTOR_TIMER, timer_tick, NULL);
    if (!apic_timer_start()) {
        return false;
    }
    timer_fires_at = UINT64_MAX;
    timer_arm(clock_ns(), UINT64_MAX);
    return true;
}

uint64_t timer_ticks(void) { return __atomic_load_n(&timer_count, __ATOMIC_RELAXED); }
