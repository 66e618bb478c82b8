/*
 * The scheduler's states (sched.h has the protocol). In: what threads do, and the time. Out: who
 * runs. Must never: lose a thread (each one that is not NEW or DEAD runs, waits, or is in the hands
 * of the policy or of its account), or let one run that has no budget.
 */
#include "sched/sched.h"
#include "sched/account.h"
#include "sched/policy.h"
#include <stddef.h>

#define THREAD_OF_TIMER(node) \
    ((struct sched_thread *)((char *)(node)-offsetof(struct sched_thread, timer)))

void sched_init(struct sched *sched, struct sched_policy *policy, uint32_t cpu_count,
                const struct sched_host *host, uint64_t now) {
    *sched = (struct sched){
        .policy = policy, .host = *host, .cpu_count = cpu_count, .idle_count = cpu_count};
    for (uint32_t cpu = 0; cpu < cpu_count; cpu++)
        sched->cpus[cpu].charged_until = now;
}

/* --- Becoming ready. --- */

/* Looks for a processor that wants what the policy has. One at a time: it offers the rest. */
static void sched_offer(const struct sched *sched) {
    bool has_idle = sched->idle_count > 0;
    for (uint32_t cpu = 0; cpu < sched->cpu_count; cpu++) {
        const struct sched_thread *running = sched->cpus[cpu].running;
        if (has_idle ? running == NULL : sched->policy->class->gives_way(sched->policy, running)) {
            sched->host.kick(sched->host.self, cpu);
            return;
        }
    }
}

/* To the policy, or to its account if that is empty. */
static inline void sched_enqueue(struct sched *sched, struct sched_thread *thread,
                                 enum sched_why why, uint64_t now) {
    if (account_forbids(thread, now)) {
        thread->state = SCHED_THROTTLED;
        account_throttle(&sched->refills, thread);
        return;
    }
    thread->state = SCHED_READY;
    sched->ready_count++;
    sched->policy->class->enqueue(sched->policy, thread, why);
}

static inline void sched_make_ready(struct sched *sched, struct sched_thread *thread,
                                    enum sched_why why, uint64_t now) {
    sched_enqueue(sched, thread, why, now);
    if (thread->state == SCHED_READY)
        sched_offer(sched);
}

void sched_start(struct sched *sched, struct sched_thread *thread, uint64_t now) {
    sched_make_ready(sched, thread, SCHED_STARTED, now);
}

void sched_set_policy(struct sched *sched, struct sched_policy *policy) {
    struct sched_list ready = {NULL, NULL};
    for (uint32_t i = 0; i < sched->ready_count; i++)
        sched_list_append(&ready, sched->policy->class->take(sched->policy));
    sched->policy = policy;
    while (ready.first != NULL) {
        struct sched_thread *thread = ready.first;
        sched_list_remove(&ready, thread);
        policy->class->enqueue(policy, thread, SCHED_STARTED);
    }
    sched_offer(sched);
}

/* --- Waiting and waking. --- */

bool sched_block(struct sched *sched, uint32_t cpu, uint64_t deadline, uint64_t now) {
    struct sched_thread *thread = sched->cpus[cpu].running;
    if (thread->kill_pending) {
        thread->woken_by = ALKA_E_INTERRUPTED;
        return false;
    }
    if (thread->wake_pending) {
        thread->wake_pending = false;
        thread->woken_by = ALKA_OK;
        return false;
    }
    if (deadline <= now) {
        thread->woken_by = ALKA_E_TIMED_OUT;
        return false;
    }
    thread->state = SCHED_WAITING;
    if (deadline != SCHED_NEVER)
        order_add(&sched->timers, &thread->timer, deadline);
    return true;
}

static inline void sched_end_wait(struct sched *sched, struct sched_thread *thread,
                                  alka_status reason, uint64_t now) {
    thread->woken_by = reason;
    if (thread->timer.is_in)
        order_remove(&sched->timers, &thread->timer);
    sched_make_ready(sched, thread, SCHED_WOKEN, now);
}

void sched_wake(struct sched *sched, struct sched_thread *thread, uint64_t now) {
    if (thread->state == SCHED_WAITING)
        sched_end_wait(sched, thread, ALKA_OK, now);
    else if (thread->state == SCHED_RUNNING)
        thread->wake_pending = true;
}

/* Where a thread is that the processors do not have. */
static void sched_take_out(struct sched *sched, struct sched_thread *thread) {
    if (thread->state == SCHED_READY) {
        sched->ready_count--;
        sched->policy->class->dequeue(sched->policy, thread);
    } else if (thread->state == SCHED_THROTTLED) {
        account_unthrottle(&sched->refills, thread);
    }
}

static uint32_t sched_cpu_of(const struct sched *sched, const struct sched_thread *thread) {
    uint32_t cpu = 0;
    while (cpu < sched->cpu_count && sched->cpus[cpu].running != thread)
        cpu++;
    return cpu;
}

void sched_kill(struct sched *sched, struct sched_thread *thread, uint64_t now) {
    thread->kill_pending = true;
    switch (thread->state) {
    case SCHED_WAITING:
        sched_end_wait(sched, thread, ALKA_E_INTERRUPTED, now);
        return;
    case SCHED_THROTTLED:
        sched_take_out(sched, thread);
        sched_make_ready(sched, thread, SCHED_REFILLED, now);
        return;
    case SCHED_RUNNING:
        sched->host.kick(sched->host.self, sched_cpu_of(sched, thread));
        return;
    case SCHED_NEW:
    case SCHED_READY:
    case SCHED_DEAD:
        return;
    }
}

void sched_excuse(struct sched *sched, struct sched_thread *thread, bool is_excused, uint64_t now) {
    thread->is_excused = is_excused;
    if (thread->state == SCHED_THROTTLED && is_excused) {
        sched_take_out(sched, thread);
        sched_make_ready(sched, thread, SCHED_REFILLED, now);
    } else if (thread->state == SCHED_RUNNING) {
        sched->host.kick(sched->host.self, sched_cpu_of(sched, thread)); /* another alarm */
    }
}

void sched_expire(struct sched *sched, uint64_t now) {
    while (sched->timers.first != NULL && sched->timers.first->key <= now)
        sched_end_wait(sched, THREAD_OF_TIMER(sched->timers.first), ALKA_E_TIMED_OUT, now);
    struct sched_thread *thread;
    while ((thread = account_first_refilled(&sched->refills, now)) != NULL) {
        account_unthrottle(&sched->refills, thread);
        sched_make_ready(sched, thread, SCHED_REFILLED, now);
    }
}

/* --- Running. --- */

static inline void sched_charge(struct sched *sched, struct sched_cpu *cpu, uint64_t now) {
    uint64_t ns = now - cpu->charged_until;
    cpu->charged_until = now;
    if (cpu->running == NULL) {
        cpu->idle_ns += ns;
        return;
    }
    cpu->running->used_ns += ns;
    account_charge(cpu->running->account, ns, now);
    sched->policy->class->charge(sched->policy, cpu->running, ns);
}

void sched_charge_running(struct sched *sched, uint32_t cpu, uint64_t now) {
    sched_charge(sched, &sched->cpus[cpu], now);
}

void sched_give_way(struct sched *sched, uint32_t cpu) { sched->cpus[cpu].yields = true; }

void sched_exit(struct sched *sched, uint32_t cpu) { sched->cpus[cpu].running->state = SCHED_DEAD; }

/* May the one that runs go on? If not, it is queued or throttled. */
static inline bool sched_keeps(struct sched *sched, struct sched_cpu *cpu, uint64_t now) {
    struct sched_thread *running = cpu->running;
    bool yields = cpu->yields;
    cpu->yields = false;
    if (running == NULL || running->state != SCHED_RUNNING)
        return false;
    bool is_broke = account_forbids(running, now);
    if (!is_broke && !yields && !sched->policy->class->gives_way(sched->policy, running))
        return true;
    sched_enqueue(sched, running, yields ? SCHED_YIELDED : SCHED_PREEMPTED, now);
    return false;
}

/* Out of the policy's hands; whose account was emptied since by others is throttled now. */
static inline struct sched_thread *sched_take(struct sched *sched, uint64_t now) {
    while (sched->ready_count > 0) {
        sched->ready_count--;
        struct sched_thread *thread = sched->policy->class->take(sched->policy);
        if (!account_forbids(thread, now))
            return thread;
        thread->state = SCHED_THROTTLED;
        account_throttle(&sched->refills, thread);
    }
    return NULL;
}

struct sched_thread *sched_next(struct sched *sched, uint32_t cpu_idx, uint64_t now) {
    struct sched_cpu *cpu = &sched->cpus[cpu_idx];
    sched_charge(sched, cpu, now);
    if (sched_keeps(sched, cpu, now))
        return cpu->running;
    if (cpu->running != NULL)
        cpu->running->account->running--;
    else
        sched->idle_count--;
    struct sched_thread *next = sched_take(sched, now);
    cpu->running = next;
    if (next == NULL) {
        sched->idle_count++;
        return NULL;
    }
    next->state = SCHED_RUNNING;
    next->run_count++;
    next->account->running++;
    if (sched->cpu_count > 1 && sched->ready_count > 0) /* this one has chosen */
        sched_offer(sched);
    return next;
}

uint64_t sched_turn_ends(const struct sched *sched, uint32_t cpu_idx) {
    const struct sched_cpu *cpu = &sched->cpus[cpu_idx];
    uint64_t left = SCHED_NEVER;
    if (sched->ready_count > 0)
        left = sched->policy->class->slice_left(sched->policy, cpu->running);
    uint64_t budget = account_left(cpu->running);
    left = budget < left ? budget : left;
    return left > SCHED_NEVER - cpu->charged_until ? SCHED_NEVER : cpu->charged_until + left;
}

/* --- Changes to a thread. --- */

void sched_set_priority(struct sched *sched, struct sched_thread *thread, uint8_t priority,
                        uint64_t now) {
    bool is_ready = thread->state == SCHED_READY;
    if (is_ready)
        sched_take_out(sched, thread);
    thread->priority = priority;
    if (is_ready)
        sched_make_ready(sched, thread, SCHED_PREEMPTED, now);
    else if (thread->state == SCHED_RUNNING)
        sched->host.kick(sched->host.self, sched_cpu_of(sched, thread));
}

void sched_set_account(struct sched *sched, struct sched_thread *thread,
                       struct sched_account *account, uint64_t now) {
    switch (thread->state) {
    case SCHED_RUNNING: {
        uint32_t cpu = sched_cpu_of(sched, thread);
        sched_charge(sched, &sched->cpus[cpu], now);
        thread->account->running--;
        account->running++;
        thread->account = account;
        sched->host.kick(sched->host.self, cpu); /* the alarm is another one */
        return;
    }
    case SCHED_READY:
    case SCHED_THROTTLED:
        sched_take_out(sched, thread);
        thread->account = account;
        sched_make_ready(sched, thread, SCHED_PREEMPTED, now);
        return;
    case SCHED_NEW:
    case SCHED_WAITING:
    case SCHED_DEAD:
        thread->account = account;
        return;
    }
}

const char *sched_state_name(enum sched_state state) {
    static const char *const names[] = {"new", "ready", "running", "waiting", "throttled", "dead"};
    return state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}
