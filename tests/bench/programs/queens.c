/* queens (control): counts the ways to place N queens, twice: with bit masks in registers, and with
 * arrays in memory. The counts are published.
 *
 * Stresses: backtracking: recursion with several parameters live across calls, bit tricks
 * (lowest set bit, masks), branches that depend on the search. */
#include "../bench.h"

enum { MASK_SIZE = 13, ARRAY_SIZE = 10 };
static volatile int mask_size, array_size;
static int8_t column_of[16];
static uint8_t column_used[16], rising_used[32], falling_used[32];

static void prepare(void) {
    mask_size = MASK_SIZE;
    array_size = ARRAY_SIZE;
    for (int i = 0; i < 16; i++)
        column_of[i] = -1, column_used[i] = 0;
    for (int i = 0; i < 32; i++)
        rising_used[i] = falling_used[i] = 0;
}

static uint32_t count_masks(uint32_t all, uint32_t columns, uint32_t left, uint32_t right) {
    if (columns == all)
        return 1;
    uint32_t count = 0;
    for (uint32_t free = all & ~(columns | left | right); free; free &= free - 1) {
        const uint32_t bit = free & -free;
        count += count_masks(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return count;
}

static uint32_t count_arrays(int size, int row) {
    if (row == size)
        return 1;
    uint32_t count = 0;
    for (int column = 0; column < size; column++) {
        uint8_t *rising = &rising_used[row + column], *falling = &falling_used[row - column + size];
        if (column_used[column] | *rising | *falling)
            continue;
        column_used[column] = *rising = *falling = 1;
        column_of[row] = (int8_t)column;
        count += count_arrays(size, row + 1);
        column_used[column] = *rising = *falling = 0;
    }
    return count;
}

static uint64_t run(void) {
    const uint64_t by_masks = count_masks((1u << mask_size) - 1, 0, 0, 0); /* 73712 */
    uint64_t by_arrays = 0;
    for (int repeat = 0; repeat < 14; repeat++)
        by_arrays += count_arrays(array_size, 0); /* 724 */
    return by_masks * 1000000 + by_arrays;
}

const struct bench_program bench_program = {"queens", prepare, run, 0x1129940398};
