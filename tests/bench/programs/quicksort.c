/* quicksort (integer): sorts random u32 keys, median of three, insertion sort for short runs.
 *
 * Stresses: unpredictable branches that depend on loads, pointers that move towards each other,
 * recursion with few live values, and compare-and-branch fused on memory operands. */
#include "../bench.h"

enum { COUNT = 900000, SHORT_RUN = 12 };
static uint32_t keys[COUNT];
static uint64_t key_sum;

static void prepare(void) {
    uint64_t seed = 11;
    key_sum = 0;
    for (int i = 0; i < COUNT; i++) {
        keys[i] = (uint32_t)bench_random(&seed);
        key_sum += keys[i];
    }
}

static void insertion_sort(uint32_t *first, uint32_t *last) {
    for (uint32_t *next = first + 1; next <= last; next++) {
        const uint32_t key = *next;
        uint32_t *hole = next;
        for (; hole > first && hole[-1] > key; hole--)
            *hole = hole[-1];
        *hole = key;
    }
}

static uint32_t median(uint32_t a, uint32_t b, uint32_t c) {
    const uint32_t low = a < b ? a : b, high = a < b ? b : a;
    if (c < low)
        return low;
    return c > high ? high : c;
}

static void sort(uint32_t *first, uint32_t *last) {
    while (last - first > SHORT_RUN) {
        const uint32_t pivot = median(*first, first[(last - first) / 2], *last);
        uint32_t *low = first, *high = last;
        while (low <= high) {
            while (*low < pivot)
                low++;
            while (*high > pivot)
                high--;
            if (low <= high) {
                const uint32_t swap = *low;
                *low++ = *high;
                *high-- = swap;
            }
        }
        if (high - first < last - low) {
            sort(first, high);
            first = low;
        } else {
            sort(low, last);
            last = high;
        }
    }
    insertion_sort(first, last);
}

static uint64_t run(void) {
    sort(keys, keys + COUNT - 1);

    uint64_t sum = keys[0], check = keys[0];
    for (int i = 1; i < COUNT; i++) {
        if (keys[i - 1] > keys[i])
            return 0;
        sum += keys[i];
        check = bench_mix(check, keys[i]);
    }
    return sum == key_sum ? check : 0;
}

const struct bench_program bench_program = {"quicksort", prepare, run, 0xd58230335957300d};
