/*
 * The physical memory map. In: the ranges a loader reports, hostile as they may be. Out: disjoint
 * page ranges with one kind each. Pure: no hardware, no globals; the work is bounded by
 * MEMORY_RANGES_MAX squared. It must never turn a byte that some range withholds into a usable one.
 */
#include "mm/memory_map.h"
#include <stddef.h>

static uint64_t map_page_down(uint64_t address) { return address & ~(MEMORY_PAGE_BYTES - 1); }

static uint64_t map_page_up(uint64_t address) {
    return map_page_down(address + MEMORY_PAGE_BYTES - 1);
}

/* The full list cannot name this range any more, so nothing usable may overlap it. */
static void map_withhold(struct memory_map *map, uint64_t base, uint64_t end) {
    for (uint32_t i = 0; i < map->count; i++) {
        struct memory_range *range = &map->ranges[i];
        if (range->kind == MEMORY_USABLE && range->base < end &&
            base < range->base + range->size_bytes) {
            range->size_bytes = 0;
        }
    }
}

void memory_map_add(struct memory_map *map, uint64_t base, uint64_t size_bytes,
                    enum memory_kind kind) {
    if (base >= MEMORY_PHYS_LIMIT || size_bytes == 0) {
        return;
    }
    if (size_bytes > MEMORY_PHYS_LIMIT - base) {
        size_bytes = MEMORY_PHYS_LIMIT - base;
    }
    if (map->count >= MEMORY_RANGES_MAX) {
        map->dropped++;
        if (kind != MEMORY_USABLE) {
            map_withhold(map, base, base + size_bytes);
        }
        return;
    }
    map->ranges[map->count++] = (struct memory_range){base, size_bytes, kind};
}

/* The whole pages a range stands for: [*start, *end). Empty if *start >= *end. */
static void map_pages_of(const struct memory_range *range, uint64_t *start, uint64_t *end) {
    uint64_t top = range->base + range->size_bytes;
    if (range->kind == MEMORY_USABLE || range->size_bytes == 0) {
        *start = map_page_up(range->base);
        *end = map_page_down(top);
        return;
    }
    *start = map_page_down(range->base);
    *end = map_page_up(top);
}

static void map_sort(uint64_t *values, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        uint64_t value = values[i];
        uint32_t at = i;
        for (; at > 0 && values[at - 1] > value; at--) {
            values[at] = values[at - 1];
        }
        values[at] = value;
    }
}

/* The winning kind over [start, end), which no boundary cuts; false if no range covers it. */
static bool map_kind_at(const struct memory_map *map, uint64_t start, uint64_t end,
                        enum memory_kind *out_kind) {
    bool covered = false;
    for (uint32_t i = 0; i < map->count; i++) {
        uint64_t range_start, range_end;
        map_pages_of(&map->ranges[i], &range_start, &range_end);
        if (range_start > start || range_end < end) {
            continue;
        }
        if (!covered || map->ranges[i].kind > *out_kind) {
            *out_kind = map->ranges[i].kind;
        }
        covered = true;
    }
    return covered;
}

static void map_append(struct memory_map *out, uint64_t start, uint64_t end,
                       enum memory_kind kind) {
    if (out->count > 0) {
        struct memory_range *last = &out->ranges[out->count - 1];
        if (last->kind == kind && last->base + last->size_bytes == start) {
            last->size_bytes += end - start;
            return;
        }
    }
    out->ranges[out->count++] = (struct memory_range){start, end - start, kind};
}

void memory_map_normalise(const struct memory_map *map, struct memory_map *out) {
    uint64_t edges[MEMORY_RANGES_SPACE];
    uint32_t edge_count = 0;
    for (uint32_t i = 0; i < map->count && i < MEMORY_RANGES_MAX; i++) {
        uint64_t start, end;
        map_pages_of(&map->ranges[i], &start, &end);
        if (start < end) {
            edges[edge_count++] = start;
            edges[edge_count++] = end;
        }
    }
    map_sort(edges, edge_count);

    out->count = 0;
    out->dropped = map->dropped;
    for (uint32_t i = 1; i < edge_count; i++) {
        enum memory_kind kind = MEMORY_USABLE;
        if (edges[i - 1] < edges[i] && map_kind_at(map, edges[i - 1], edges[i], &kind)) {
            map_append(out, edges[i - 1], edges[i], kind);
        }
    }
}

bool memory_map_carve(struct memory_map *map, uint64_t size_bytes, uint64_t limit,
                      uint64_t *out_base) {
    if (size_bytes == 0 || size_bytes > MEMORY_PHYS_LIMIT) {
        return false;
    }
    size_bytes = map_page_up(size_bytes);
    for (uint32_t i = map->count; i-- > 0;) {
        struct memory_range *range = &map->ranges[i];
        if (range->kind != MEMORY_USABLE || range->size_bytes < size_bytes ||
            range->base + size_bytes > limit) {
            continue;
        }
        range->size_bytes -= size_bytes;
        if (range->base + range->size_bytes + size_bytes <= limit) {
            *out_base = range->base + range->size_bytes;
            return true;
        }
        /* Only the bottom of the range is below the limit. */
        *out_base = range->base;
        range->base += size_bytes;
        return true;
    }
    return false;
}

void memory_map_withhold_below(struct memory_map *map, uint64_t limit) {
    for (uint32_t i = 0; i < map->count; i++) {
        struct memory_range *range = &map->ranges[i];
        if (range->kind != MEMORY_USABLE || range->base >= limit) {
            continue;
        }
        uint64_t cut = limit - range->base;
        cut = cut < range->size_bytes ? cut : range->size_bytes;
        range->base += cut;
        range->size_bytes -= cut;
    }
}

uint64_t memory_map_total(const struct memory_map *map, enum memory_kind kind) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < map->count; i++) {
        total += map->ranges[i].kind == kind ? map->ranges[i].size_bytes : 0;
    }
    return total;
}

const char *memory_kind_name(enum memory_kind kind) {
    static const char *const names[] = {"usable", "kernel",   "module",    "acpi",
                                        "nvs",    "reserved", "bad memory"};
    return names[kind];
}
