/*
 * Policies: which of the ready threads runs, and for how long if others wait. A policy is one file
 * with one class; its state is whatever structure begins with a struct sched_policy. It holds the
 * READY threads and nobody else; it may use a thread's links and notes (sched.h) as it likes.
 */
#ifndef ATHANOR_SCHED_POLICY_H
#define ATHANOR_SCHED_POLICY_H

#include "sched/account.h"

/* Why a thread comes into the policy's hands. */
enum sched_why {
    SCHED_STARTED,   /* it is new */
    SCHED_WOKEN,     /* it has waited */
    SCHED_REFILLED,  /* it was throttled */
    SCHED_PREEMPTED, /* it gave way: gives_way said so */
    SCHED_YIELDED,   /* it asked to */
};

struct sched_policy_class {
    const char *name;
    void (*enqueue)(struct sched_policy *policy, struct sched_thread *thread, enum sched_why why);
    void (*dequeue)(struct sched_policy *policy, struct sched_thread *thread);
    /* Takes out the one to run next; there is one. */
    struct sched_thread *(*take)(struct sched_policy *policy);
    /* Should one that is queued run instead of `running`? Its time was charged just now. */
    bool (*gives_way)(struct sched_policy *policy, const struct sched_thread *running);
    /* For how long `running` may go on before gives_way may change its mind by itself;
     * SCHED_NEVER: it will not. More than 0 if it does not give way now. */
    uint64_t (*slice_left)(struct sched_policy *policy, const struct sched_thread *running);
    void (*charge)(struct sched_policy *policy, struct sched_thread *running, uint64_t ns);
};

struct sched_policy {
    const struct sched_policy_class *class;
};

/* When the slice or the budget of the thread that runs on `cpu` ends; SCHED_NEVER: it does not. */
uint64_t sched_turn_ends(const struct sched *sched, uint32_t cpu);

/*
 * When `cpu` must call sched_expire and sched_next at the latest; SCHED_NEVER: no need. After
 * sched_next, at the same time. Inline: each switch asks.
 */
static inline uint64_t sched_alarm(const struct sched *sched, uint32_t cpu_idx) {
    const struct sched_thread *running = sched->cpus[cpu_idx].running;
    uint64_t alarm = SCHED_NEVER;
    if (sched->timers.first != NULL)
        alarm = sched->timers.first->key;
    if (sched->refills.first != NULL && sched->refills.first->key < alarm)
        alarm = sched->refills.first->key;
    if (running == NULL || (sched->ready_count == 0 && running->account->budget_ns == 0))
        return alarm;
    uint64_t ends = sched_turn_ends(sched, cpu_idx);
    return ends < alarm ? ends : alarm;
}

/*
 * Round robin: the highest priority runs; threads of one priority take turns. Whoever is lower
 * waits for as long as somebody higher is ready: give those a budget.
 */
#define SCHED_ROUND_ROBIN_SLICE_NS UINT64_C(4000000)

struct sched_round_robin {
    struct sched_policy policy;
    struct sched_list ready[SCHED_PRIORITIES];
    uint32_t nonempty; /* bit n: ready[n] */
};
struct sched_policy *sched_round_robin_init(struct sched_round_robin *round_robin);

/*
 * Fair: each gets a share of the time, by weight; one step of priority is a fifth more or less.
 * Nobody starves. Whoever has slept is served soon, and gains nothing else by it.
 */
#define SCHED_FAIR_LATENCY_NS UINT64_C(12000000) /* everybody's turn comes in about this time */
#define SCHED_FAIR_LEAST_NS UINT64_C(1000000)    /* but no turn is shorter */
#define SCHED_FAIR_CREDIT_NS UINT64_C(6000000)   /* how far before others a sleeper wakes up */

struct sched_fair {
    struct sched_policy policy;
    struct order ready;    /* by virtual time: what was used, over the weight */
    uint64_t virtual_now;  /* of the one who is most behind; never goes back */
    uint64_t ready_weight; /* sum */
};
struct sched_policy *sched_fair_init(struct sched_fair *fair);

#endif
