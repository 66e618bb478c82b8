/*
 * Fair shares by virtual time (after weighted fair queueing: Demers, Keshav, Shenker 1989; and the
 * stride scheduler, Waldspurger 1995). In: ready threads. Out: the one that has had least for its
 * weight. Must never: let a thread save up time while it sleeps, or search among threads.
 */
#include "sched/policy.h"
#include <stddef.h>

#define FAIR_UNIT 1024u /* the weight of SCHED_PRIORITY_NORMAL */
#define THREAD_OF_ORDER(node) \
    ((struct sched_thread *)((char *)(node)-offsetof(struct sched_thread, order)))

static struct sched_fair *fair_of(struct sched_policy *policy) {
    return (struct sched_fair *)policy;
}

static uint64_t fair_weight(const struct sched_thread *thread) {
    /* 1024 * 1.25 ^ (priority - 16), rounded. */
    static const uint16_t weights[SCHED_PRIORITIES] = {
        29,   36,   45,   56,   70,   88,    110,   137,   172,   215,  268,
        336,  419,  524,  655,  819,  1024,  1280,  1600,  2000,  2500, 3125,
        3906, 4883, 6104, 7629, 9537, 11921, 14901, 18626, 23283, 29104};
    return weights[thread->priority];
}

static uint64_t fair_virtual(const struct sched_thread *thread, uint64_t ns) {
    return ns * FAIR_UNIT / fair_weight(thread);
}

static uint64_t fair_later(uint64_t one, uint64_t other) { return one > other ? one : other; }

/* Where on the virtual time line the thread goes on. */
static uint64_t fair_place(const struct sched_fair *fair, const struct sched_thread *thread,
                           enum sched_why why) {
    uint64_t now = fair->virtual_now;
    uint64_t credit = now > SCHED_FAIR_CREDIT_NS ? SCHED_FAIR_CREDIT_NS : now;
    switch (why) {
    case SCHED_STARTED:
        return now;
    case SCHED_WOKEN:
        return fair_later(thread->virtual_ns, now - credit);
    case SCHED_REFILLED:
        return fair_later(thread->virtual_ns, now);
    case SCHED_YIELDED: /* behind the one that would be next */
        return fair->ready.first == NULL ? thread->virtual_ns
                                         : fair_later(thread->virtual_ns, fair->ready.first->key);
    case SCHED_PREEMPTED:
        break;
    }
    return thread->virtual_ns;
}

static void fair_enqueue(struct sched_policy *policy, struct sched_thread *thread,
                         enum sched_why why) {
    struct sched_fair *fair = fair_of(policy);
    thread->virtual_ns = fair_place(fair, thread, why);
    thread->slice_used_ns = 0;
    fair->ready_weight += fair_weight(thread);
    order_add(&fair->ready, &thread->order, thread->virtual_ns);
}

static void fair_dequeue(struct sched_policy *policy, struct sched_thread *thread) {
    struct sched_fair *fair = fair_of(policy);
    fair->ready_weight -= fair_weight(thread);
    order_remove(&fair->ready, &thread->order);
}

static struct sched_thread *fair_take(struct sched_policy *policy) {
    struct sched_fair *fair = fair_of(policy);
    struct sched_thread *thread = THREAD_OF_ORDER(fair->ready.first);
    fair_dequeue(policy, thread);
    fair->virtual_now = fair_later(fair->virtual_now, thread->virtual_ns);
    return thread;
}

static uint64_t fair_slice(const struct sched_fair *fair, const struct sched_thread *running) {
    uint64_t weight = fair_weight(running);
    return fair_later(SCHED_FAIR_LATENCY_NS * weight / (weight + fair->ready_weight),
                      SCHED_FAIR_LEAST_NS);
}

static bool fair_gives_way(struct sched_policy *policy, const struct sched_thread *running) {
    const struct sched_fair *fair = fair_of(policy);
    if (fair->ready.first == NULL)
        return false;
    if (running->slice_used_ns >= fair_slice(fair, running))
        return true;
    /* Somebody has woken up who is so far behind what this turn began with that a switch is worth
     * it. */
    uint64_t of_turn = fair_virtual(running, running->slice_used_ns);
    return fair->ready.first->key + SCHED_FAIR_LEAST_NS + of_turn < running->virtual_ns;
}

static uint64_t fair_slice_left(struct sched_policy *policy, const struct sched_thread *running) {
    const struct sched_fair *fair = fair_of(policy);
    if (fair->ready.first == NULL)
        return SCHED_NEVER;
    uint64_t slice = fair_slice(fair, running);
    return running->slice_used_ns >= slice ? 0 : slice - running->slice_used_ns;
}

static void fair_charge(struct sched_policy *policy, struct sched_thread *running, uint64_t ns) {
    struct sched_fair *fair = fair_of(policy);
    running->slice_used_ns += ns;
    running->virtual_ns += fair_virtual(running, ns);
    /* Time passes for those who will come, too, even if nobody is taken for long. */
    uint64_t behind = running->virtual_ns;
    if (fair->ready.first != NULL && fair->ready.first->key < behind)
        behind = fair->ready.first->key;
    fair->virtual_now = fair_later(fair->virtual_now, behind);
}

struct sched_policy *sched_fair_init(struct sched_fair *fair) {
    static const struct sched_policy_class class = {
        .name = "fair",
        .enqueue = fair_enqueue,
        .dequeue = fair_dequeue,
        .take = fair_take,
        .gives_way = fair_gives_way,
        .slice_left = fair_slice_left,
        .charge = fair_charge,
    };
    *fair = (struct sched_fair){.policy = {&class}};
    return &fair->policy;
}
