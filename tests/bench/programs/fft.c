/* fft (float): complex fast Fourier transform, forwards and back again, radix 2.
 *
 * Stresses: butterflies on interleaved complex numbers (loads at +0 and +8 of two moving pointers),
 * strides that double each pass, bit-reversed swaps, and a fair number of live f64 values. */
#include "../bench.h"

enum { LOG2_N = 15, N = 1 << LOG2_N, REPEATS = 60 };

struct complex {
    double re, im;
};
static struct complex data[N], input[N], roots[N / 2];

/* e^(2πi k/N) for all k, from half-angle formulas: no libm, the same bits everywhere. */
static void make_roots(void) {
    double cosine = -1, sine = 0; /* of the angle π */
    roots[0] = (struct complex){1, 0};
    for (int stride = N / 2; stride > 1; stride /= 2) {
        const double half_cosine = __builtin_sqrt((1 + cosine) / 2);
        const double half_sine = stride == N / 2 ? 1 : sine / (2 * half_cosine);
        cosine = half_cosine, sine = half_sine;
        for (int k = 0; k < N / 2; k += stride)
            roots[k + stride / 2] = (struct complex){
                roots[k].re * cosine - roots[k].im * sine,
                roots[k].re * sine + roots[k].im * cosine,
            };
    }
}

static void prepare(void) {
    uint64_t seed = 9;
    make_roots();
    for (int i = 0; i < N; i++) {
        input[i].re = data[i].re = bench_random_unit(&seed) - 0.5;
        input[i].im = data[i].im = bench_random_unit(&seed) - 0.5;
    }
}

static void bit_reverse(void) {
    for (unsigned i = 0, j = 0; i < N; i++) {
        if (i < j) {
            const struct complex swap = data[i];
            data[i] = data[j];
            data[j] = swap;
        }
        unsigned bit = N >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
    }
}

/* `direction` is 1 or -1. */
static void transform(double direction) {
    bit_reverse();
    for (int half = 1; half < N; half *= 2) {
        const int root_step = N / 2 / half;
        for (int block = 0; block < N; block += 2 * half)
            for (int k = 0; k < half; k++) {
                const struct complex root = roots[k * root_step];
                const double root_im = direction * root.im;
                struct complex *low = &data[block + k], *high = &data[block + k + half];
                const double re = high->re * root.re - high->im * root_im;
                const double im = high->re * root_im + high->im * root.re;
                high->re = low->re - re, high->im = low->im - im;
                low->re += re, low->im += im;
            }
    }
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        transform(1);
        for (int i = 0; i < N; i += 997)
            check = bench_mix(check, bench_bits(data[i].re) ^ (bench_bits(data[i].im) >> 1));
        transform(-1);
        for (int i = 0; i < N; i++) {
            data[i].re /= N, data[i].im /= N;
            if (bench_abs(data[i].re - input[i].re) + bench_abs(data[i].im - input[i].im) > 1e-10)
                return 0;
        }
    }
    return check;
}

const struct bench_program bench_program = {"fft", prepare, run, 0xea0b8c713c2c021c};
