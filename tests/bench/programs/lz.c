/* lz (integer): byte-oriented LZ77 with a hash of four bytes, compression and decompression.
 *
 * Stresses: unaligned multi-byte loads, match loops over two pointers, byte stores, overlapping
 * copies and variable-length numbers: what real codecs spend their time on. */
#include "../bench.h"

enum {
    INPUT_BYTES = 1 << 20,
    OUTPUT_BYTES = INPUT_BYTES + INPUT_BYTES / 8,
    HASH_BITS = 14,
    MIN_MATCH = 4,
    MAX_DISTANCE = 65535,
    REPEATS = 10,
};
static uint8_t input[INPUT_BYTES], packed[OUTPUT_BYTES], unpacked[INPUT_BYTES];
static uint32_t last_seen[1 << HASH_BITS]; /* position + 1, 0: never */

/* Text of words that repeat with a skewed distribution. */
static void prepare(void) {
    uint64_t seed = 15;
    uint32_t at = 0;
    while (at < INPUT_BYTES) {
        const uint64_t r = bench_random(&seed);
        uint64_t word = (r & 0xFF) * (r >> 8 & 0xFF) * (r >> 16 & 0xFF) >> 14;
        const uint32_t length = 2 + (uint32_t)(word * 7 % 9);
        for (uint32_t i = 0; i < length && at < INPUT_BYTES; i++) {
            word = word * 31 + 17;
            input[at++] = (uint8_t)('a' + (word >> 4) % 26);
        }
        if (at < INPUT_BYTES)
            input[at++] = (r >> 24 & 15) == 0 ? '\n' : ' ';
    }
}

static uint32_t load32(const uint8_t *p) {
    typedef uint32_t word __attribute__((aligned(1), may_alias));
    return *(const word *)p;
}

static uint8_t *put_varint(uint8_t *out, uint32_t value) {
    for (; value >= 0x80; value >>= 7)
        *out++ = (uint8_t)(value | 0x80);
    *out++ = (uint8_t)value;
    return out;
}

static const uint8_t *get_varint(const uint8_t *in, uint32_t *out_value) {
    uint32_t value = 0, shift = 0;
    for (; *in & 0x80; shift += 7)
        value |= (uint32_t)(*in++ & 0x7F) << shift;
    *out_value = value | (uint32_t)*in++ << shift;
    return in;
}

/* A sequence is: count of literals, literals, length of match, distance (0 at the end). */
static uint8_t *put_sequence(uint8_t *out, const uint8_t *literal, uint32_t literals,
                             uint32_t length, uint32_t distance) {
    out = put_varint(out, literals);
    while (literals--)
        *out++ = *literal++;
    return put_varint(put_varint(out, length), distance);
}

static uint32_t compress(void) {
    uint8_t *out = packed;
    uint32_t literal_start = 0, at = 0;
    for (uint32_t i = 0; i < 1u << HASH_BITS; i++)
        last_seen[i] = 0;
    while (at + MIN_MATCH <= INPUT_BYTES) {
        const uint32_t now = load32(input + at);
        uint32_t *slot = &last_seen[now * 2654435761u >> (32 - HASH_BITS)];
        const uint32_t candidate = *slot - 1;
        *slot = at + 1;
        if (candidate == UINT32_MAX || at - candidate > MAX_DISTANCE ||
            load32(input + candidate) != now) {
            at++;
            continue;
        }
        uint32_t length = MIN_MATCH;
        while (at + length < INPUT_BYTES && input[candidate + length] == input[at + length])
            length++;
        out = put_sequence(out, input + literal_start, at - literal_start, length, at - candidate);
        at += length;
        literal_start = at;
    }
    out = put_sequence(out, input + literal_start, INPUT_BYTES - literal_start, 0, 0);
    return (uint32_t)(out - packed);
}

static uint32_t decompress(void) {
    const uint8_t *in = packed;
    uint8_t *out = unpacked;
    for (;;) {
        uint32_t literals, length, distance;
        in = get_varint(in, &literals);
        while (literals--)
            *out++ = *in++;
        in = get_varint(in, &length);
        in = get_varint(in, &distance);
        if (distance == 0)
            return (uint32_t)(out - unpacked);
        for (const uint8_t *from = out - distance; length--;)
            *out++ = *from++;
    }
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (uint32_t repeat = 0; repeat < REPEATS; repeat++) {
        input[repeat * 1000] ^= 1;
        const uint32_t packed_bytes = compress();
        if (decompress() != INPUT_BYTES || packed_bytes > INPUT_BYTES)
            return 0;
        for (uint32_t i = 0; i < INPUT_BYTES; i++)
            if (unpacked[i] != input[i])
                return 0;
        check = bench_mix(check, packed_bytes);
    }
    return check;
}

const struct bench_program bench_program = {"lz", prepare, run, 0xcd4ff1bb6029ebc6};
