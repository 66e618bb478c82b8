/*
 * Evictions (evict.h says what they are). In: an instance that is to be reset or given back. Out:
 * threads that hold nothing of it. It relies on where threads can be stopped (sched/machine.c): in
 * module code, where their gate records tell all, or in the kernel.
 */
#include "modules/evict.h"
#include "modules/call.h"
#include "modules/modules.h"
#include "sched/machine.h"
#include "time/clock.h"
#include <alkahest/routines.h>
#include <alkahest/trap.h>

/* It was about to run code of the instance. */
static void evict_running(struct thread *thread) {
    if (thread->context.is_stopped &&
        thread->context.frame.rip == (uint64_t)alka_routine_gone) { /* before a closed gate */
        thread->stacks->pending = ALKA_TRAP_KILLED;
        thread->context.frame.rip = (uint64_t)alka_routine_pending;
        return;
    }
    if (thread->context.is_stopped) {
        struct call *call = thread->user;
        if (modules_end_call(thread, &thread->context.frame) && call != NULL &&
            thread->stacks->report != NULL) {
            call_keep(call, thread->stacks->report); /* before its modules are unloaded */
        }
        return;
    }
    /* In the kernel: the call ends when that returns, which is soon. */
    if (thread->stacks->pending == ALKA_TRAP_NONE) {
        thread->stacks->pending = ALKA_TRAP_KILLED;
    }
    sched_wake(&threads_sched, &thread->sched, clock_ns());
}

/* It has called on, through `gate`. */
static void evict_caller(struct thread *thread, struct alka_gate *gate) {
    struct trap_frame *frame = &thread->context.frame;
    if (!alka_trap_make_zombie(gate)) {
        return;
    }
    if (thread->context.is_stopped && frame->rsp == (uint64_t)gate) {
        frame->rip = gate->resume; /* the callee's call was ended before: the trap goes on */
    }
}

static uint32_t evict_thread(struct thread *thread, uint64_t callee) {
    uint32_t ended = 0;
    struct alka_gate *inner = NULL;
    for (struct alka_gate *gate = thread->stacks->gate; gate != NULL; gate = gate->outer) {
        if (gate->callee == callee) {
            gate->callee = EVICT_NOBODY;
            ended++;
            if (inner == NULL) {
                evict_running(thread);
            } else {
                evict_caller(thread, inner);
            }
        }
        inner = gate;
    }
    return ended;
}

uint32_t evict(const struct alka_instance *instance) {
    uint64_t callee = (uint64_t)(instance->context + 1);
    uint32_t ended = 0;
    uint64_t flags = threads_lock();
    for (struct thread *thread = thread_next(NULL); thread != NULL; thread = thread_next(thread)) {
        if (thread != thread_this()) {
            ended += evict_thread(thread, callee);
        }
    }
    threads_unlock(flags);
    return ended;
}
