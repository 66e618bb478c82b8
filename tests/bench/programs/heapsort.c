/* heapsort (integer): sorts records by key with a binary heap.
 *
 * Stresses: index arithmetic (2i+1, shifts, scaling by a structure of 16 bytes) in front of each
 * load, a select between two children, and cache misses that short code cannot hide. */
#include "../bench.h"

enum { COUNT = 400000 };
struct record {
    uint64_t key;
    uint32_t serial, weight;
};
static struct record records[COUNT];

static void prepare(void) {
    uint64_t seed = 12;
    for (uint32_t i = 0; i < COUNT; i++)
        records[i] = (struct record){bench_random(&seed) >> 20, i, i * 7 % 1000};
}

/* Before: only records[at] may be smaller than its children. After: a heap of `count`. */
static void sift_down(uint32_t at, uint32_t count) {
    const struct record moving = records[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && records[child + 1].key > records[child].key)
            child++;
        if (records[child].key <= moving.key)
            break;
        records[at] = records[child];
        at = child;
    }
    records[at] = moving;
}

static void sort(void) {
    for (uint32_t i = COUNT / 2; i-- > 0;)
        sift_down(i, COUNT);
    for (uint32_t count = COUNT - 1; count > 0; count--) {
        const struct record largest = records[0];
        records[0] = records[count];
        records[count] = largest;
        sift_down(0, count);
    }
}

static uint64_t run(void) {
    sort();
    uint64_t check = 0, weights = 0;
    for (int i = 0; i < COUNT; i++) {
        if (i && records[i - 1].key > records[i].key)
            return 0;
        weights += records[i].weight;
        check = bench_mix(check, records[i].key + records[i].serial);
    }
    return bench_mix(check, weights);
}

const struct bench_program bench_program = {"heapsort", prepare, run, 0x9c50f2eacb2b8448};
