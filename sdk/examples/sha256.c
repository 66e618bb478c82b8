/*
 * SHA-256 (FIPS 180-4) over a megabyte: the published test vector of one million times the letter
 * a.
 */
#include <athanor.h>
#include <athanor/line.h>

#define MESSAGE_BYTES 1000000u
#define BLOCK_BYTES 64u

static const uint32_t expected[8] = {0xcdc76e5c, 0x9914fb92, 0x81a1c7e2, 0x84d73e67,
                                     0xf1809a48, 0xa497200e, 0x046d39cc, 0xc7112cd0};

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

static unsigned char message[MESSAGE_BYTES];

static uint32_t rotate(uint32_t value, unsigned bits) {
    return value >> bits | value << (32 - bits);
}

static uint32_t big_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void compress(uint32_t state[8], const unsigned char block[BLOCK_BYTES]) {
    uint32_t words[64];
    for (unsigned i = 0; i < 16; i++)
        words[i] = big_endian(block + 4 * i);
    for (unsigned i = 16; i < 64; i++) {
        uint32_t before = words[i - 15];
        uint32_t after = words[i - 2];
        words[i] = words[i - 16] + (rotate(before, 7) ^ rotate(before, 18) ^ before >> 3) +
                   words[i - 7] + (rotate(after, 17) ^ rotate(after, 19) ^ after >> 10);
    }

    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (unsigned i = 0; i < 64; i++) {
        uint32_t sum_e = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t sum_a = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t first = h + sum_e + ((e & f) ^ (~e & g)) + round_constants[i] + words[i];
        uint32_t second = sum_a + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + first;
        d = c, c = b, b = a, a = first + second;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static void hash(uint32_t state[8], const unsigned char *data, uint32_t bytes) {
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (unsigned i = 0; i < 8; i++)
        state[i] = initial[i];
    uint32_t whole_bytes = bytes - bytes % BLOCK_BYTES;
    for (uint32_t at = 0; at < whole_bytes; at += BLOCK_BYTES)
        compress(state, data + at);

    /* The rest, a one bit, zeros, and the length in bits: one block or two. */
    unsigned char tail[2 * BLOCK_BYTES] = {0};
    uint32_t rest_bytes = bytes - whole_bytes;
    for (uint32_t i = 0; i < rest_bytes; i++)
        tail[i] = data[whole_bytes + i];
    tail[rest_bytes] = 0x80;
    uint32_t tail_bytes = rest_bytes < BLOCK_BYTES - 8 ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    uint64_t message_bits = (uint64_t)bytes * 8;
    for (unsigned i = 0; i < 8; i++)
        tail[tail_bytes - 1 - i] = (unsigned char)(message_bits >> (8 * i));
    for (uint32_t at = 0; at < tail_bytes; at += BLOCK_BYTES)
        compress(state, tail + at);
}

ATHANOR_APP(sha256) {
    for (uint32_t i = 0; i < MESSAGE_BYTES; i++)
        message[i] = 'a';
    uint32_t digest[8];
    uint64_t started_ns = athanor_clock_ns();
    hash(digest, message, MESSAGE_BYTES);
    uint64_t took_ns = athanor_clock_ns() - started_ns;

    struct line line = {0};
    for (unsigned i = 0; i < 8; i++)
        line_hex(&line, digest[i], 8);
    line_text(&line, " in ");
    line_u64(&line, took_ns / 1000);
    line_text(&line, " us");
    line_log(&line);
    for (unsigned i = 0; i < 8; i++) {
        if (digest[i] != expected[i]) {
            athanor_print("wrong digest");
            return 1;
        }
    }
    return 0;
}
