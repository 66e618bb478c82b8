/* Arithmetic at its edges: conversions, shifts, division, rounding; everything printed as bits. */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const int64_t integers[] = {
    0, 1, -1, 2, -2, 7, 63, 127, 128, 255, -128, -129, 32767, -32768, 65535, 2147483647, 2147483648,
    -2147483648LL, 4294967295, 4294967296, 16777217, -16777217, 9007199254740993, INT64_MAX, INT64_MIN,
    INT64_MIN + 1, 0x0123456789abcdef, -0x0123456789abcdef,
};
/* clang-format on */
static const double reals[] = {0.0,    -0.0,         0.5,          -0.5,
                               1.5,    2.5,          -2.5,         0.49999999999999994,
                               1e-310, 1e10,         -1e10,        3e38,
                               3.5e38, 2147483647.5, 4294967295.5, 9007199254740991.0,
                               1e18,   -1e18,        1e-45,        1.1754943508222875e-38};

static uint64_t bits64(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint32_t bits32(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t mix(uint64_t sum, uint64_t value) {
    return (sum ^ value) * UINT64_C(0x100000001b3) ^ sum >> 29;
}

static uint64_t integer_pair(int64_t left, int64_t right, uint64_t sum) {
    uint64_t one = (uint64_t)left, other = (uint64_t)right;
    uint32_t low = (uint32_t)one, count = (uint32_t)other;
    sum = mix(sum, one + other);
    sum = mix(sum, one - other);
    sum = mix(sum, one * other);
    sum = mix(sum, one << (other & 63) | one >> (-other & 63));
    sum = mix(sum, low << (count & 31) | low >> (-count & 31));
    sum = mix(sum, (uint64_t)(left >> (other & 63)));
    sum = mix(sum, (uint64_t)(int64_t)((int32_t)low >> (count & 31)));
    if (other)
        sum = mix(sum, one / other + one % other);
    if (count)
        sum = mix(sum, low / count + low % count);
    if (right && !(left == INT64_MIN && right == -1))
        sum = mix(sum, (uint64_t)(left / right + left % right));
    sum = mix(sum, (uint64_t)(left < right) << 3 | (uint64_t)(one < other) << 2 |
                       (uint64_t)(low < count));
    return sum;
}

static uint64_t real_pair(double left, double right, uint64_t sum) {
    float one = (float)left, other = (float)right;
    sum = mix(sum, bits64(left + right));
    sum = mix(sum, bits64(left - right));
    sum = mix(sum, bits64(left * right));
    if (right != 0)
        sum = mix(sum, bits64(left / right));
    sum = mix(sum, bits64(copysign(left, right)));
    sum = mix(sum, bits32(one + other));
    sum = mix(sum, bits32(one * other));
    sum = mix(sum, (uint64_t)(left < right) << 2 | (uint64_t)(left <= right) << 1 |
                       (uint64_t)(one == other));
    return sum;
}

int main(void) {
    size_t integer_count = sizeof integers / sizeof *integers,
           real_count = sizeof reals / sizeof *reals;
    for (size_t i = 0; i < integer_count; i++) {
        uint64_t sum = 14695981039346656037u;
        for (size_t j = 0; j < integer_count; j++)
            sum = integer_pair(integers[i], integers[j], sum);
        uint64_t value = (uint64_t)integers[i];
        printf("%" PRId64 ": %016" PRIx64 " s8 %d s16 %d pop %d", integers[i], sum, (int8_t)value,
               (int16_t)value, __builtin_popcountll(value));
        printf(" clz %d ctz %d", value ? __builtin_clzll(value) : 64,
               value ? __builtin_ctzll(value) : 64);
        printf(" f32 %08" PRIx32 " f64 %016" PRIx64 " u64→f32 %08" PRIx32 " u64→f64 %016" PRIx64
               "\n",
               bits32((float)integers[i]), bits64((double)integers[i]), bits32((float)value),
               bits64((double)value));
    }
    for (size_t i = 0; i < real_count; i++) {
        uint64_t sum = 14695981039346656037u;
        for (size_t j = 0; j < real_count; j++)
            sum = real_pair(reals[i], reals[j], sum);
        double real = reals[i];
        printf("%g: %016" PRIx64 " floor %g ceil %g trunc %g nearest %g sqrt %016" PRIx64
               " f32 %08" PRIx32,
               real, sum, floor(real), ceil(real), trunc(real), rint(real),
               bits64(sqrt(fabs(real))), bits32((float)real));
        if (fabs(real) < 2e9)
            printf(" i32 %" PRId32, (int32_t)real);
        printf(" i64 %" PRId64 "\n", fabs(real) < 9e18 ? (int64_t)real : 0);
    }
    return 0;
}
