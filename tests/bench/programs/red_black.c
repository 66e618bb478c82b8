/* red_black (control): a red-black tree with parent pointers: insertion, look-up, ordered walk.
 *
 * Stresses: pointer chasing. Each step is a load whose address is the last one's result, then a
 * compare and an unpredictable branch; rotations are short bursts of dependent loads and stores. */
#include "../bench.h"

enum { NODES = 120000, LOOKUPS = 250000 };
struct node {
    uint32_t key, count;
    struct node *child[2], *parent;
    uint8_t red;
};
static struct node nodes[NODES];
static struct node *root;
static uint32_t node_count;

static void prepare(void) {
    root = NULL;
    node_count = 0;
}

/* `side` goes down, its other child comes up. */
static void rotate(struct node *down, int side) {
    struct node *up = down->child[!side];
    down->child[!side] = up->child[side];
    if (up->child[side])
        up->child[side]->parent = down;
    up->child[side] = down;
    up->parent = down->parent;
    if (!down->parent)
        root = up;
    else
        down->parent->child[down->parent->child[1] == down] = up;
    down->parent = up;
}

static void rebalance(struct node *node) {
    while (node->parent && node->parent->red) {
        struct node *parent = node->parent, *grandparent = parent->parent;
        const int side = grandparent->child[1] == parent;
        struct node *uncle = grandparent->child[!side];
        grandparent->red = 1;
        if (uncle && uncle->red) {
            parent->red = uncle->red = 0;
            node = grandparent;
            continue;
        }
        if (parent->child[!side] == node) {
            rotate(parent, side);
            parent = node;
        }
        parent->red = 0;
        rotate(grandparent, !side);
        break;
    }
    root->red = 0;
}

static void insert(uint32_t key) {
    struct node *parent = NULL, **link = &root;
    while (*link) {
        parent = *link;
        if (parent->key == key) {
            parent->count++;
            return;
        }
        link = &parent->child[key > parent->key];
    }
    struct node *node = *link = &nodes[node_count++];
    *node = (struct node){.key = key, .count = 1, .parent = parent, .red = 1};
    rebalance(node);
}

static const struct node *find(uint32_t key) {
    const struct node *node = root;
    while (node && node->key != key)
        node = node->child[key > node->key];
    return node;
}

static const struct node *next_in_order(const struct node *node) {
    if (node->child[1]) {
        for (node = node->child[1]; node->child[0];)
            node = node->child[0];
        return node;
    }
    while (node->parent && node->parent->child[1] == node)
        node = node->parent;
    return node->parent;
}

/* The number of black nodes on every path, or 0 if the rules of the tree are broken. */
static uint32_t black_height(const struct node *node) {
    if (!node)
        return 1;
    const uint32_t left = black_height(node->child[0]), right = black_height(node->child[1]);
    const struct node *parent = node->parent;
    if (left != right || left == 0 || (node->red && parent && parent->red))
        return 0;
    return left + !node->red;
}

static uint64_t run(void) {
    uint64_t seed = 28, check = 0;
    for (int i = 0; i < NODES; i++)
        insert((uint32_t)bench_random(&seed) >> 12);
    if (black_height(root) == 0)
        return 0;

    for (int i = 0; i < LOOKUPS; i++) {
        const struct node *node = find((uint32_t)bench_random(&seed) >> 12);
        check = bench_mix(check, node ? node->count : 7);
    }

    const struct node *node = root;
    while (node->child[0])
        node = node->child[0];
    uint32_t visited = 0, counts = 0;
    for (int64_t last = -1; node; node = next_in_order(node)) {
        if (node->key <= last)
            return 0;
        last = node->key;
        check = bench_mix(check, node->key);
        visited++;
        counts += node->count;
    }
    return visited == node_count && counts == NODES ? check : 0;
}

const struct bench_program bench_program = {"red_black", prepare, run, 0xeae81fc09596217d};
