/*
 * Round robin within priorities. In: ready threads. Out: the first one of the highest priority.
 * Must never: search among threads.
 */
#include "sched/policy.h"
#include <stddef.h>

static struct sched_round_robin *rr_of(struct sched_policy *policy) {
    return (struct sched_round_robin *)policy;
}

/* Whoever was interrupted in its slice goes on first, with the rest of it. */
static void rr_enqueue(struct sched_policy *policy, struct sched_thread *thread,
                       enum sched_why why) {
    struct sched_round_robin *rr = rr_of(policy);
    struct sched_list *list = &rr->ready[thread->priority];
    if (why == SCHED_PREEMPTED && thread->slice_used_ns < SCHED_ROUND_ROBIN_SLICE_NS) {
        sched_list_prepend(list, thread);
    } else {
        thread->slice_used_ns = 0;
        sched_list_append(list, thread);
    }
    rr->nonempty |= 1u << thread->priority;
}

static void rr_dequeue(struct sched_policy *policy, struct sched_thread *thread) {
    struct sched_round_robin *rr = rr_of(policy);
    struct sched_list *list = &rr->ready[thread->priority];
    sched_list_remove(list, thread);
    if (list->first == NULL)
        rr->nonempty &= ~(1u << thread->priority);
}

static uint32_t rr_highest(const struct sched_round_robin *rr) {
    return 31 - (uint32_t)__builtin_clz(rr->nonempty);
}

static struct sched_thread *rr_take(struct sched_policy *policy) {
    struct sched_round_robin *rr = rr_of(policy);
    struct sched_thread *thread = rr->ready[rr_highest(rr)].first;
    rr_dequeue(policy, thread);
    return thread;
}

static bool rr_gives_way(struct sched_policy *policy, const struct sched_thread *running) {
    const struct sched_round_robin *rr = rr_of(policy);
    if (rr->nonempty == 0 || rr_highest(rr) < running->priority)
        return false;
    return rr_highest(rr) > running->priority ||
           running->slice_used_ns >= SCHED_ROUND_ROBIN_SLICE_NS;
}

static uint64_t rr_slice_left(struct sched_policy *policy, const struct sched_thread *running) {
    const struct sched_round_robin *rr = rr_of(policy);
    if (rr->nonempty == 0 || rr_highest(rr) < running->priority)
        return SCHED_NEVER;
    if (running->slice_used_ns >= SCHED_ROUND_ROBIN_SLICE_NS)
        return 0;
    return SCHED_ROUND_ROBIN_SLICE_NS - running->slice_used_ns;
}

static void rr_charge(struct sched_policy *policy, struct sched_thread *running, uint64_t ns) {
    (void)policy;
    running->slice_used_ns += ns;
}

struct sched_policy *sched_round_robin_init(struct sched_round_robin *round_robin) {
    static const struct sched_policy_class class = {
        .name = "round_robin",
        .enqueue = rr_enqueue,
        .dequeue = rr_dequeue,
        .take = rr_take,
        .gives_way = rr_gives_way,
        .slice_left = rr_slice_left,
        .charge = rr_charge,
    };
    *round_robin = (struct sched_round_robin){.policy = {&class}};
    return &round_robin->policy;
}
