/* radix_sort (integer): least significant digit first, eight bits at a time, keys with payloads.
 *
 * Stresses: byte extraction by shift and mask, read-modify-write of table entries, scattered 8-byte
 * stores; no branches to predict, so it shows the number of instructions per element. */
#include "../bench.h"

enum { COUNT = 400000, DIGITS = 256, REPEATS = 16 };
static uint64_t buffers[2][COUNT]; /* key in the high half, payload in the low */
static uint64_t payload_sum;

static void prepare(void) {
    uint64_t seed = 13;
    payload_sum = 0;
    for (int i = 0; i < COUNT; i++) {
        buffers[0][i] = bench_random(&seed);
        payload_sum += (uint32_t)buffers[0][i];
    }
}

static void sort_by_digit(uint64_t *restrict to, const uint64_t *restrict from, int shift) {
    uint32_t starts[DIGITS] = {0};
    for (int i = 0; i < COUNT; i++)
        starts[(from[i] >> shift) & (DIGITS - 1)]++;
    uint32_t total = 0;
    for (int d = 0; d < DIGITS; d++) {
        const uint32_t count = starts[d];
        starts[d] = total;
        total += count;
    }
    for (int i = 0; i < COUNT; i++)
        to[starts[(from[i] >> shift) & (DIGITS - 1)]++] = from[i];
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        for (int pass = 0; pass < 4; pass++)
            sort_by_digit(buffers[(pass + 1) & 1], buffers[pass & 1], 32 + 8 * pass);

        uint64_t sum = 0;
        for (int i = 0; i < COUNT; i++) {
            if (i && buffers[0][i - 1] >> 32 > buffers[0][i] >> 32)
                return 0;
            sum += (uint32_t)buffers[0][i];
            check = bench_mix(check, buffers[0][i]);
        }
        if (sum != payload_sum)
            return 0;
        for (int i = 0; i < COUNT; i++) { /* new keys from the old ones, payloads stay */
            const uint64_t key = (buffers[0][i] >> 32) * 0x9E3779B1u + (uint64_t)repeat;
            buffers[0][i] = key << 32 | (uint32_t)buffers[0][i];
        }
    }
    return check;
}

const struct bench_program bench_program = {"radix_sort", prepare, run, 0xa8d39e2249a9f006};
