/*
 * An ordered set of things that are somewhere else: a binary heap made of pointers, so that it
 * needs no memory of its own and cannot fail. The first one is at hand; adding and removing any one
 * takes O(log n) steps at worst. Equal keys are served in the order they came in.
 */
#ifndef ATHANOR_SCHED_ORDER_H
#define ATHANOR_SCHED_ORDER_H

#include <stdbool.h>
#include <stdint.h>

struct order_node {
    struct order_node *left, *right, *parent;
    uint64_t key, arrival;
    bool is_in;
};

struct order {
    struct order_node *first; /* the smallest; NULL: empty */
    uint64_t count, arrivals;
};

/* `node` is in no order now. {0} is an empty order and an idle node. */
void order_add(struct order *order, struct order_node *node, uint64_t key);
/* `node` is in this order. */
void order_remove(struct order *order, struct order_node *node);

#endif
