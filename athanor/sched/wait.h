/*
 * Wait queues: who waits for the same thing, first come, first served. A queue knows no threads:
 * an entry belongs to whoever waits, and says how to wake it.
 *
 * Waking takes nobody out. The one at the head is told that it is worth trying again, and stays at
 * the head until it has succeeded or given up; those behind it, and newcomers, must not overtake
 * it. So nobody starves, and no wake-up is lost when the one who was woken gives up: leaving the
 * head passes the word on.
 *
 *     if (channel_send(…, &entry) == ALKA_E_WOULD_BLOCK) {   the same for every kind of queue
 *         wait_join(queue, &entry);                          keeps its place if it has one
 *         sleep; then try again, or wait_leave(&entry);
 *     }
 */
#ifndef ATHANOR_SCHED_WAIT_H
#define ATHANOR_SCHED_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wait_queue;

/* {0} but for `wake` is an idle entry. */
struct wait_entry {
    struct wait_entry *next, *previous;
    struct wait_queue *queue; /* NULL: waits for nothing */
    /* May be called more than once for one reason, and for none; must not change the queue. */
    void (*wake)(struct wait_entry *entry);
    void *owner; /* whoever waits */
};

/* {0} is an empty queue. */
struct wait_queue {
    struct wait_entry *first, *last;
    uint32_t count;
};

/* To the end of the queue; nothing if it is in this queue already. It is in no other one. */
void wait_join(struct wait_queue *queue, struct wait_entry *entry);
/* Out of the queue that it is in. */
void wait_remove(struct wait_entry *entry);

/* Served: out of its queue, if it is in one. Whoever served it knows whether to wake the next. */
static inline void wait_served(struct wait_entry *entry) {
    if (entry->queue != NULL)
        wait_remove(entry);
}

/* Tells the first one to try again. */
static inline void wait_wake(const struct wait_queue *queue) {
    if (queue->first != NULL)
        queue->first->wake(queue->first);
}

/* Gives up: out of its queue, if it is in one. If it was the first, the next one is woken. */
static inline void wait_leave(struct wait_entry *entry) {
    struct wait_queue *queue = entry->queue;
    if (queue == NULL)
        return;
    bool was_first = queue->first == entry;
    wait_remove(entry);
    if (was_first)
        wait_wake(queue);
}

/* Tells all of them: what they wait for will never come, or came for all. */
void wait_wake_all(struct wait_queue *queue);

/* May `entry` (NULL: somebody who is not in the queue) be served now? */
static inline bool wait_may_go(const struct wait_queue *queue, const struct wait_entry *entry) {
    return queue->first == NULL || queue->first == entry;
}

#endif
