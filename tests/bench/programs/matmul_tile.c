/* matmul_tile (float): f32 matrix product in register tiles of 4 by 3.
 *
 * Stresses: pressure on vector registers. Twelve accumulators plus operands are live through the
 * inner loop: all of xmm0–15 are needed and one unlucky choice spills in the hottest place. */
#include "../bench.h"

enum { N = 360, TILE_ROWS = 4, TILE_COLUMNS = 3 };
static float a[N][N], b[N][N], c[N][N];

static void prepare(void) {
    uint64_t seed = 2;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = (float)bench_random_unit(&seed);
            b[i][j] = (float)bench_random_unit(&seed);
        }
}

static void multiply_tile(int i, int j) {
    float s00 = 0, s01 = 0, s02 = 0, s10 = 0, s11 = 0, s12 = 0;
    float s20 = 0, s21 = 0, s22 = 0, s30 = 0, s31 = 0, s32 = 0;
    for (int k = 0; k < N; k++) {
        const float b0 = b[k][j], b1 = b[k][j + 1], b2 = b[k][j + 2];
        const float a0 = a[i][k], a1 = a[i + 1][k], a2 = a[i + 2][k], a3 = a[i + 3][k];
        s00 += a0 * b0, s01 += a0 * b1, s02 += a0 * b2;
        s10 += a1 * b0, s11 += a1 * b1, s12 += a1 * b2;
        s20 += a2 * b0, s21 += a2 * b1, s22 += a2 * b2;
        s30 += a3 * b0, s31 += a3 * b1, s32 += a3 * b2;
    }
    c[i][j] = s00, c[i][j + 1] = s01, c[i][j + 2] = s02;
    c[i + 1][j] = s10, c[i + 1][j + 1] = s11, c[i + 1][j + 2] = s12;
    c[i + 2][j] = s20, c[i + 2][j + 1] = s21, c[i + 2][j + 2] = s22;
    c[i + 3][j] = s30, c[i + 3][j + 1] = s31, c[i + 3][j + 2] = s32;
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (int repeat = 0; repeat < 8; repeat++) {
        for (int i = 0; i < N; i += TILE_ROWS)
            for (int j = 0; j < N; j += TILE_COLUMNS)
                multiply_tile(i, j);
        a[repeat][0] = c[repeat][1] * 0.01f;
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            check = bench_mix(check, bench_bits((double)c[i][j]));
    return check;
}

const struct bench_program bench_program = {"matmul_tile", prepare, run, 0xe62d5cbe850ee532};
