/* matmul (float): dense f64 matrix product, row by row.
 *
 * Stresses: the plainest hot loop there is (two loads, multiply, add, store), where the index
 * arithmetic of three arrays must fold into addressing modes and the loop variable, the scalar and
 * the row pointers must stay in registers. A vectorizing compiler has its best case here. */
#include "../bench.h"

enum { N = 384 };
static double a[N][N], b[N][N], c[N][N];

static void prepare(void) {
    uint64_t seed = 1;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = bench_random_unit(&seed) - 0.5;
            b[i][j] = bench_random_unit(&seed) - 0.5;
        }
}

static void multiply(void) {
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++)
            c[i][j] = 0;
        for (int k = 0; k < N; k++) {
            const double scale = a[i][k];
            for (int j = 0; j < N; j++)
                c[i][j] += scale * b[k][j];
        }
    }
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (int repeat = 0; repeat < 8; repeat++) {
        multiply();
        a[repeat][repeat] += c[repeat][repeat];
        check = bench_mix(check, bench_bits(c[N / 2][repeat]));
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            check = bench_mix(check, bench_bits(c[i][j]));
    return check;
}

const struct bench_program bench_program = {"matmul", prepare, run, 0x2db26762eaa49374};
