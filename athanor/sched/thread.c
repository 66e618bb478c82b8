/*
 * Threads as the kernel sees them: made, started, waiting, ended. In: functions to run. Out:
 * threads that run them. Must never: give back stacks that somebody stands on.
 */
#include "sched/thread.h"
#include "cpu/x86.h"
#include "mm/memory.h"
#include "mm/stacks.h"
#include "sched/machine.h"
#include "sched/policy.h"
#include "time/clock.h"
#include "time/timer.h"
#include <alkahest/call.h>
#include <stddef.h>
#include <string.h>

struct sched_policy *threads_policy;

static struct sched_account threads_kernel_account; /* without limits */
static struct thread *threads_first, *threads_last;
static uint32_t threads_next_id = 1;

/* --- The lock. --- */

/* Not at once: what the caller has looked at shall stay as it is until it waits, or returns. */
void threads_unlock_kicked(void) {
    if (machine_started) {
        uint64_t now = clock_ns();
        timer_rearm(now, now + THREAD_SOON_NS);
    }
    machine_unlock();
}

/* --- Lives. --- */

struct thread *thread_next(const struct thread *after) {
    return after == NULL ? threads_first : after->next;
}

static void thread_on_wake(struct wait_entry *entry) {
    struct thread *thread = entry->owner;
    if (sched_hears(&thread->sched)) {
        sched_wake(&threads_sched, &thread->sched, clock_ns());
    }
}

static void thread_list(struct thread *thread) {
    thread->id = threads_next_id++;
    thread->previous = threads_last;
    if (threads_last == NULL) {
        threads_first = thread;
    } else {
        threads_last->next = thread;
    }
    threads_last = thread;
}

static void thread_unlist(struct thread *thread) {
    if (thread->previous == NULL) {
        threads_first = thread->next;
    } else {
        thread->previous->next = thread->next;
    }
    if (thread->next == NULL) {
        threads_last = thread->previous;
    } else {
        thread->next->previous = thread->previous;
    }
}

/* On its own stack for the first time; the lock is released, interrupts are off. */
static void thread_main(void) {
    struct thread *thread = thread_this();
    x86_interrupts_on();
    thread->run(thread->arg);
    (void)threads_lock();
    sched_exit(&threads_sched, MACHINE_CPU);
    wait_wake_all(&thread->ended);
    machine_reschedule(clock_ns());
    __builtin_unreachable();
}

/* All but stacks and a place in the list. */
static struct thread *thread_new(const char *name, struct sched_account *account,
                                 uint8_t priority) {
    struct thread *thread = memory_take(sizeof *thread);
    if (thread == NULL) {
        return NULL;
    }
    thread->context.vectors = machine_take_vectors(&thread->vectors_block);
    if (thread->context.vectors == NULL) {
        memory_give(thread, sizeof *thread);
        return NULL;
    }
    thread->sched.account = account == NULL ? &threads_kernel_account : account;
    thread->sched.priority = priority;
    thread->wait.wake = thread_on_wake;
    thread->wait.owner = thread;
    for (size_t i = 0; i < THREAD_NAME_BYTES - 1 && name[i] != '\0'; i++) {
        thread->name[i] = name[i];
    }
    return thread;
}

static void thread_give(struct thread *thread) {
    machine_give_vectors(thread->vectors_block);
    memory_give(thread, sizeof *thread);
}

alka_status thread_make(const char *name, struct sched_account *account, uint8_t priority,
                        void (*run)(void *arg), void *arg, struct thread **out_thread) {
    struct thread *thread = thread_new(name, account, priority);
    if (thread == NULL) {
        return ALKA_E_OUT_OF_MEMORY;
    }
    alka_status status = stacks_take(&thread->stacks);
    if (status != ALKA_OK) {
        thread_give(thread);
        return status;
    }
    thread->stacks->owner = thread;
    thread->run = run;
    thread->arg = arg;
    machine_prepare(&thread->context, (uint64_t)thread->stacks & ~UINT64_C(15), thread_main);
    uint64_t flags = threads_lock();
    thread_list(thread);
    threads_unlock(flags);
    *out_thread = thread;
    return ALKA_OK;
}

void thread_start(struct thread *thread) {
    uint64_t flags = threads_lock();
    sched_start(&threads_sched, &thread->sched, clock_ns());
    threads_unlock(flags);
}

alka_status thread_join(struct thread *thread, uint64_t deadline_ns) {
    alka_status status = ALKA_OK;
    uint64_t flags = threads_lock();
    struct wait_entry *wait = &thread_this()->wait;
    while (thread->sched.state != SCHED_DEAD && status == ALKA_OK) {
        wait_join(&thread->ended, wait);
        status = thread_block(deadline_ns);
    }
    wait_served(wait);
    bool is_dead = thread->sched.state == SCHED_DEAD;
    if (is_dead) {
        thread_unlist(thread);
    }
    threads_unlock(flags);
    if (!is_dead) {
        return status;
    }
    stacks_give(thread->stacks);
    thread_give(thread);
    return ALKA_OK;
}

/* --- Waiting. --- */

alka_status thread_block(uint64_t deadline_ns) {
    struct thread *self = thread_this();
    if (self->stacks->pending != 0) { /* what it waits for is of no use any more */
        return ALKA_E_INTERRUPTED;
    }
    uint64_t now = clock_ns();
    if (sched_block(&threads_sched, MACHINE_CPU, deadline_ns, now)) {
        machine_reschedule(now);
        machine_lock();
    }
    /* Kernel code goes on to its end; the module that called it does not. */
    if (self->sched.kill_pending && self->stacks->gate != NULL) {
        (void)alka_trap_pend(self->stacks, ALKA_TRAP_KILLED);
    }
    return self->stacks->pending != 0 ? ALKA_E_INTERRUPTED : self->sched.woken_by;
}

alka_status thread_sleep_until(uint64_t deadline_ns) {
    alka_status status = ALKA_OK;
    uint64_t flags = threads_lock();
    while (status == ALKA_OK) {
        status = thread_block(deadline_ns);
    }
    threads_unlock(flags);
    return status == ALKA_E_TIMED_OUT ? ALKA_OK : status;
}

void thread_yield(void) {
    uint64_t flags = threads_lock();
    sched_give_way(&threads_sched, MACHINE_CPU);
    machine_reschedule(clock_ns());
    if ((flags & X86_FLAGS_INTERRUPTS) != 0) {
        x86_interrupts_on();
    }
}

struct sched_account *thread_charge(struct sched_account *account) {
    uint64_t flags = threads_lock();
    struct thread *self = thread_this();
    struct sched_account *before = self->sched.account;
    sched_set_account(&threads_sched, &self->sched, account, clock_ns());
    threads_unlock(flags);
    return before;
}

void thread_kill(struct thread *thread) {
    uint64_t flags = threads_lock();
    sched_kill(&threads_sched, &thread->sched, clock_ns());
    threads_unlock(flags);
}

void thread_wake_first(void) {
    if (threads_first != NULL) {
        sched_wake(&threads_sched, &threads_first->sched, clock_ns());
        sched_excuse(&threads_sched, &threads_first->sched, true, clock_ns());
    }
}

void thread_insist(void) {
    if (!thread_this()->sched.kill_pending) {
        alka_status status = thread_block(SCHED_NEVER);
        (void)status;
        return;
    }
    sched_give_way(&threads_sched, MACHINE_CPU); /* it cannot sleep any more */
    machine_reschedule(clock_ns());
    machine_lock();
}

void thread_mutex_take(struct thread_mutex *mutex) {
    uint64_t flags = threads_lock();
    struct thread *self = thread_this();
    while (mutex->holder != NULL || !wait_may_go(&mutex->waiting, &self->wait)) {
        wait_join(&mutex->waiting, &self->wait);
        thread_insist();
    }
    wait_served(&self->wait);
    mutex->holder = self;
    threads_unlock(flags);
}

void thread_mutex_give(struct thread_mutex *mutex) {
    uint64_t flags = threads_lock();
    mutex->holder = NULL;
    wait_wake(&mutex->waiting);
    threads_unlock(flags);
}

/* --- The first. --- */

enum { THREADS_POLICIES = 2 };
static struct sched_policy
    *threads_policies[THREADS_POLICIES]; /* the first one if nobody chooses */
static bool threads_policy_is_chosen;

/* NULL: there is none of that name. */
static struct sched_policy *threads_find_policy(const char *name) {
    uint32_t i = 0;
    while (i < THREADS_POLICIES && strcmp(name, threads_policies[i]->class->name) != 0) {
        i++;
    }
    return i < THREADS_POLICIES ? threads_policies[i] : NULL;
}

static void threads_choose_first(const char *name) {
    static struct sched_round_robin round_robin;
    static struct sched_fair fair;
    threads_policies[0] = sched_round_robin_init(&round_robin);
    threads_policies[1] = sched_fair_init(&fair);
    threads_policy = name == NULL ? NULL : threads_find_policy(name);
    threads_policy_is_chosen = threads_policy != NULL;
    if (threads_policy == NULL) {
        threads_policy = threads_policies[0];
    }
}

void threads_suggest_policy(const char *name) {
    struct sched_policy *policy = threads_find_policy(name);
    if (threads_policy_is_chosen || policy == NULL || policy == threads_policy) {
        return;
    }
    uint64_t flags = threads_lock();
    threads_policy_is_chosen = true; /* for good: the other one keeps notes of threads */
    threads_policy = policy;
    sched_set_policy(&threads_sched, policy);
    threads_unlock(flags);
}

alka_status threads_start(struct alka_thread *first, const char *policy) {
    threads_choose_first(policy);
    ALKA_TRY(machine_start());
    struct thread *thread = thread_new("kernel", NULL, SCHED_PRIORITY_NORMAL);
    if (thread == NULL) {
        return ALKA_E_OUT_OF_MEMORY;
    }
    thread->stacks = first;
    first->owner = thread;
    thread_list(thread);
    machine_adopt(thread);
    return ALKA_OK;
}
