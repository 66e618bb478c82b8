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
#include <alkahest/call.h>
#include <alkahest/gate.h>
#include <alkahest/routines.h>
#include <alkahest/trap.h>

#define EVICT_POLL_NS UINT64_C(20000)

/* It was about to run code of the instance. */
static void evict_running(struct thread *thread, struct evict_witness *witness) {
    sched_excuse(&threads_sched, &thread->sched, true, clock_ns());
    if (thread->context.is_stopped &&
        thread->context.frame.rip == (uint64_t)alka_routine_gone) { /* before a closed gate */
        thread->stacks->pending = ALKA_TRAP_KILLED;
        thread->context.frame.rip = (uint64_t)alka_routine_pending;
        return;
    }
    if (thread->context.is_stopped) {
        struct call *call = thread->user;
        enum modules_end end = modules_end_call(thread, &thread->context.frame);
        if (end != MODULES_NOT_ENDED && call != NULL && thread->stacks->report != NULL) {
            if (end == MODULES_ENDED) {
                call_keep(call, thread->stacks->report); /* before its modules are unloaded */
            }
            if (witness != NULL && !witness->is_found) {
                *witness = (struct evict_witness){true, *thread->stacks->report, call->fault.frame};
            }
        }
        return;
    }
    /* In the kernel: the call ends when that returns, which is soon. */
    (void)alka_trap_pend(thread->stacks, ALKA_TRAP_KILLED);
    sched_wake(&threads_sched, &thread->sched, clock_ns());
}

/* It has called on, through `gate`. */
static void evict_caller(struct thread *thread, struct alka_gate *gate) {
    struct trap_frame *frame = &thread->context.frame;
    if (!alka_trap_make_zombie(gate)) {
        return;
    }
    if (thread->context.is_stopped && frame->rsp == (uint64_t)gate) {
        frame->rip =
            alka_gate_resume(gate); /* the callee's call was ended before: the trap goes on */
    }
}

static uint32_t evict_thread(struct thread *thread, uint64_t callee,
                             struct evict_witness *witness) {
    uint32_t ended = 0;
    struct alka_gate *inner = NULL;
    for (struct alka_gate *gate = thread->stacks->gate; gate != NULL; gate = gate->outer) {
        if (gate->callee == callee) {
            gate->callee = EVICT_NOBODY;
            ended++;
            if (inner == NULL) {
                evict_running(thread, witness);
            } else {
                evict_caller(thread, inner);
            }
        }
        inner = gate;
    }
    return ended;
}

uint32_t evict(const struct alka_instance *instance, struct evict_witness *witness) {
    uint64_t callee = (uint64_t)(instance->context + 1);
    uint32_t ended = 0;
    uint64_t flags = threads_lock();
    for (struct thread *thread = thread_next(NULL); thread != NULL; thread = thread_next(thread)) {
        if (thread != thread_this()) {
            ended += evict_thread(thread, callee, witness);
        }
    }
    threads_unlock(flags);
    return ended;
}

/* --- Waiting instead. --- */

static bool evict_has(const struct thread *thread, uint64_t callee) {
    const struct alka_gate *gate = thread->stacks != NULL ? thread->stacks->gate : NULL;
    while (gate != NULL && gate->callee != callee) {
        gate = gate->outer;
    }
    return gate != NULL;
}

/* Threads do not stand still half-way through a gate (sched/machine.c). */
static bool evict_anybody(const struct alka_instance *instance) {
    uint64_t callee = (uint64_t)(instance->context + 1);
    bool any = false;
    uint64_t flags = threads_lock();
    for (struct thread *thread = thread_next(NULL); thread != NULL && !any;
         thread = thread_next(thread)) {
        any = thread->sched.state != SCHED_DEAD && evict_has(thread, callee);
    }
    threads_unlock(flags);
    return any;
}

void evict_hurry(bool hurry) {
    uint64_t flags = threads_lock();
    sched_set_priority(&threads_sched, &thread_this()->sched,
                       hurry ? SCHED_PRIORITIES - 1 : SCHED_PRIORITY_NORMAL, clock_ns());
    threads_unlock(flags);
}

static struct thread *evict_drainer; /* under the lock: who waits for a module to be empty */

void evict_look_again(void) {
    machine_lock();
    if (evict_drainer != NULL) {
        sched_wake(&threads_sched, &evict_drainer->sched, clock_ns());
    }
    machine_unlock();
}

/* For a moment, or until somebody has come to a closed gate: whoever did is out. */
static alka_status evict_wait(void) {
    uint64_t flags = threads_lock();
    evict_drainer = thread_this();
    alka_status status = thread_block(clock_ns() + EVICT_POLL_NS);
    evict_drainer = NULL;
    threads_unlock(flags);
    return status;
}

bool evict_drained(const struct alka_instance *instance, uint64_t deadline_ns) {
    while (evict_anybody(instance)) {
        if (clock_ns() >= deadline_ns) {
            return false;
        }
        if (evict_wait() == ALKA_E_INTERRUPTED) {
            thread_yield(); /* it shall end, and cannot sleep any more */
        }
    }
    return true;
}
