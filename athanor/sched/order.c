/*
 * The ordered set. In: nodes that live in somebody's record. Out: the same nodes, smallest first.
 * Must never: touch a node that is not in the order, or walk more than its height.
 */
#include "sched/order.h"
#include <stddef.h>

static bool order_before(const struct order_node *one, const struct order_node *other) {
    return one->key != other->key ? one->key < other->key : one->arrival < other->arrival;
}

/* What points to `node`. */
static struct order_node **order_link(struct order *order, const struct order_node *node) {
    if (node->parent == NULL)
        return &order->first;
    return node->parent->left == node ? &node->parent->left : &node->parent->right;
}

static void order_adopt(struct order_node *node) {
    if (node->left != NULL)
        node->left->parent = node;
    if (node->right != NULL)
        node->right->parent = node;
}

/* Where the n-th node of a complete tree hangs (from 1): the bits of n are the way down. */
static struct order_node **order_place(struct order *order, uint64_t n,
                                       struct order_node **out_parent) {
    struct order_node **link = &order->first;
    *out_parent = NULL;
    for (int bit = 63 - __builtin_clzll(n); bit-- > 0;) {
        *out_parent = *link;
        link = (n >> bit & 1) != 0 ? &(*link)->right : &(*link)->left;
    }
    return link;
}

/* Changes places with its parent. */
static void order_rise(struct order *order, struct order_node *node) {
    struct order_node *parent = node->parent, *left = node->left, *right = node->right;
    *order_link(order, parent) = node;
    node->parent = parent->parent;
    if (parent->left == node) {
        node->left = parent;
        node->right = parent->right;
    } else {
        node->left = parent->left;
        node->right = parent;
    }
    parent->left = left;
    parent->right = right;
    order_adopt(node);
    order_adopt(parent);
}

static void order_settle_up(struct order *order, struct order_node *node) {
    while (node->parent != NULL && order_before(node, node->parent))
        order_rise(order, node);
}

static void order_settle_down(struct order *order, const struct order_node *node) {
    for (;;) {
        struct order_node *smaller = node->left;
        if (smaller == NULL)
            return;
        if (node->right != NULL && order_before(node->right, smaller))
            smaller = node->right;
        if (!order_before(smaller, node))
            return;
        order_rise(order, smaller);
    }
}

void order_add(struct order *order, struct order_node *node, uint64_t key) {
    struct order_node *parent;
    struct order_node **link = order_place(order, ++order->count, &parent);
    *node = (struct order_node){
        .parent = parent, .key = key, .arrival = order->arrivals++, .is_in = true};
    *link = node;
    order_settle_up(order, node);
}

void order_remove(struct order *order, struct order_node *node) {
    struct order_node *parent;
    struct order_node **last_link = order_place(order, order->count--, &parent);
    struct order_node *last = *last_link;
    *last_link = NULL;
    node->is_in = false;
    if (last == node)
        return;
    /* The last one takes the empty place, and goes from there to where it belongs. */
    *order_link(order, node) = last;
    last->parent = node->parent;
    last->left = node->left;
    last->right = node->right;
    order_adopt(last);
    order_settle_down(order, last);
    order_settle_up(order, last);
}
