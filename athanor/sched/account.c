/*
 * Budgets: time per period (sched.h has the rules). In: time spent. Out: may it run, and until
 * when. Must never: overflow on absurd times, or step through periods one by one.
 */
#include "sched/account.h"
#include "sched/policy.h"
#include <stddef.h>

#define ACCOUNT_OF_REFILL(node) \
    ((struct sched_account *)((char *)(node)-offsetof(struct sched_account, refill)))

void sched_account_init(struct sched_account *account, uint64_t budget_ns, uint64_t period_ns) {
    *account = (struct sched_account){
        .budget_ns = budget_ns, .period_ns = period_ns, .left_ns = (int64_t)budget_ns};
}

/* Periods that have begun since: debts are paid back, what is left over does not add up. */
static void account_begin_periods(struct sched_account *account, uint64_t now) {
    if (account->budget_ns == 0 || account->period_ns == 0 || now < account->period_start ||
        now - account->period_start < account->period_ns)
        return;
    uint64_t periods = (now - account->period_start) / account->period_ns;
    account->period_start += periods * account->period_ns;
    uint64_t missing = account->budget_ns - (uint64_t)account->left_ns;
    if (missing / account->budget_ns < periods)
        account->left_ns = (int64_t)account->budget_ns;
    else
        account->left_ns += (int64_t)(periods * account->budget_ns);
}

bool account_is_empty(struct sched_account *account, uint64_t now) {
    if (account->budget_ns == 0)
        return false;
    if (account->period_start == 0) /* its first use */
        account->period_start = now;
    account_begin_periods(account, now);
    return account->left_ns <= 0;
}

void account_spend(struct sched_account *account, uint64_t ns, uint64_t now) {
    int64_t spent = ns > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)ns;
    account_begin_periods(account, now - ns); /* what was left of those is not for these */
    if (account->left_ns > -(INT64_MAX / 4))
        account->left_ns -= spent;
    account_begin_periods(account, now);
}

uint64_t account_left(const struct sched_thread *running) {
    const struct sched_account *account = running->account;
    if (account->budget_ns == 0 || running->kill_pending || running->is_excused)
        return SCHED_NEVER;
    if (account->left_ns <= 0)
        return 0;
    /* Several processors spend it at once. */
    return ((uint64_t)account->left_ns + account->running - 1) / account->running;
}

/* When the account will have something to spend. */
static uint64_t account_refill_time(const struct sched_account *account) {
    uint64_t debt = 0 - (uint64_t)account->left_ns;
    return account->period_start + (debt / account->budget_ns + 1) * account->period_ns;
}

void account_throttle(struct order *refills, struct sched_thread *thread) {
    struct sched_account *account = thread->account;
    sched_list_append(&account->throttled, thread);
    account->throttle_count++;
    if (!account->refill.is_in)
        order_add(refills, &account->refill, account_refill_time(account));
}

void account_unthrottle(struct order *refills, struct sched_thread *thread) {
    struct sched_account *account = thread->account;
    sched_list_remove(&account->throttled, thread);
    if (account->throttled.first == NULL)
        order_remove(refills, &account->refill);
}

struct sched_thread *account_first_refilled(struct order *refills, uint64_t now) {
    while (refills->first != NULL && refills->first->key <= now) {
        struct sched_account *account = ACCOUNT_OF_REFILL(refills->first);
        if (!account_is_empty(account, now))
            return account->throttled.first;
        order_remove(refills, &account->refill);
        order_add(refills, &account->refill, account_refill_time(account));
    }
    return NULL;
}

void sched_account_limit(struct sched *sched, struct sched_account *account, uint64_t budget_ns,
                         uint64_t period_ns, uint64_t now) {
    account->budget_ns = budget_ns;
    account->period_ns = period_ns;
    account->period_start = now;
    account->left_ns = (int64_t)budget_ns;
    for (uint32_t cpu = 0; cpu < sched->cpu_count; cpu++) { /* their alarms are other ones */
        const struct sched_thread *running = sched->cpus[cpu].running;
        if (running != NULL && running->account == account)
            sched->host.kick(sched->host.self, cpu);
    }
    if (account->refill.is_in) {
        order_remove(&sched->refills, &account->refill);
        order_add(&sched->refills, &account->refill, now);
        sched_expire(sched, now);
    }
}
