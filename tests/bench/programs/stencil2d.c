/* stencil2d (float): heat flow on a plate, 9-point f64 stencil between two grids.
 *
 * Stresses: many loads at small constant offsets from a few row pointers. One base with nine
 * displacements is ideal; recomputing an address for each neighbour is the usual loss. */
#include "../bench.h"

enum { ROWS = 400, COLUMNS = 500, STEPS = 300 };
static double plates[2][ROWS][COLUMNS];

static void prepare(void) {
    uint64_t seed = 3;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++)
            plates[0][i][j] = plates[1][i][j] = bench_random_unit(&seed) * 100;
}

static void step(double (*restrict to)[COLUMNS], double (*restrict from)[COLUMNS]) {
    for (int i = 1; i < ROWS - 1; i++)
        for (int j = 1; j < COLUMNS - 1; j++) {
            const double cross = from[i - 1][j] + from[i + 1][j] + from[i][j - 1] + from[i][j + 1];
            const double corner =
                from[i - 1][j - 1] + from[i - 1][j + 1] + from[i + 1][j - 1] + from[i + 1][j + 1];
            to[i][j] = 0.2 * from[i][j] + 0.15 * cross + 0.05 * corner;
        }
}

static uint64_t run(void) {
    for (int t = 0; t < STEPS; t++)
        step(plates[(t + 1) & 1], plates[t & 1]);

    uint64_t check = 0;
    double low = 1e9, high = -1e9;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            const double heat = plates[STEPS & 1][i][j];
            low = heat < low ? heat : low;
            high = heat > high ? heat : high;
            check = bench_mix(check, bench_bits(heat));
        }
    /* Averaging with weights that sum to 1 never leaves the range it started in. */
    return low >= 0 && high <= 100 ? check : 0;
}

const struct bench_program bench_program = {"stencil2d", prepare, run, 0xd576f33f1a6f39e6};
