/* crc32 (integer): CRC-32 (IEEE 802.3) one byte at a time by one table, and eight at a time by
 * eight tables; both must agree.
 *
 * Stresses: a chain of load, shift, xor where the load's address comes from the chain (latency of
 * the addressing mode), then eight independent look-ups (how tightly they are packed). */
#include "../bench.h"

enum { MESSAGE_BYTES = 2 << 20, REPEATS = 8 };
static uint8_t message[MESSAGE_BYTES];
static uint32_t tables[8][256];

static void prepare(void) {
    uint64_t seed = 24;
    for (int i = 0; i < MESSAGE_BYTES; i += 8) {
        const uint64_t word = bench_random(&seed);
        for (int b = 0; b < 8; b++)
            message[i + b] = (uint8_t)(word >> 8 * b);
    }
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
        tables[0][i] = crc;
    }
    for (int t = 1; t < 8; t++)
        for (int i = 0; i < 256; i++)
            tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xFF];
}

static uint32_t crc_by_byte(uint32_t crc, const uint8_t *p, uint32_t length) {
    while (length--)
        crc = crc >> 8 ^ tables[0][(crc ^ *p++) & 0xFF];
    return crc;
}

static uint32_t load32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t crc_by_eight(uint32_t crc, const uint8_t *p, uint32_t length) {
    for (; length >= 8; length -= 8, p += 8) {
        const uint32_t low = crc ^ load32(p), high = load32(p + 4);
        crc = tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^
              tables[4][low >> 24] ^ tables[3][high & 0xFF] ^ tables[2][high >> 8 & 0xFF] ^
              tables[1][high >> 16 & 0xFF] ^ tables[0][high >> 24];
    }
    return crc_by_byte(crc, p, length);
}

static uint64_t run(void) {
    uint32_t slow = 0xFFFFFFFFu, fast = 0xFFFFFFFFu;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        slow = crc_by_byte(slow, message, MESSAGE_BYTES);
        fast = crc_by_eight(fast, message, MESSAGE_BYTES);
    }
    return slow == fast ? slow ^ 0xFFFFFFFFu : 0;
}

const struct bench_program bench_program = {"crc32", prepare, run, 0x8afdaad5};
