/* ChaCha20's block function (RFC 8439). Pure. */
#include "cpu/random.h"

static uint32_t chacha_rotate(uint32_t value, unsigned bits) {
    return value << bits | value >> (32 - bits);
}

static void chacha_quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
    *a += *b;
    *d = chacha_rotate(*d ^ *a, 16);
    *c += *d;
    *b = chacha_rotate(*b ^ *c, 12);
    *a += *b;
    *d = chacha_rotate(*d ^ *a, 8);
    *c += *d;
    *b = chacha_rotate(*b ^ *c, 7);
}

void random_block(const uint32_t key[static 8], uint32_t out[static 16]) {
    uint32_t start[16] = {0x61707865, 0x3320646E, 0x79622D32, 0x6B206574};
    for (unsigned i = 0; i < 8; i++) {
        start[4 + i] = key[i];
    }
    for (unsigned i = 0; i < 16; i++) {
        out[i] = start[i];
    }
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 4; i++) {
            chacha_quarter(&out[i], &out[4 + i], &out[8 + i], &out[12 + i]);
        }
        for (unsigned i = 0; i < 4; i++) {
            chacha_quarter(&out[i], &out[4 + (i + 1) % 4], &out[8 + (i + 2) % 4],
                           &out[12 + (i + 3) % 4]);
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        out[i] += start[i];
    }
}
