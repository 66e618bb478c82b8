/* bigint (integer): modular exponentiation of 3072-bit numbers, Montgomery multiplication.
 *
 * Stresses: 32 by 32 to 64 bit multiply-accumulate with a carry kept in 64 bits: loads that
 * zero-extend, no multiplication wider than needed, a loop-carried chain of add and shift. */
#include "../bench.h"

enum { LIMBS = 96 };
static uint32_t modulus[LIMBS], base[LIMBS], exponent[LIMBS], result[LIMBS], square[LIMBS];

static void prepare(void) {
    uint64_t seed = 20;
    for (int i = 0; i < LIMBS; i++) {
        modulus[i] = (uint32_t)bench_random(&seed);
        base[i] = (uint32_t)bench_random(&seed);
        exponent[i] = (uint32_t)bench_random(&seed);
    }
    modulus[0] |= 1;
    modulus[LIMBS - 1] |= 0x80000000u;
    base[LIMBS - 1] &= 0x7FFFFFFFu; /* base < modulus */
}

/* a -= b; the result is the borrow. */
static uint32_t subtract(uint32_t *a, const uint32_t *b) {
    uint64_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        const uint64_t difference = (uint64_t)a[i] - b[i] - borrow;
        a[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
    return (uint32_t)borrow;
}

static int at_least(const uint32_t *a, const uint32_t *b) {
    for (int i = LIMBS - 1; i >= 0; i--)
        if (a[i] != b[i])
            return a[i] > b[i];
    return 1;
}

/* -1/modulus mod 2^32 by Newton's iteration. */
static uint32_t negative_inverse(void) {
    uint32_t inverse = modulus[0];
    for (int i = 0; i < 4; i++)
        inverse *= 2 - modulus[0] * inverse;
    return -inverse;
}

/* out = a × b / 2^3072 mod modulus (coarsely integrated operand scanning). */
static void montgomery(uint32_t *out, const uint32_t *a, const uint32_t *b, uint32_t inverse) {
    uint32_t t[LIMBS + 2] = {0};
    for (int i = 0; i < LIMBS; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < LIMBS; j++) {
            carry += (uint64_t)a[j] * b[i] + t[j];
            t[j] = (uint32_t)carry;
            carry >>= 32;
        }
        carry += t[LIMBS];
        t[LIMBS] = (uint32_t)carry;
        t[LIMBS + 1] = (uint32_t)(carry >> 32);

        const uint32_t factor = t[0] * inverse;
        carry = ((uint64_t)factor * modulus[0] + t[0]) >> 32;
        for (int j = 1; j < LIMBS; j++) {
            carry += (uint64_t)factor * modulus[j] + t[j];
            t[j - 1] = (uint32_t)carry;
            carry >>= 32;
        }
        carry += t[LIMBS];
        t[LIMBS - 1] = (uint32_t)carry;
        t[LIMBS] = t[LIMBS + 1] + (uint32_t)(carry >> 32);
    }
    const uint32_t over = t[LIMBS];
    for (int i = 0; i < LIMBS; i++)
        out[i] = t[i];
    if (over || at_least(out, modulus))
        (void)subtract(out, modulus);
}

/* x = 2x mod modulus */
static void double_modular(uint32_t *x) {
    uint32_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        const uint32_t next = x[i] >> 31;
        x[i] = x[i] << 1 | carry;
        carry = next;
    }
    if (carry || at_least(x, modulus))
        (void)subtract(x, modulus);
}

static uint64_t run(void) {
    const uint32_t inverse = negative_inverse();
    for (int i = 0; i < LIMBS; i++) {
        result[i] = i == 0;
        square[i] = base[i];
    }
    for (int i = 0; i < 32 * LIMBS; i++) { /* into Montgomery form */
        double_modular(result);
        double_modular(square);
    }
    for (int bit = 0; bit < 32 * LIMBS; bit++) {
        if (exponent[bit / 32] >> bit % 32 & 1)
            montgomery(result, result, square, inverse);
        montgomery(square, square, square, inverse);
    }
    const uint32_t one[LIMBS] = {1};
    montgomery(result, result, one, inverse);
    return (uint64_t)result[1] << 32 | result[0];
}

/* base^exponent mod modulus, its lowest 64 bits. */
const struct bench_program bench_program = {"bigint", prepare, run, 0x5f749ba02a1d7602};
