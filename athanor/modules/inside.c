/*
 * Who is inside. In: threads, and the gate records on their stacks. Out: that nobody is, any more.
 * Gate records are only read under the lock, when their threads stand still.
 */
#include "modules/inside.h"
#include "modules/call.h"
#include "sched/machine.h"
#include "time/clock.h"
#include <alkahest/routines.h>

#define INSIDE_POLL_NS UINT64_C(20000)

static bool inside_has(const struct thread *thread, const struct alka_context *context) {
    const struct alka_gate *gate = thread->stacks != NULL ? thread->stacks->gate : NULL;
    while (gate != NULL && gate->callee - ALKA_CONTEXT_BYTES != (uint64_t)context) {
        gate = gate->outer;
    }
    return gate != NULL;
}

/* Stopped on its way through a gate: it may have read half of a record. */
static bool inside_a_gate(const struct thread *thread) {
    uint64_t pc = thread->context.frame.rip;
    return thread->sched.state != SCHED_RUNNING && thread->context.is_stopped &&
           pc >= (uint64_t)alka_routines_start && pc < (uint64_t)alka_routines_end &&
           pc != (uint64_t)alka_routine_gone;
}

/* Under the lock. */
static bool inside_any(const struct alka_instance *instance, bool end_them) {
    bool any = false;
    for (struct thread *thread = thread_next(NULL); thread != NULL; thread = thread_next(thread)) {
        bool is_in = thread->sched.state != SCHED_DEAD && inside_has(thread, instance->context);
        if (is_in && end_them) {
            call_end_soon(thread);
        }
        any = any || is_in || inside_a_gate(thread);
    }
    return any;
}

static bool inside_look(const struct alka_instance *instance, bool end_them) {
    uint64_t flags = threads_lock();
    bool any = inside_any(instance, end_them);
    threads_unlock(flags);
    return any;
}

void inside_hurry(bool hurry) {
    uint64_t flags = threads_lock();
    sched_set_priority(&threads_sched, &thread_this()->sched,
                       hurry ? SCHED_PRIORITIES - 1 : SCHED_PRIORITY_NORMAL, clock_ns());
    threads_unlock(flags);
}

static void inside_rest(void) {
    if (thread_sleep_until(clock_ns() + INSIDE_POLL_NS) != ALKA_OK) {
        thread_yield(); /* it shall end, and cannot sleep any more */
    }
}

bool inside_wait(const struct alka_instance *instance, uint64_t deadline_ns) {
    while (inside_look(instance, false)) {
        if (clock_ns() >= deadline_ns) {
            return false;
        }
        inside_rest();
    }
    return true;
}

void inside_evict(const struct alka_instance *instance) {
    if (!inside_look(instance, true)) {
        return;
    }
    inside_hurry(true);
    while (inside_look(instance, true)) {
        inside_rest();
    }
    inside_hurry(false);
}
