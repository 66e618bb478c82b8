/*
 * Physical memory. In: the normalised memory map. Out: frames. A machine whose RAM is spread so
 * thin that the books would cost more than a 64th of it loses the highest ranges, and the log says
 * so.
 */
#include "mm/frames.h"
#include "console/log.h"
#include "cpu/lock.h"
#include "mm/layout.h"

static struct buddy frames_buddy;
static struct lock frames_lock;

#define FRAMES_BOOKS_SHARE 64u

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

bool frames_take(uint32_t order, uint64_t *out_phys) {
    uint32_t first;
    uint64_t flags = lock_take(&frames_lock);
    bool taken = buddy_take(&frames_buddy, order, &first);
    lock_release(&frames_lock, flags);
    if (taken) {
        *out_phys = first * MEMORY_PAGE_BYTES;
    }
    return taken;
}

void frames_give(uint64_t phys, uint32_t order) {
    uint64_t flags = lock_take(&frames_lock);
    bool known = phys / MEMORY_PAGE_BYTES < BUDDY_NONE &&
                 buddy_give(&frames_buddy, (uint32_t)(phys / MEMORY_PAGE_BYTES), order);
    lock_release(&frames_lock, flags);
    if (!known) {
        log_error("frames: 0x%lx (order %u) was given back but never given out", phys, order);
    }
}

void frames_stats(struct buddy_stats *out) {
    uint64_t flags = lock_take(&frames_lock);
    *out = frames_buddy.stats;
    lock_release(&frames_lock, flags);
}
