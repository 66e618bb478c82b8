/* blake2b (integer): BLAKE2b-512 (RFC 7693) of a long message made by bench_random.
 *
 * Stresses: sixteen live 64-bit words in one block, more than there are registers, with 64-bit
 * rotates; what matters is which values are spilled and that spilled ones are used from memory. */
#include "../bench.h"

enum { MESSAGE_BYTES = 1 << 20, REPEATS = 70, BLOCK_WORDS = 16 };
static uint64_t message[MESSAGE_BYTES / 8]; /* both machines are little-endian, as the hash is */
static uint64_t state[8];

static const uint64_t start[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};
static const uint8_t order[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static void prepare(void) {
    uint64_t seed = 17;
    for (int i = 0; i < 8; i++)
        state[i] = start[i];
    state[0] ^= 0x01010040; /* digest of 64 bytes, no key, no tree */
    for (int i = 0; i < MESSAGE_BYTES / 8; i++)
        message[i] = bench_random(&seed);
}

static uint64_t rotate(uint64_t x, int by) { return x >> by | x << (64 - by); }

#define MIX(a, b, c, d, x, y)                                                          \
    (a += b + (x), d = rotate(d ^ a, 32), c += d, b = rotate(b ^ c, 24), a += b + (y), \
     d = rotate(d ^ a, 16), c += d, b = rotate(b ^ c, 63))

static void compress(const uint64_t *m, uint64_t length, uint64_t last) {
    uint64_t v0 = state[0], v1 = state[1], v2 = state[2], v3 = state[3];
    uint64_t v4 = state[4], v5 = state[5], v6 = state[6], v7 = state[7];
    uint64_t v8 = start[0], v9 = start[1], v10 = start[2], v11 = start[3];
    uint64_t v12 = start[4] ^ length, v13 = start[5], v14 = start[6] ^ last, v15 = start[7];
    for (int round = 0; round < 12; round++) {
        const uint8_t *s = order[round % 10];
        MIX(v0, v4, v8, v12, m[s[0]], m[s[1]]);
        MIX(v1, v5, v9, v13, m[s[2]], m[s[3]]);
        MIX(v2, v6, v10, v14, m[s[4]], m[s[5]]);
        MIX(v3, v7, v11, v15, m[s[6]], m[s[7]]);
        MIX(v0, v5, v10, v15, m[s[8]], m[s[9]]);
        MIX(v1, v6, v11, v12, m[s[10]], m[s[11]]);
        MIX(v2, v7, v8, v13, m[s[12]], m[s[13]]);
        MIX(v3, v4, v9, v14, m[s[14]], m[s[15]]);
    }
    state[0] ^= v0 ^ v8, state[1] ^= v1 ^ v9, state[2] ^= v2 ^ v10, state[3] ^= v3 ^ v11;
    state[4] ^= v4 ^ v12, state[5] ^= v5 ^ v13, state[6] ^= v6 ^ v14, state[7] ^= v7 ^ v15;
}

static uint64_t run(void) {
    uint64_t length = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++)
        for (int at = 0; at < MESSAGE_BYTES / 8; at += BLOCK_WORDS) {
            length += (uint64_t)BLOCK_WORDS * 8;
            const int last = length == (uint64_t)MESSAGE_BYTES * REPEATS;
            compress(message + at, length, last ? UINT64_MAX : 0);
        }
    return state[0];
}

/* The first eight bytes of the digest, little-endian. */
const struct bench_program bench_program = {"blake2b", prepare, run, 0x46fcc4b5353222d7};
