/* Budgets, for this room's own files: the protocol is in sched.h. */
#ifndef ATHANOR_SCHED_ACCOUNT_H
#define ATHANOR_SCHED_ACCOUNT_H

#include "sched/sched.h"

/* Is nothing left? Begins new periods that have come. */
bool account_is_empty(struct sched_account *account, uint64_t now);
/* Must `thread` not run for that reason? */
static inline bool account_forbids(struct sched_thread *thread, uint64_t now) {
    return thread->account->budget_ns != 0 && !thread->kill_pending &&
           account_is_empty(thread->account, now) && !thread->is_excused;
}
/* It has a budget. */
void account_spend(struct sched_account *account, uint64_t ns, uint64_t now);
static inline void account_charge(struct sched_account *account, uint64_t ns, uint64_t now) {
    account->used_ns += ns;
    if (account->budget_ns != 0)
        account_spend(account, ns, now);
}
/* For how long the thread, which runs, can go on; SCHED_NEVER: without end. */
uint64_t account_left(const struct sched_thread *running);

/* The thread, whose account is empty, waits there until there is a budget again. */
void account_throttle(struct order *refills, struct sched_thread *thread);
void account_unthrottle(struct order *refills, struct sched_thread *thread);
/*
 * One of those who are throttled and may run by `now`; NULL: there is none. Who died meanwhile, or
 * ran on another processor, may have spent a budget before it came: then that account waits on.
 */
struct sched_thread *account_first_refilled(struct order *refills, uint64_t now);

#endif
