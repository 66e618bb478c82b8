/*
 * Physical memory as a list of ranges. The loader's list comes in any order and may overlap;
 * normalising makes it sorted, disjoint and page-aligned, where the more restrictive kind wins.
 */
#ifndef ATHANOR_MEMORY_MAP_H
#define ATHANOR_MEMORY_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define MEMORY_RANGES_MAX 256u                      /* a loader's */
#define MEMORY_RANGES_SPACE (2 * MEMORY_RANGES_MAX) /* after normalising */
#define MEMORY_PHYS_LIMIT (UINT64_C(1) << 52) /* the architecture's physical addresses end here */
#define MEMORY_PAGE_BYTES UINT64_C(4096)

/* In order of precedence: a later kind wins where ranges overlap. */
enum memory_kind {
    MEMORY_USABLE,
    MEMORY_KERNEL,
    MEMORY_MODULE,
    MEMORY_ACPI,
    MEMORY_NVS,
    MEMORY_RESERVED,
    MEMORY_BAD,
};

struct memory_range {
    uint64_t base, size_bytes;
    enum memory_kind kind;
};

struct memory_map {
    uint32_t count;
    uint32_t dropped; /* ranges that found no room */
    struct memory_range ranges[MEMORY_RANGES_SPACE];
};

/*
 * Adds a range of a loader's list. What reaches beyond MEMORY_PHYS_LIMIT is cut off. When the list
 * is full a usable range is dropped; any other kind takes the usable ranges it touches with it, so
 * that dropping never makes memory usable.
 */
void memory_map_add(struct memory_map *map, uint64_t base, uint64_t size_bytes,
                    enum memory_kind kind);

/* *out becomes `map` sorted, disjoint, merged, page-aligned: usable ranges shrink to pages, others
 * grow. */
void memory_map_normalise(const struct memory_map *map, struct memory_map *out);

/*
 * Takes whole pages below `limit` from the highest usable range of a normalised map that has them,
 * from its top if that is below the limit. False if there is none.
 */
bool memory_map_carve(struct memory_map *map, uint64_t size_bytes, uint64_t limit,
                      uint64_t *out_base);

/* Takes what lies below `limit` out of the usable ranges of a normalised map. */
void memory_map_withhold_below(struct memory_map *map, uint64_t limit);

/* Bytes of all ranges of a kind. */
uint64_t memory_map_total(const struct memory_map *map, enum memory_kind kind);
const char *memory_kind_name(enum memory_kind kind);

#endif
