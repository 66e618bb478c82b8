/*
 * Physical memory. In: the normalised memory map. Out: frames. A machine whose RAM is spread so
 * thin that the books would cost more than a 64th of it loses the highest ranges, and the log says
 * so.
 */
#include "mm/frames.h"
#include "console/log.h"
#include "cpu/lock.h"
#include "mm/layout.h"
#include "mm/poison.h"
#include "trap/panic.h"
#include <string.h>

static struct buddy frames_buddy;
static struct lock frames_lock;

#define FRAMES_BOOKS_SHARE 64u

/* The stock of frames that hold zeros. To the buddy allocator they are taken; it gets them back
 * when it has nothing else. */
#define FRAMES_CLEAN_MOST 1024u
static uint32_t frames_clean[FRAMES_CLEAN_MOST];
static uint32_t frames_clean_count;

/* --- Poison. --- */

enum { FRAME_POISONED = 1 }; /* buddy_frame.note */
static bool frames_poisons;

void frames_poison(void) { frames_poisons = true; }

static void frames_check(uint32_t frame, uint64_t word) {
    size_t offset;
    const uint8_t *page = layout_direct(frame * MEMORY_PAGE_BYTES);
    if (!poison_is_whole(page, MEMORY_PAGE_BYTES, word, &offset)) {
        panic("the frame at 0x%lx was written to after it was given back: 0x%lx at offset 0x%lx",
              frame * MEMORY_PAGE_BYTES, *(const uint64_t *)(page + offset), offset);
    }
}

/* Under the lock, as both below. */
static void frames_poison_block(uint32_t first, uint32_t order) {
    for (uint32_t i = first; frames_poisons && i < first + (1u << order); i++) {
        poison_fill(layout_direct(i * MEMORY_PAGE_BYTES), MEMORY_PAGE_BYTES);
        frames_buddy.frames[i].note = FRAME_POISONED;
    }
}

static void frames_check_block(uint32_t first, uint32_t order) {
    for (uint32_t i = first; frames_poisons && i < first + (1u << order); i++) {
        if (frames_buddy.frames[i].note == FRAME_POISONED) {
            frames_check(i, POISON_WORD);
        }
        frames_buddy.frames[i].note = 0;
    }
}

/* --- Taking and giving. --- */

/* Frame numbers of the books' array end here. Ranges beyond are dropped from the map. */
static uint64_t frames_choose_end(struct memory_map *map) {
    for (uint32_t i = map->count; i-- > 0;) {
        struct memory_range *range = &map->ranges[i];
        if (range->kind != MEMORY_USABLE || range->size_bytes == 0) {
            continue;
        }
        uint64_t end = (range->base + range->size_bytes) / MEMORY_PAGE_BYTES;
        uint64_t books_bytes = end * sizeof(struct buddy_frame);
        if (end < BUDDY_NONE &&
            books_bytes <= memory_map_total(map, MEMORY_USABLE) / FRAMES_BOOKS_SHARE) {
            return end;
        }
        log_line(ALKA_LOG_WARNING, "memory: %lu MiB at 0x%lx are too far off to be used",
                 range->size_bytes >> 20, range->base);
        range->size_bytes = 0;
    }
    return 0;
}

bool frames_start(struct memory_map *map) {
    uint64_t end = frames_choose_end(map);
    uint64_t books_phys;
    if (end == 0 ||
        !memory_map_carve(map, end * sizeof(struct buddy_frame), MEMORY_PHYS_LIMIT, &books_phys)) {
        return false;
    }
    buddy_start(&frames_buddy, layout_direct(books_phys), (uint32_t)end);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        if (range->kind == MEMORY_USABLE) {
            buddy_add(&frames_buddy, (uint32_t)(range->base / MEMORY_PAGE_BYTES),
                      (uint32_t)(range->size_bytes / MEMORY_PAGE_BYTES));
        }
    }
    return true;
}

static void frames_give_stock(void) {
    while (frames_clean_count > 0) {
        (void)buddy_give(&frames_buddy, frames_clean[--frames_clean_count], 0);
    }
}

bool frames_take(uint32_t order, uint64_t *out_phys) {
    uint32_t first;
    uint64_t flags = lock_take(&frames_lock);
    bool taken = buddy_take(&frames_buddy, order, &first);
    if (!taken && frames_clean_count > 0) {
        frames_give_stock();
        taken = buddy_take(&frames_buddy, order, &first);
    }
    if (taken) {
        frames_check_block(first, order);
    }
    lock_release(&frames_lock, flags);
    if (taken) {
        *out_phys = first * MEMORY_PAGE_BYTES;
    }
    return taken;
}

bool frames_take_clean(uint64_t *out_phys) {
    uint64_t flags = lock_take(&frames_lock);
    bool stocked = frames_clean_count > 0;
    if (stocked) {
        uint32_t frame = frames_clean[--frames_clean_count];
        *out_phys = frame * MEMORY_PAGE_BYTES;
        if (frames_poisons) {
            frames_check(frame, 0);
        }
    }
    lock_release(&frames_lock, flags);
    if (stocked) {
        return true;
    }
    if (!frames_take(0, out_phys)) {
        return false;
    }
    memset(layout_direct(*out_phys), 0, MEMORY_PAGE_BYTES);
    return true;
}

void frames_give_clean(uint64_t phys) {
    uint64_t flags = lock_take(&frames_lock);
    bool stocked = frames_clean_count < FRAMES_CLEAN_MOST && phys / MEMORY_PAGE_BYTES < BUDDY_NONE;
    if (stocked) {
        frames_clean[frames_clean_count++] = (uint32_t)(phys / MEMORY_PAGE_BYTES);
    }
    lock_release(&frames_lock, flags);
    if (!stocked) {
        frames_give(phys, 0);
    }
}

bool frames_prepare(void) {
    uint32_t frame;
    uint64_t flags = lock_take(&frames_lock);
    bool prepared = frames_clean_count < FRAMES_CLEAN_MOST &&
                    frames_buddy.stats.free_frames > FRAMES_CLEAN_MOST &&
                    buddy_take(&frames_buddy, 0, &frame);
    if (prepared) {
        frames_check_block(frame, 0);
        memset(layout_direct(frame * MEMORY_PAGE_BYTES), 0, MEMORY_PAGE_BYTES);
        frames_clean[frames_clean_count++] = frame;
    }
    lock_release(&frames_lock, flags);
    return prepared;
}

void frames_give(uint64_t phys, uint32_t order) {
    uint64_t flags = lock_take(&frames_lock);
    bool known = phys / MEMORY_PAGE_BYTES < BUDDY_NONE &&
                 buddy_give(&frames_buddy, (uint32_t)(phys / MEMORY_PAGE_BYTES), order);
    if (known) {
        frames_poison_block((uint32_t)(phys / MEMORY_PAGE_BYTES), order);
    }
    lock_release(&frames_lock, flags);
    if (!known) {
        log_error("frames: 0x%lx (order %u) was given back but never given out", phys, order);
    }
}

void frames_stats(struct buddy_stats *out) {
    uint64_t flags = lock_take(&frames_lock);
    *out = frames_buddy.stats;
    out->free_frames += frames_clean_count;
    lock_release(&frames_lock, flags);
}

uint32_t frames_free_blocks(uint32_t order) {
    uint64_t flags = lock_take(&frames_lock);
    uint32_t count = frames_buddy.free_blocks[order];
    lock_release(&frames_lock, flags);
    return count;
}
