/* cholesky (float): decomposition of a symmetric positive definite f64 matrix into L times its
 * transpose.
 *
 * Stresses: dot products of two rows with a subtraction chain that no compiler may reorder; loads
 * can fold into the multiplication; sqrt and division must be single instructions. */
#include "../bench.h"

enum { N = 520, REPEATS = 6 };
static double matrix[N][N], lower[N][N];

static void prepare(void) {
    uint64_t seed = 7;
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) {
            lower[i][j] = lower[j][i] = 0;
            matrix[i][j] = matrix[j][i] = bench_random_unit(&seed) + (i == j ? N : 0);
        }
}

static void decompose(void) {
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) {
            double sum = matrix[i][j];
            for (int k = 0; k < j; k++)
                sum -= lower[i][k] * lower[j][k];
            lower[i][j] = i == j ? __builtin_sqrt(sum) : sum / lower[j][j];
        }
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        decompose();
        for (int i = 0; i < N; i++) {
            double diagonal = 0;
            for (int k = 0; k <= i; k++)
                diagonal += lower[i][k] * lower[i][k];
            if (bench_abs(diagonal - matrix[i][i]) > 1e-9)
                return 0;
            check = bench_mix(check, bench_bits(lower[i][i / 2]));
        }
        matrix[repeat][repeat] += 1;
    }
    return check;
}

const struct bench_program bench_program = {"cholesky", prepare, run, 0x558215c8a61787cc};
