/* virtual_calls (control): a tree of expression objects with tables of methods, evaluated often.
 *
 * Stresses: call_indirect. Each method is a few instructions, so what an engine adds to a call
 * (bounds, signature, instance, moves of parameters) is most of the time; f64 and integers are
 * passed and returned. */
#include "../bench.h"

struct object;
struct methods {
    double (*value)(const struct object *self, double x, double y);
    uint32_t (*weight)(const struct object *self, uint32_t depth);
};
struct object {
    const struct methods *methods;
    double constant;
    const struct object *left, *right;
};

enum { OBJECTS = 4000, DEPTH = 9, EVALUATIONS = 30000 };
static struct object objects[OBJECTS];
static uint32_t object_count;
static const struct object *root;

static double value_of(const struct object *o, double x, double y) {
    return o->methods->value(o, x, y);
}

static uint32_t weight_of(const struct object *o, uint32_t depth) {
    return o->methods->weight(o, depth);
}

static double constant_value(const struct object *o, double x, double y) {
    (void)x, (void)y;
    return o->constant;
}
static double x_value(const struct object *o, double x, double y) { return (void)o, (void)y, x; }
static double y_value(const struct object *o, double x, double y) { return (void)o, (void)x, y; }

static double sum_value(const struct object *o, double x, double y) {
    return value_of(o->left, x, y) + value_of(o->right, x, y);
}
static double product_value(const struct object *o, double x, double y) {
    return value_of(o->left, x, y) * value_of(o->right, x, y);
}
static double mean_value(const struct object *o, double x, double y) {
    return (value_of(o->left, y, x) + value_of(o->right, x, y)) * 0.5;
}
static double least_value(const struct object *o, double x, double y) {
    const double left = value_of(o->left, x, y), right = value_of(o->right, x, y);
    return left < right ? left : right;
}

static uint32_t leaf_weight(const struct object *o, uint32_t depth) { return (void)o, depth; }
static uint32_t branch_weight(const struct object *o, uint32_t depth) {
    return weight_of(o->left, depth + 1) + weight_of(o->right, depth + 2);
}

static const struct methods classes[] = {
    {constant_value, leaf_weight}, {x_value, leaf_weight},         {y_value, leaf_weight},
    {sum_value, branch_weight},    {product_value, branch_weight}, {mean_value, branch_weight},
    {least_value, branch_weight},
};

static const struct object *make(uint64_t *seed, int depth) {
    struct object *o = &objects[object_count++];
    const uint64_t r = bench_random(seed);
    o->methods = &classes[depth == 0 ? r % 3 : 3 + r % 4];
    o->constant = (double)(r >> 40) * 0x1p-24;
    o->left = depth ? make(seed, depth - 1) : NULL;
    o->right = depth ? make(seed, depth - 1) : NULL;
    return o;
}

static void prepare(void) {
    uint64_t seed = 26;
    object_count = 0;
    root = make(&seed, DEPTH);
}

static uint64_t run(void) {
    uint64_t check = 0;
    double x = 0.25;
    for (int i = 0; i < EVALUATIONS; i++) {
        const double value = value_of(root, x, 1 - x);
        check = bench_mix(check, bench_bits(value));
        if (i % 4 == 0)
            check += weight_of(root, (uint32_t)i);
        x = (x + 0.6180339887) * 0.5;
    }
    return check;
}

const struct bench_program bench_program = {"virtual_calls", prepare, run, 0xcf0e9cb23cddcbea};
