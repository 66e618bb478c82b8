/* spectral_norm (float): the largest singular value of the infinite matrix
 * a(i,j) = 1 / ((i+j)(i+j+1)/2 + i+1), cut off at N: 1.2742241528… in the limit.
 *
 * Stresses: integer multiplication, conversion of i32 to f64 and one division per element, so the
 * code around the divider must be out of its way; a small function called from the inner loop is
 * expected to be inlined by the producer, not by the engine. */
#include "../bench.h"

enum { N = 1400, ROUNDS = 8 };
static double u[N], v[N], between[N];

static void prepare(void) {
    for (int i = 0; i < N; i++)
        u[i] = 1, v[i] = 0, between[i] = 0;
}

static double element(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }

static void multiply(double *restrict to, const double *restrict from) {
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int j = 0; j < N; j++)
            sum += element(i, j) * from[j];
        to[i] = sum;
    }
}

static void multiply_transposed(double *restrict to, const double *restrict from) {
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int j = 0; j < N; j++)
            sum += element(j, i) * from[j];
        to[i] = sum;
    }
}

static uint64_t run(void) {
    for (int round = 0; round < ROUNDS; round++) {
        multiply(between, u);
        multiply_transposed(v, between);
        multiply(between, v);
        multiply_transposed(u, between);
    }
    double uv = 0, vv = 0;
    for (int i = 0; i < N; i++)
        uv += u[i] * v[i], vv += v[i] * v[i];
    const double norm = __builtin_sqrt(uv / vv);
    return bench_abs(norm - 1.2742241528) < 1e-8 ? bench_bits(norm) : 0;
}

const struct bench_program bench_program = {"spectral_norm", prepare, run, 0x3ff46338dd0c11e2};
