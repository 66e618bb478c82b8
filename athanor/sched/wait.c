/*
 * Wait queues (the protocol is in wait.h). In: entries that their owners keep. Out: calls of their
 * `wake`. Must never: take out an entry that did not ask for it.
 */
#include "sched/wait.h"

void wait_join(struct wait_queue *queue, struct wait_entry *entry) {
    if (entry->queue != NULL)
        return;
    entry->queue = queue;
    entry->next = NULL;
    entry->previous = queue->last;
    if (queue->last == NULL)
        queue->first = entry;
    else
        queue->last->next = entry;
    queue->last = entry;
    queue->count++;
}

void wait_remove(struct wait_entry *entry) {
    struct wait_queue *queue = entry->queue;
    if (queue->first == entry)
        queue->first = entry->next;
    else
        entry->previous->next = entry->next;
    if (entry->next == NULL)
        queue->last = entry->previous;
    else
        entry->next->previous = entry->previous;
    queue->count--;
    entry->queue = NULL;
}

void wait_wake_all(struct wait_queue *queue) {
    for (struct wait_entry *entry = queue->first; entry != NULL; entry = entry->next)
        entry->wake(entry);
}
