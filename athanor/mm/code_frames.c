/*
 * A few blocks of 2 MiB, a bit per frame. In: requests for single frames. Out: the lowest free
 * frame of the first block that has one. Blocks are kept: code comes and goes, and where it was it
 * will be again.
 */
#include "mm/code_frames.h"
#include "cpu/lock.h"
#include "mm/frames.h"
#include "mm/layout.h"
#include <string.h>

#define BLOCK_ORDER 9u
#define BLOCK_FRAMES (1u << BLOCK_ORDER)
#define BLOCK_WORDS (BLOCK_FRAMES / 64)
#define BLOCKS_MOST 64u

struct code_block {
    uint64_t base_phys;
    uint64_t used[BLOCK_WORDS];
};

static struct code_block code_blocks[BLOCKS_MOST];
static uint32_t code_block_count;
static uint64_t code_free;
static struct lock code_lock;

static bool code_take_from(struct code_block *block, uint64_t *out_phys) {
    for (uint32_t i = 0; i < BLOCK_WORDS; i++) {
        if (block->used[i] == UINT64_MAX) {
            continue;
        }
        uint32_t bit = (uint32_t)__builtin_ctzll(~block->used[i]);
        block->used[i] |= UINT64_C(1) << bit;
        code_free--;
        *out_phys = block->base_phys + (i * 64 + bit) * MEMORY_PAGE_BYTES;
        return true;
    }
    return false;
}

static bool code_take_known(uint64_t *out_phys) {
    for (uint32_t i = 0; i < code_block_count && code_free > 0; i++) {
        if (code_take_from(&code_blocks[i], out_phys)) {
            return true;
        }
    }
    return false;
}

static bool code_take(uint64_t *out_phys) {
    if (code_take_known(out_phys)) {
        return true;
    }
    uint64_t base;
    if (code_block_count < BLOCKS_MOST && frames_take(BLOCK_ORDER, &base)) {
        code_blocks[code_block_count++] = (struct code_block){.base_phys = base};
        code_free += BLOCK_FRAMES;
        return code_take_known(out_phys);
    }
    return frames_take(0, out_phys);
}

bool code_frames_take(uint64_t *out_phys) {
    uint64_t flags = lock_take(&code_lock);
    bool taken = code_take(out_phys);
    lock_release(&code_lock, flags);
    if (taken) {
        memset(layout_direct(*out_phys), 0, MEMORY_PAGE_BYTES);
    }
    return taken;
}

/* False: it is of no block. */
static bool code_give(uint64_t phys) {
    for (uint32_t i = 0; i < code_block_count; i++) {
        uint64_t frame = (phys - code_blocks[i].base_phys) / MEMORY_PAGE_BYTES;
        if (phys >= code_blocks[i].base_phys && frame < BLOCK_FRAMES) {
            code_blocks[i].used[frame / 64] &= ~(UINT64_C(1) << frame % 64);
            code_free++;
            return true;
        }
    }
    return false;
}

void code_frames_give(uint64_t phys) {
    uint64_t flags = lock_take(&code_lock);
    bool given = code_give(phys);
    lock_release(&code_lock, flags);
    if (!given) {
        frames_give(phys, 0);
    }
}

uint64_t code_frames_free(void) {
    uint64_t flags = lock_take(&code_lock);
    uint64_t count = code_free;
    lock_release(&code_lock, flags);
    return count;
}
