/* Takes and gives memory at every level and looks whether it is all there again. */
#include "mm/memory.h"
#include "mm/frames.h"
#include "mm/layout.h"
#include "selftest/selftest.h"
#include <stddef.h>

#define MEMORY_ROUNDS 64u

static const char *memory_frames(void) {
    struct buddy_stats before, after;
    uint64_t blocks[8];
    frames_stats(&before);
    for (uint32_t order = 0; order < 8; order++) {
        if (!frames_take(order, &blocks[order])) {
            return "no frames";
        }
        if (blocks[order] % (MEMORY_PAGE_BYTES << order) != 0) {
            return "a block is not aligned to its size";
        }
    }
    for (uint32_t order = 0; order < 8; order++) {
        frames_give(blocks[order], order);
    }
    frames_stats(&after);
    return before.free_frames == after.free_frames ? NULL : "frames were lost";
}

/* Frames that were written and given back are clean again when they are to be. */
static const char *memory_clean_frames(void) {
    struct buddy_stats before, after;
    uint64_t frames[8];
    frames_stats(&before);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 8; i++) {
            if (!frames_take_clean(&frames[i])) {
                return "no frames";
            }
            uint64_t *words = layout_direct(frames[i]);
            for (uint32_t n = 0; n < MEMORY_PAGE_BYTES / sizeof *words; n++) {
                if (words[n] != 0) {
                    return "a clean frame is not";
                }
                words[n] = UINT64_MAX;
            }
        }
        for (uint32_t i = 0; i < 8; i++) {
            frames_give(frames[i], 0);
        }
        for (uint32_t i = 0; i < 4; i++) {
            (void)frames_prepare();
        }
    }
    frames_stats(&after);
    return before.free_frames == after.free_frames ? NULL : "frames were lost";
}

static const char *memory_heap(void) {
    struct heap_stats before, after;
    uint8_t *blocks[MEMORY_ROUNDS];
    memory_stats(&before);
    for (uint32_t i = 0; i < MEMORY_ROUNDS; i++) {
        size_t bytes = 1 + (size_t)i * i * 3;
        blocks[i] = memory_take(bytes);
        if (blocks[i] == NULL) {
            return "no memory";
        }
        if (blocks[i][0] != 0 || blocks[i][bytes - 1] != 0) {
            return "memory is not zeroed";
        }
        blocks[i][0] = blocks[i][bytes - 1] = 0xFF;
    }
    for (uint32_t i = 0; i < MEMORY_ROUNDS; i++) {
        memory_give(blocks[i], 1 + (size_t)i * i * 3);
    }
    memory_stats(&after);
    return before.used_bytes == after.used_bytes && before.pages == after.pages
               ? NULL
               : "the heap lost memory";
}

/* Asking for more than there is must be refused, and leave nothing taken. */
static const char *memory_exhaustion(void) {
    struct buddy_stats before, after;
    frames_stats(&before);
    void *pages;
    size_t bytes = (size_t)(before.free_frames + 1) * MEMORY_PAGE_BYTES;
    uint64_t mapped_bytes = memory_mapped_bytes();
    alka_status status = memory_map_pages(bytes, &pages);
    frames_stats(&after);
    if (status != ALKA_E_OUT_OF_MEMORY) {
        return "more memory was given than there is";
    }
    if (memory_mapped_bytes() != mapped_bytes) {
        return "a refused request kept address space";
    }
    /* The heap may keep a page for the books of address space. */
    return after.free_frames + 2 >= before.free_frames ? NULL : "a refused request kept memory";
}

const struct selftest selftest_memory[] = {
    {"frames", memory_frames},
    {"clean-frames", memory_clean_frames},
    {"heap", memory_heap},
    {"out-of-memory", memory_exhaustion},
    {NULL, NULL},
};
