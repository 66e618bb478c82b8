/*
 * The random number generator: ChaCha20 whose key is replaced by a part of each
 * block it makes, so that what was given out cannot be computed from what is in
 * memory later. In: entropy at boot, and the time stamp counter at each block.
 * Out: bytes.
 */
#include "cpu/random.h"
#include "cpu/features.h"
#include "cpu/lock.h"
#include "cpu/x86.h"
#include <string.h>

#define RANDOM_RDRAND_TRIES 10u

static uint32_t random_key[8];
static struct lock random_lock;

static uint64_t random_hardware(void) {
    uint64_t value = 0;
    for (uint32_t i = 0; cpu_features.has[CPU_RDRAND] && i < RANDOM_RDRAND_TRIES; i++) {
        bool done;
        __asm__ volatile("rdrand %0" : "=r"(value), "=@ccc"(done));
        if (done) {
            break;
        }
    }
    return value ^ x86_time_stamp();
}

/* A new key from the old one, and 32 bytes to give out. */
static void random_step(uint32_t out[static 8]) {
    uint32_t block[16];
    uint64_t now = x86_time_stamp();
    random_key[0] ^= (uint32_t)now;
    random_key[1] ^= (uint32_t)(now >> 32);
    random_block(random_key, block);
    memcpy(random_key, block, sizeof random_key);
    memcpy(out, &block[8], 8 * sizeof *out);
}

void random_start(void) {
    uint32_t unused[8];
    for (size_t i = 0; i < 4; i++) {
        uint64_t value = random_hardware();
        random_key[2 * i] ^= (uint32_t)value;
        random_key[2 * i + 1] ^= (uint32_t)(value >> 32);
    }
    random_step(unused);
}

void random_fill(void *out, size_t bytes) {
    uint8_t *to = out;
    while (bytes > 0) {
        uint32_t block[8];
        size_t part = bytes < sizeof block ? bytes : sizeof block;
        uint64_t flags = lock_take(&random_lock);
        random_step(block);
        lock_release(&random_lock, flags);
        memcpy(to, block, part);
        to += part;
        bytes -= part;
    }
}

uint64_t random_u64(void) {
    uint64_t value;
    random_fill(&value, sizeof value);
    return value;
}
