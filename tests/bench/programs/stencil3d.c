/* stencil3d (float): diffusion in a cube, 7-point f32 stencil.
 *
 * Stresses: three-deep loops with strides that are not powers of two, f32 arithmetic without
 * accidental widening to f64, and displacements too large for one byte. */
#include "../bench.h"

enum { N = 90, STEPS = 250 };
static float cubes[2][N][N][N];

static void prepare(void) {
    uint64_t seed = 4;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            for (int k = 0; k < N; k++)
                cubes[0][i][j][k] = cubes[1][i][j][k] = (float)bench_random_unit(&seed);
}

static void step(float (*restrict to)[N][N], float (*restrict from)[N][N]) {
    for (int i = 1; i < N - 1; i++)
        for (int j = 1; j < N - 1; j++)
            for (int k = 1; k < N - 1; k++) {
                const float centre = from[i][j][k];
                const float around = from[i - 1][j][k] + from[i + 1][j][k] + from[i][j - 1][k] +
                                     from[i][j + 1][k] + from[i][j][k - 1] + from[i][j][k + 1];
                to[i][j][k] = centre + 0.125f * (around - 6.0f * centre);
            }
}

static uint64_t run(void) {
    for (int t = 0; t < STEPS; t++)
        step(cubes[(t + 1) & 1], cubes[t & 1]);

    uint64_t check = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            for (int k = 0; k < N; k++)
                check = bench_mix(check, bench_bits((double)cubes[STEPS & 1][i][j][k]));
    return check;
}

const struct bench_program bench_program = {"stencil3d", prepare, run, 0x26bef8ef1244f86a};
