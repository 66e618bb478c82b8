/* The clock and the timer, as far as they can be checked against each other. */
#include "cpu/x86.h"
#include "selftest/selftest.h"
#include "time/clock.h"
#include "time/timer.h"
#include <stddef.h>

#define MACHINE_READINGS 1000u
#define MACHINE_TICKS 1u
#define MACHINE_SOON_NS UINT64_C(100000)
#define MACHINE_PATIENCE_NS UINT64_C(1000000000)

static const char *machine_clock(void) {
    uint64_t last = clock_ns();
    uint64_t first = last;
    for (uint32_t i = 0; i < MACHINE_READINGS; i++) {
        uint64_t now = clock_ns();
        if (now < last) {
            return "time went backwards";
        }
        last = now;
    }
    return last > first ? NULL : "time stands still";
}

static const char *machine_timer(void) {
    uint64_t flags = x86_read_flags();
    x86_interrupts_off();
    uint64_t start = timer_ticks(), now = clock_ns(), give_up = now + MACHINE_PATIENCE_NS;
    timer_arm(now, now + MACHINE_SOON_NS); /* the tick is further away */
    if ((flags & X86_FLAGS_INTERRUPTS) != 0) {
        x86_interrupts_on();
    }
    while (timer_ticks() < start + MACHINE_TICKS) {
        if (clock_ns() > give_up) {
            return "no timer interrupt arrives";
        }
        x86_pause(); /* not hlt: without a timer it would never end */
    }
    return NULL;
}

const struct selftest selftest_machine[] = {
    {"clock", machine_clock},
    {"timer", machine_timer},
    {NULL, NULL},
};
