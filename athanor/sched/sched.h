/*
 * Threads and who runs next. This is the part that knows no machine: it is told the time, and says
 * what to run and when to ask again. Switching stacks, timers and interrupts are the host's.
 *
 *   The host, on each processor:   when a thread blocks, yields or ends      when a timer fires
 *       sched_block / _give_way / _exit                                        sched_expire(now)
 *       next = sched_next(cpu, now)                                           next = sched_next(…)
 *       switch to next (NULL: halt); arm the timer for sched_alarm(cpu)
 *
 * There is no tick. sched_alarm is the next moment at which a decision can change: a deadline, the
 * end of a slice if somebody else wants the processor, the end of a budget. A thread that is alone
 * is not interrupted, and an idle processor sleeps.
 *
 *   States.  NEW → READY ⇄ RUNNING → DEAD; RUNNING → WAITING → READY; and READY or RUNNING →
 *   THROTTLED → READY, when the account of the thread has used up its budget and gets it back.
 *
 *   Waiting. A thread that waits is woken by sched_wake, by its deadline, or because it shall be
 *   killed; afterwards thread->woken_by says which. Waking somebody who is not waiting yet is
 *   remembered, so that no wake-up gets lost between looking and blocking. Wake-ups for no reason
 *   are possible: look again.
 *
 *   Killing only marks (kill_pending) and wakes. The host ends the thread where that is safe: on
 *   its way back into module code. A thread that shall die is never throttled, nor is one that is
 *   excused: it has something to clear up that others may wait for.
 *
 *   Accounts. Threads spend the budget of their account: so much time per period; all of them are
 *   throttled when it is gone. Periods begin at multiples of the period after the first use. What
 *   was overspent is missing in the next period; what was left over is lost. Over a boundary
 *   of two periods at most two budgets can be spent in a row.
 *
 * Which of the ready threads runs is a policy: one file (policy.h), chosen when the system starts.
 *
 * Whoever hosts it serializes all calls; blocking (yielding, ending), sched_next and the switch of
 * stacks are one step, so that nobody else runs a thread before it has left its stack. Times are
 * nanoseconds of one clock that never goes back.
 */
#ifndef ATHANOR_SCHED_H
#define ATHANOR_SCHED_H

#include "sched/order.h"
#include <alkahest/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHED_CPUS_MAX 16u
#define SCHED_PRIORITIES 32u /* 0 is the least urgent */
#define SCHED_PRIORITY_NORMAL 16u
#define SCHED_NEVER UINT64_MAX

enum sched_state {
    SCHED_NEW,
    SCHED_READY,
    SCHED_RUNNING,
    SCHED_WAITING,
    SCHED_THROTTLED,
    SCHED_DEAD,
};

struct sched_thread;

/* Threads in a row. */
struct sched_list {
    struct sched_thread *first, *last;
};

struct sched_account {
    uint64_t budget_ns, period_ns; /* budget 0: as much as there is */
    int64_t left_ns;               /* of this period; negative: overspent */
    uint64_t period_start;
    struct order_node refill; /* in sched.refills while somebody is throttled */
    struct sched_list throttled;
    uint32_t running; /* threads on processors now */
    /* For people: */
    uint64_t used_ns, throttle_count;
};

/* {0} but for account and priority is a new thread. */
struct sched_thread {
    struct sched_account *account;
    uint8_t priority;
    enum sched_state state;
    bool kill_pending;
    bool is_excused;         /* sched_excuse */
    bool wake_pending;       /* woken while it was not waiting */
    alka_status woken_by;    /* ALKA_OK, ALKA_E_TIMED_OUT, ALKA_E_INTERRUPTED */
    struct order_node timer; /* in sched.timers while it waits with a deadline */
    uint64_t used_ns, run_count;
    /* Of whoever holds it while it does not run: the policy, or its account. */
    struct sched_thread *next, *previous;
    struct order_node order;
    /* The policy's own notes. */
    uint64_t slice_used_ns, virtual_ns;
};

struct sched_cpu {
    struct sched_thread *running; /* NULL: idle */
    uint64_t charged_until;       /* what ran before is on the books */
    bool yields;
    uint64_t idle_ns;
};

struct sched_policy;

struct sched_host {
    /* `cpu` should call sched_next soon: somebody became ready whom it may want to run. */
    void (*kick)(void *self, uint32_t cpu);
    void *self;
};

struct sched {
    struct sched_policy *policy;
    struct sched_host host;
    struct order timers;  /* threads, by deadline */
    struct order refills; /* accounts, by when they have a budget again */
    uint32_t ready_count; /* threads in the policy's hands */
    uint32_t cpu_count, idle_count;
    struct sched_cpu cpus[SCHED_CPUS_MAX];
};

/* All processors are idle since `now`. `policy` and the scheduler must not move. */
void sched_init(struct sched *sched, struct sched_policy *policy, uint32_t cpu_count,
                const struct sched_host *host, uint64_t now);
/* From now on the policy is this one, which holds no thread: those that are ready go over to it, in
 * the order in which the old one would have had them run. */
void sched_set_policy(struct sched *sched, struct sched_policy *policy);

/* budget_ns 0 (no limit), or 0 < budget_ns <= period_ns <= INT64_MAX / 4. */
void sched_account_init(struct sched_account *account, uint64_t budget_ns, uint64_t period_ns);
/* Changes both; a new period begins now, and whoever was throttled is ready. */
void sched_account_limit(struct sched *sched, struct sched_account *account, uint64_t budget_ns,
                         uint64_t period_ns, uint64_t now);

/* NEW → READY. */
void sched_start(struct sched *sched, struct sched_thread *thread, uint64_t now);

/*
 * The thread that runs on `cpu` waits, until it is woken or `deadline` (SCHED_NEVER: none) has
 * come. False: it need not; it runs on, woken_by is set, the state is RUNNING.
 */
bool sched_block(struct sched *sched, uint32_t cpu, uint64_t deadline, uint64_t now);
/* Others of its rank go first, once. */
void sched_give_way(struct sched *sched, uint32_t cpu);
/* The thread that runs on `cpu` is DEAD: it is not touched any more after the next sched_next. */
void sched_exit(struct sched *sched, uint32_t cpu);

void sched_wake(struct sched *sched, struct sched_thread *thread, uint64_t now);
/* Would waking it change anything? */
static inline bool sched_hears(const struct sched_thread *thread) {
    return thread->state == SCHED_WAITING || thread->state == SCHED_RUNNING;
}
void sched_kill(struct sched *sched, struct sched_thread *thread, uint64_t now);

/* Any state. As long as it is excused, it runs whether its account has a budget or not; the time
 * counts all the same. */
void sched_excuse(struct sched *sched, struct sched_thread *thread, bool is_excused, uint64_t now);

/* Any state. 0 <= priority < SCHED_PRIORITIES. */
void sched_set_priority(struct sched *sched, struct sched_thread *thread, uint8_t priority,
                        uint64_t now);
/* From now on another account pays for it. Any state. */
void sched_set_account(struct sched *sched, struct sched_thread *thread,
                       struct sched_account *account, uint64_t now);

/* What runs on this processor is charged up to `now`: for who is about to read used_ns. */
void sched_charge_running(struct sched *sched, uint32_t cpu, uint64_t now);

/* Deadlines and new periods up to `now` happen. */
void sched_expire(struct sched *sched, uint64_t now);

/*
 * Who runs on `cpu` from now on: the one that does, or another; NULL: nobody wants to. Charges what
 * ran until now.
 */
struct sched_thread *sched_next(struct sched *sched, uint32_t cpu, uint64_t now);

const char *sched_state_name(enum sched_state state);

/* --- Lists, for policies. A thread is in one at most. Inline: each switch goes through them. ---
 */

static inline void sched_list_append(struct sched_list *list, struct sched_thread *thread) {
    thread->next = NULL;
    thread->previous = list->last;
    if (list->last == NULL)
        list->first = thread;
    else
        list->last->next = thread;
    list->last = thread;
}

static inline void sched_list_prepend(struct sched_list *list, struct sched_thread *thread) {
    thread->previous = NULL;
    thread->next = list->first;
    if (list->first == NULL)
        list->last = thread;
    else
        list->first->previous = thread;
    list->first = thread;
}

static inline void sched_list_remove(struct sched_list *list, struct sched_thread *thread) {
    if (thread->previous == NULL)
        list->first = thread->next;
    else
        thread->previous->next = thread->next;
    if (thread->next == NULL)
        list->last = thread->previous;
    else
        thread->next->previous = thread->previous;
}

#endif
