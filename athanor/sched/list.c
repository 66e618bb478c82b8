/*
 * Threads in a row: a doubly linked list that lives in them. In and out: threads that are in no
 * other list. Must never: look at what a thread is doing.
 */
#include "sched/sched.h"
#include <stddef.h>

void sched_list_append(struct sched_list *list, struct sched_thread *thread) {
    thread->next = NULL;
    thread->previous = list->last;
    if (list->last == NULL)
        list->first = thread;
    else
        list->last->next = thread;
    list->last = thread;
}

void sched_list_prepend(struct sched_list *list, struct sched_thread *thread) {
    thread->previous = NULL;
    thread->next = list->first;
    if (list->first == NULL)
        list->last = thread;
    else
        list->first->previous = thread;
    list->first = thread;
}

void sched_list_remove(struct sched_list *list, struct sched_thread *thread) {
    if (thread->previous == NULL)
        list->first = thread->next;
    else
        thread->previous->next = thread->next;
    if (thread->next == NULL)
        list->last = thread->previous;
    else
        thread->next->previous = thread->previous;
}
