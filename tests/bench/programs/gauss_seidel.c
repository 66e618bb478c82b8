/* gauss_seidel (float): Poisson's equation on a square, successive over-relaxation in place.
 *
 * Stresses: a floating-point recurrence through memory. Each cell needs the one just written, so
 * nothing vectorizes and the loop is as fast as its longest chain of add, multiply and forwarding
 * from store to load; a compiler gains by keeping the carried value in a register. */
#include "../bench.h"

enum { N = 258, MAX_SWEEPS = 200 };
static double grid[N][N], source[N][N];

static void prepare(void) {
    uint64_t seed = 5;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            grid[i][j] = 0;
            source[i][j] = (bench_random_unit(&seed) - 0.5) / (N * N);
        }
}

/* One sweep; the result is the sum of squares of what changed. */
static double sweep(double relaxation) {
    double change = 0;
    for (int i = 1; i < N - 1; i++)
        for (int j = 1; j < N - 1; j++) {
            const double old = grid[i][j];
            const double next = 0.25 * (grid[i - 1][j] + grid[i + 1][j] + grid[i][j - 1] +
                                        grid[i][j + 1] + source[i][j]);
            const double delta = relaxation * (next - old);
            grid[i][j] = old + delta;
            change += delta * delta;
        }
    return change;
}

static uint64_t run(void) {
    double first = 0, last = 0;
    for (int n = 0; n < MAX_SWEEPS; n++) {
        last = sweep(1.97);
        if (n == 0)
            first = last;
    }
    uint64_t check = bench_bits(last);
    for (int i = 1; i < N - 1; i++)
        for (int j = 1; j < N - 1; j++)
            check = bench_mix(check, bench_bits(grid[i][j]));
    return last < first ? check : 0; /* it converges, or something is wrong */
}

const struct bench_program bench_program = {"gauss_seidel", prepare, run, 0xf054768bc0be6818};
