/* recursion (control): three recursive functions with published values: fib, Ackermann, tak.
 *
 * Stresses: direct calls and nothing else: prologue, epilogue, saved registers, moves into
 * parameters, stack checks. Ackermann also needs a call stack of some thousands of frames. */
#include "../bench.h"

static volatile uint32_t fib_input, ackermann_input, tak_input;

static void prepare(void) {
    fib_input = 36;
    ackermann_input = 9;
    tak_input = 24;
}

static uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static uint32_t ackermann(uint32_t m, uint32_t n) {
    if (m == 0)
        return n + 1;
    return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

static int tak(int x, int y, int z) {
    if (y >= x)
        return z;
    return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}

static uint64_t run(void) {
    const uint64_t fib_value = fib(fib_input);                      /* 14930352 */
    const uint64_t ackermann_value = ackermann(3, ackermann_input); /* 2^12 - 3 */
    const int n = (int)tak_input;
    const uint64_t tak_value = (uint64_t)tak(n, n * 2 / 3, n / 3); /* 9 */
    return fib_value * 1000000 + ackermann_value * 100 + tak_value;
}

const struct bench_program bench_program = {"recursion", prepare, run, 0xd943e5a0add};
