/* The ordered set against an array that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sched/order.h>

enum { NODES = 200, STEPS = 60000 };

static struct order_node nodes[NODES];
static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % bound;
}

static const struct order_node *smallest(void) {
    const struct order_node *best = NULL;
    for (uint32_t i = 0; i < NODES; i++) {
        if (!nodes[i].is_in)
            continue;
        if (best == NULL || nodes[i].key < best->key ||
            (nodes[i].key == best->key && nodes[i].arrival < best->arrival))
            best = &nodes[i];
    }
    return best;
}

/* Parents point to children and back, none is larger than its children, and none got lost. */
static uint64_t check_tree(const struct order *order) {
    uint64_t seen = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        const struct order_node *node = &nodes[i];
        if (!node->is_in)
            continue;
        seen++;
        if (node->parent == NULL)
            assert_ptr_equal(order->first, node);
        else
            assert_true(node->parent->left == node || node->parent->right == node);
        assert_true(node->left == NULL || node->left->parent == node);
        assert_true(node->right == NULL || node->right->parent == node);
        assert_true(node->left == NULL || node->left->key >= node->key);
        assert_true(node->right == NULL || node->right->key >= node->key);
    }
    return seen;
}

static void the_first_is_the_smallest_and_the_oldest(void **state) {
    (void)state;
    struct order order = {0};
    for (uint32_t step = 0; step < STEPS; step++) {
        struct order_node *node = &nodes[random_below(NODES)];
        bool fill = step % 4000 < 2000; /* it gets full and empty, in turns */
        if (!node->is_in && (fill || random_below(8) == 0))
            order_add(&order, node, random_below(40));
        else if (node->is_in && (!fill || random_below(8) == 0))
            order_remove(&order, random_below(2) ? order.first : node);
        assert_ptr_equal(order.first, smallest());
        if (step % 16 == 0)
            assert_int_equal(check_tree(&order), order.count);
    }
}

static void emptying_gives_them_sorted(void **state) {
    (void)state;
    struct order order = {0};
    memset(nodes, 0, sizeof nodes);
    for (uint32_t i = 0; i < NODES; i++)
        order_add(&order, &nodes[i], i < 100 ? UINT64_MAX - i : random_below(7));
    uint64_t last_key = 0, last_arrival = 0;
    while (order.first != NULL) {
        struct order_node *first = order.first;
        assert_true(first->key > last_key ||
                    (first->key == last_key && (first->arrival >= last_arrival)));
        last_key = first->key;
        last_arrival = first->arrival;
        order_remove(&order, first);
    }
    assert_int_equal(order.count, 0);
    assert_int_equal(last_key, UINT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_the_smallest_and_the_oldest),
        cmocka_unit_test(emptying_gives_them_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
