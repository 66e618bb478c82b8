/* sha256 (integer): SHA-256 (FIPS 180-4) of a long message made by bench_random.
 *
 * Stresses: 32-bit rotates, xors and adds in straight-line code with eight live state words plus
 * temporaries: register allocation across a long loop body, rotates by constants, byte swaps. */
#include "../bench.h"

enum { MESSAGE_BYTES = 1 << 20, REPEATS = 20, BLOCK_BYTES = 64 };
static uint8_t message[MESSAGE_BYTES];
static uint32_t state[8];

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static void prepare(void) {
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint64_t seed = 16;
    for (int i = 0; i < 8; i++)
        state[i] = start[i];
    for (int i = 0; i < MESSAGE_BYTES; i += 8) {
        const uint64_t word = bench_random(&seed);
        for (int b = 0; b < 8; b++)
            message[i + b] = (uint8_t)(word >> 8 * b);
    }
}

static uint32_t rotate(uint32_t x, int by) { return x >> by | x << (32 - by); }

static uint32_t load_big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void compress(const uint8_t *block) {
    uint32_t w[64];
    for (int t = 0; t < 16; t++)
        w[t] = load_big_endian(block + (ptrdiff_t)4 * t);
    for (int t = 16; t < 64; t++) {
        const uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
        const uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int t = 0; t < 64; t++) {
        const uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        const uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + round_constants[t] + w[t];
        const uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        const uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static uint64_t run(void) {
    for (int repeat = 0; repeat < REPEATS; repeat++)
        for (int at = 0; at < MESSAGE_BYTES; at += BLOCK_BYTES)
            compress(message + at);

    uint8_t last[BLOCK_BYTES] = {0x80};
    const uint64_t bits = (uint64_t)MESSAGE_BYTES * REPEATS * 8;
    for (int i = 0; i < 8; i++)
        last[BLOCK_BYTES - 1 - i] = (uint8_t)(bits >> 8 * i);
    compress(last);
    return (uint64_t)state[0] << 32 | state[1];
}

/* The first eight bytes of the digest. */
const struct bench_program bench_program = {"sha256", prepare, run, 0x99cf97ebc87c1fc6};
