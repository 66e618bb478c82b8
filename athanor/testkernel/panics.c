/* Ends of the kernel, for tests of what is said then. In: which. Out: a panic, now or soon. */
#include "testkernel/panics.h"
#include "console/log.h"
#include "cpu/apic.h"
#include "modules/modules.h"
#include "sched/thread.h"
#include "trap/panic.h"
#include <string.h>

#define PANICS_TICK_NS UINT64_C(1000000)

static bool panics_wants_module;

/* In place of the timer's own: there is nothing after this. */
static void panics_tick(void *self, struct trap_frame *frame) {
    (void)self;
    bool in_module = alka_registry_image_at(&modules_registry, frame->rip) != NULL;
    bool for_module = !in_module && threads_are_started() && thread_this() != NULL &&
                      thread_this()->stacks->gate != NULL &&
                      !alka_registry_owns_pc(&modules_registry, frame->rip);
    if (panics_wants_module ? in_module : for_module) {
        panic("in an interrupt");
    }
    apic_end_of_interrupt();
    apic_timer_arm(PANICS_TICK_NS);
}

/* Faults the first time. */
static void panics_write(void *self, const char *bytes, size_t count) {
    bool *has_faulted = self;
    (void)bytes;
    (void)count;
    if (!*has_faulted) {
        *has_faulted = true;
        *(volatile uint8_t *)UINT64_C(0x1000) = 0; /* nothing is mapped there */
    }
}

bool panics_do(const char *kind) {
    static bool has_faulted;
    static struct console console = {.write = panics_write, .self = &has_faulted};
    if (strcmp(kind, "call") == 0) {
        panic("as was asked for");
    }
    if (strcmp(kind, "nested") == 0) {
        has_faulted = true; /* what is in the log already is shown to it */
        console_attach(&console);
        has_faulted = false;
        panic("as was asked for");
    }
    panics_wants_module = strcmp(kind, "module") == 0;
    if (!panics_wants_module && strcmp(kind, "service") != 0) {
        return false;
    }
    trap_set_handler(TRAP_VECTOR_TIMER, panics_tick, NULL);
    return true;
}
