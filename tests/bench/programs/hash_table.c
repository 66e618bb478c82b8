/* hash_table (integer): open addressing with backward-shift deletion, 64-bit keys.
 *
 * Stresses: a 64-bit multiplication and shift as hash, masked index arithmetic before each access,
 * short probing loops with a data-dependent exit, and cache misses. */
#include "../bench.h"

enum { LOG2_SLOTS = 17, SLOTS = 1 << LOG2_SLOTS, KEYS = SLOTS * 3 / 4, ROUNDS = 10 };
struct slot {
    uint64_t key; /* 0: free */
    uint64_t value;
};
static struct slot slots[SLOTS];
static uint32_t used;

static void prepare(void) {
    for (int i = 0; i < SLOTS; i++)
        slots[i] = (struct slot){0, 0};
    used = 0;
}

static uint32_t home_of(uint64_t key) {
    return (uint32_t)((key * 0x9E3779B97F4A7C15u) >> (64 - LOG2_SLOTS));
}

/* Where the key is, or the free slot where it would go. */
static uint32_t find(uint64_t key) {
    uint32_t at = home_of(key);
    while (slots[at].key != 0 && slots[at].key != key)
        at = (at + 1) & (SLOTS - 1);
    return at;
}

static void add(uint64_t key, uint64_t amount) {
    struct slot *slot = &slots[find(key)];
    used += slot->key == 0;
    slot->key = key;
    slot->value += amount;
}

static void delete_key(uint64_t key) {
    uint32_t hole = find(key);
    if (slots[hole].key == 0)
        return;
    used--;
    for (uint32_t at = hole;;) {
        at = (at + 1) & (SLOTS - 1);
        if (slots[at].key == 0)
            break;
        const uint32_t home = home_of(slots[at].key);
        if (((at - home) & (SLOTS - 1)) >= ((at - hole) & (SLOTS - 1))) {
            slots[hole] = slots[at];
            hole = at;
        }
    }
    slots[hole] = (struct slot){0, 0};
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t seed = 14 + round;
        for (uint32_t i = 0; i < KEYS; i++)
            add((bench_random(&seed) & 0x3FFFFFF) + 1, i);

        uint64_t hits = 0, probe = 14 + round;
        for (uint32_t i = 0; i < 2 * KEYS;
             i++) { /* the first half is present, most of the rest not */
            const struct slot *slot = &slots[find((bench_random(&probe) & 0x3FFFFFF) + 1)];
            hits += slot->key != 0;
            check = bench_mix(check, slot->value);
        }
        if (hits < KEYS)
            return 0;

        uint64_t victim = 14 + round;
        for (uint32_t i = 0; i < KEYS; i++)
            delete_key((bench_random(&victim) & 0x3FFFFFF) + 1);
        if (used != 0)
            return 0;
    }
    return check;
}

const struct bench_program bench_program = {"hash_table", prepare, run, 0x9535329307ecafbc};
