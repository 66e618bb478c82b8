/* chacha20 (integer): the ChaCha20 stream cipher (RFC 8439) over a buffer, many times.
 *
 * Stresses: sixteen live 32-bit words through twenty rounds of add, xor and rotate, then loads and
 * stores of a whole block. The state exceeds the general registers, as in blake2b, but a compiler
 * with vectors can turn four quarter rounds into one. */
#include "../bench.h"

enum { BUFFER_BYTES = 1 << 20, REPEATS = 45 };
static uint32_t buffer[BUFFER_BYTES / 4];

static void prepare(void) {
    uint64_t seed = 18;
    for (int i = 0; i < BUFFER_BYTES / 4; i++)
        buffer[i] = (uint32_t)bench_random(&seed);
}

static uint32_t rotate_left(uint32_t x, int by) { return x << by | x >> (32 - by); }

#define QUARTER(a, b, c, d)                                                          \
    (a += b, d = rotate_left(d ^ a, 16), c += d, b = rotate_left(b ^ c, 12), a += b, \
     d = rotate_left(d ^ a, 8), c += d, b = rotate_left(b ^ c, 7))

/* XORs one block of the key stream into `out`. */
static void xor_block(const uint32_t *s, uint32_t *out) {
    uint32_t x0 = s[0], x1 = s[1], x2 = s[2], x3 = s[3], x4 = s[4], x5 = s[5], x6 = s[6];
    uint32_t x7 = s[7], x8 = s[8], x9 = s[9], x10 = s[10], x11 = s[11], x12 = s[12], x13 = s[13];
    uint32_t x14 = s[14], x15 = s[15];
    for (int i = 0; i < 10; i++) {
        QUARTER(x0, x4, x8, x12);
        QUARTER(x1, x5, x9, x13);
        QUARTER(x2, x6, x10, x14);
        QUARTER(x3, x7, x11, x15);
        QUARTER(x0, x5, x10, x15);
        QUARTER(x1, x6, x11, x12);
        QUARTER(x2, x7, x8, x13);
        QUARTER(x3, x4, x9, x14);
    }
    out[0] ^= x0 + s[0], out[1] ^= x1 + s[1], out[2] ^= x2 + s[2], out[3] ^= x3 + s[3];
    out[4] ^= x4 + s[4], out[5] ^= x5 + s[5], out[6] ^= x6 + s[6], out[7] ^= x7 + s[7];
    out[8] ^= x8 + s[8], out[9] ^= x9 + s[9], out[10] ^= x10 + s[10], out[11] ^= x11 + s[11];
    out[12] ^= x12 + s[12], out[13] ^= x13 + s[13], out[14] ^= x14 + s[14], out[15] ^= x15 + s[15];
}

/* The key is the bytes 0, 1, … 31; the nonce that of the block test in RFC 8439, 2.3.2. */
static void encrypt(uint32_t counter) {
    uint32_t s[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (uint32_t i = 0; i < 8; i++)
        s[4 + i] = 0x03020100 + 0x04040404 * i;
    s[12] = counter, s[13] = 0x09000000, s[14] = 0x4a000000, s[15] = 0;
    for (int at = 0; at < BUFFER_BYTES / 4; at += 16, s[12]++)
        xor_block(s, buffer + at);
}

static uint64_t run(void) {
    static const uint32_t first_words[4] = {0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3};
    uint32_t before[4];
    for (int i = 0; i < 4; i++)
        before[i] = buffer[i];
    for (uint32_t repeat = 0; repeat < REPEATS; repeat++) {
        encrypt(1 + repeat * (BUFFER_BYTES / 64));
        for (int i = 0; repeat == 0 && i < 4; i++)
            if ((buffer[i] ^ before[i]) != first_words[i])
                return 0;
    }
    uint64_t check = 0;
    for (int i = 0; i < BUFFER_BYTES / 4; i += 2)
        check ^= (uint64_t)buffer[i + 1] << 32 | buffer[i];
    return check;
}

const struct bench_program bench_program = {"chacha20", prepare, run, 0xbcddd668b6573657};
