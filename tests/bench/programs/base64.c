/* base64 (integer): encodes a buffer and decodes it again.
 *
 * Stresses: streams of byte loads and stores, shifts and masks, table look-ups with bytes as
 * indices: zero-extension must cost nothing and addresses must not be computed twice. */
#include "../bench.h"

enum { PLAIN_BYTES = 3 << 18, TEXT_BYTES = PLAIN_BYTES / 3 * 4, REPEATS = 75 };
static uint8_t plain[PLAIN_BYTES], text[TEXT_BYTES], decoded[PLAIN_BYTES];
static const char alphabet[64] = {
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P',
    'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f',
    'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
    'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '/',
};
static uint8_t values[256];

static void prepare(void) {
    uint64_t seed = 25;
    for (int i = 0; i < PLAIN_BYTES; i += 8) {
        const uint64_t word = bench_random(&seed);
        for (int b = 0; b < 8; b++)
            plain[i + b] = (uint8_t)(word >> 8 * b);
    }
    for (int i = 0; i < 256; i++)
        values[i] = 0xFF;
    for (uint8_t i = 0; i < 64; i++)
        values[(uint8_t)alphabet[i]] = i;
}

static void encode(const uint8_t *in, uint8_t *out) {
    for (const uint8_t *end = in + PLAIN_BYTES; in < end; in += 3, out += 4) {
        out[0] = (uint8_t)alphabet[in[0] >> 2];
        out[1] = (uint8_t)alphabet[(in[0] & 3) << 4 | in[1] >> 4];
        out[2] = (uint8_t)alphabet[(in[1] & 15) << 2 | in[2] >> 6];
        out[3] = (uint8_t)alphabet[in[2] & 63];
    }
}

/* Nonzero if every character was in the alphabet. */
static int decode(const uint8_t *in, uint8_t *out) {
    uint32_t seen = 0;
    for (const uint8_t *end = in + TEXT_BYTES; in < end; in += 4, out += 3) {
        const uint32_t a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];
        const uint32_t group = a << 18 | b << 12 | c << 6 | d;
        out[0] = (uint8_t)(group >> 16);
        out[1] = (uint8_t)(group >> 8);
        out[2] = (uint8_t)group;
        seen |= a | b | c | d;
    }
    return seen < 64;
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        encode(plain, text);
        if (!decode(text, decoded))
            return 0;
        for (int i = 0; i < PLAIN_BYTES; i++)
            if (decoded[i] != plain[i])
                return 0;
        const uint8_t *sample = &text[repeat * 5003];
        check = check * 31 + ((uint32_t)sample[0] << 24 | (uint32_t)sample[1] << 16 |
                              (uint32_t)sample[2] << 8 | sample[3]);
    }
    return check;
}

const struct bench_program bench_program = {"base64", prepare, run, 0xfc6e06bd223f8b16};
