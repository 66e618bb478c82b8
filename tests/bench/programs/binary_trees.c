/* binary_trees (control): builds, walks, mirrors and frees many small binary trees.
 *
 * Stresses: recursion mixed with memory traffic: nodes from a free list, two pointers per node,
 * two calls per visit with one value live across each. */
#include "../bench.h"

enum { DEPTH = 14, POOL = 1 << (DEPTH + 1), REPEATS = 180 };
struct node {
    struct node *left, *right;
    uint32_t value;
};
static struct node pool[POOL];
static struct node *free_list;

static void prepare(void) {
    free_list = NULL;
    for (int i = POOL - 1; i >= 0; i--) {
        pool[i] = (struct node){free_list, NULL, 0};
        free_list = &pool[i];
    }
}

static struct node *build(int depth, uint32_t value) {
    struct node *node = free_list;
    free_list = node->left;
    node->value = value;
    node->left = depth ? build(depth - 1, 2 * value) : NULL;
    node->right = depth ? build(depth - 1, 2 * value + 1) : NULL;
    return node;
}

static uint32_t fold(const struct node *node) {
    if (!node)
        return 1;
    const uint32_t left = fold(node->left);
    return left * 3 + fold(node->right) * 5 + node->value;
}

static void mirror(struct node *node) {
    if (!node)
        return;
    struct node *swap = node->left;
    node->left = node->right;
    node->right = swap;
    mirror(node->left);
    mirror(node->right);
}

static uint32_t release(struct node *node) {
    if (!node)
        return 0;
    const uint32_t count = 1 + release(node->left) + release(node->right);
    node->left = free_list;
    free_list = node;
    return count;
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (uint32_t repeat = 0; repeat < REPEATS; repeat++) {
        const int depth = DEPTH - (int)(repeat % 3);
        struct node *tree = build(depth, repeat + 1);
        const uint32_t before = fold(tree);
        mirror(tree);
        check = bench_mix(check, (uint64_t)before << 32 | fold(tree));
        mirror(tree);
        if (fold(tree) != before || release(tree) != (2u << depth) - 1)
            return 0;
    }
    return check;
}

const struct bench_program bench_program = {"binary_trees", prepare, run, 0x31802a6ec8738c67};
