/* lu (float): LU decomposition with partial pivoting, and a solution checked by its residual.
 *
 * Stresses: triangular loops (trip counts that shrink), row exchanges through a permutation, the
 * search for a maximum by compare-and-branch on floats, and division outside of the inner loop. */
#include "../bench.h"

enum { N = 420, REPEATS = 10 };
static double original[N][N], lu[N][N], right[N], solution[N];
static int order[N];

static void prepare(void) {
    uint64_t seed = 6;
    for (int i = 0; i < N; i++) {
        right[i] = bench_random_unit(&seed);
        for (int j = 0; j < N; j++)
            original[i][j] = bench_random_unit(&seed) - 0.5;
    }
}

static int pivot_row(int column) {
    int best = column;
    for (int i = column + 1; i < N; i++)
        if (bench_abs(lu[order[i]][column]) > bench_abs(lu[order[best]][column]))
            best = i;
    return best;
}

static void decompose(void) {
    for (int i = 0; i < N; i++)
        order[i] = i;
    for (int k = 0; k < N; k++) {
        const int best = pivot_row(k);
        const int swap = order[k];
        order[k] = order[best];
        order[best] = swap;
        const double *pivot = lu[order[k]];
        for (int i = k + 1; i < N; i++) {
            double *row = lu[order[i]];
            const double factor = row[k] /= pivot[k];
            for (int j = k + 1; j < N; j++)
                row[j] -= factor * pivot[j];
        }
    }
}

static void solve(void) {
    for (int i = 0; i < N; i++) {
        double sum = right[order[i]];
        for (int j = 0; j < i; j++)
            sum -= lu[order[i]][j] * solution[j];
        solution[i] = sum;
    }
    for (int i = N - 1; i >= 0; i--) {
        double sum = solution[i];
        for (int j = i + 1; j < N; j++)
            sum -= lu[order[i]][j] * solution[j];
        solution[i] = sum / lu[order[i]][i];
    }
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++)
                lu[i][j] = original[i][j];
        decompose();
        solve();
        for (int i = 0; i < N; i++) {
            double residual = -right[i];
            for (int j = 0; j < N; j++)
                residual += original[i][j] * solution[j];
            if (bench_abs(residual) > 1e-9)
                return 0;
            check = bench_mix(check, bench_bits(solution[i]));
        }
        original[repeat][repeat] += 1;
    }
    return check;
}

const struct bench_program bench_program = {"lu", prepare, run, 0x291af476bb9e0c74};
