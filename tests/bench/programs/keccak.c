/* keccak (integer): SHA3-256 (FIPS 202) of a long message made by bench_random.
 *
 * Stresses: twenty-five 64-bit lanes that live in an array, loops over lanes that the producer
 * unrolls into very long straight-line code, and-not, and rotates by table entries. */
#include "../bench.h"

enum { MESSAGE_BYTES = 136 * 6000, REPEATS = 25, RATE_WORDS = 17, ROUNDS = 24 };
static uint64_t message[MESSAGE_BYTES / 8];
static uint64_t lanes[25];
static uint64_t round_constants[ROUNDS];
static uint8_t rotations[24], destinations[24];

/* Round constants come from a shift register, rotations from the triangular numbers. */
static void make_tables(void) {
    unsigned lfsr = 1;
    for (int round = 0; round < ROUNDS; round++) {
        round_constants[round] = 0;
        for (int bit = 0; bit < 7; bit++) {
            if (lfsr & 1)
                round_constants[round] |= (uint64_t)1 << ((1u << bit) - 1);
            lfsr = lfsr & 0x80 ? (lfsr << 1 ^ 0x71) & 0xFF : lfsr << 1;
        }
    }
    unsigned x = 1, y = 0;
    for (unsigned t = 0; t < 24; t++) {
        const unsigned next_y = (2 * x + 3 * y) % 5;
        x = y, y = next_y;
        destinations[t] = (uint8_t)(x + 5 * y);
        rotations[t] = (uint8_t)((t + 1) * (t + 2) / 2 % 64);
    }
}

static void prepare(void) {
    uint64_t seed = 19;
    make_tables();
    for (int i = 0; i < 25; i++)
        lanes[i] = 0;
    for (int i = 0; i < MESSAGE_BYTES / 8; i++)
        message[i] = bench_random(&seed);
}

static uint64_t rotate_left(uint64_t x, int by) { return x << by | x >> ((64 - by) & 63); }

static void permute(void) {
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t parity[5];
        for (int x = 0; x < 5; x++)
            parity[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20];
        for (int x = 0; x < 5; x++) {
            const uint64_t d = parity[(x + 4) % 5] ^ rotate_left(parity[(x + 1) % 5], 1);
            for (int y = 0; y < 25; y += 5)
                lanes[x + y] ^= d;
        }
        uint64_t moving = lanes[1];
        for (int t = 0; t < 24; t++) {
            const uint64_t next = lanes[destinations[t]];
            lanes[destinations[t]] = rotate_left(moving, rotations[t]);
            moving = next;
        }
        for (int y = 0; y < 25; y += 5) {
            uint64_t row[5];
            for (int x = 0; x < 5; x++)
                row[x] = lanes[y + x];
            for (int x = 0; x < 5; x++)
                lanes[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
        }
        lanes[0] ^= round_constants[round];
    }
}

static uint64_t run(void) {
    for (int repeat = 0; repeat < REPEATS; repeat++)
        for (int at = 0; at < MESSAGE_BYTES / 8; at += RATE_WORDS) {
            for (int i = 0; i < RATE_WORDS; i++)
                lanes[i] ^= message[at + i];
            permute();
        }
    lanes[0] ^= 0x06; /* the message fills whole blocks, so the padding is a block of its own */
    lanes[RATE_WORDS - 1] ^= (uint64_t)1 << 63;
    permute();
    return lanes[0];
}

/* The first eight bytes of the digest, little-endian. */
const struct bench_program bench_program = {"keccak", prepare, run, 0x92106b84d61dfb7f};
