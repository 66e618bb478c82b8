/* All of physical memory that is nobody's: one buddy allocator behind a lock, in physical
 * addresses. */
#ifndef ATHANOR_FRAMES_H
#define ATHANOR_FRAMES_H

#include "mm/buddy.h"
#include "mm/memory_map.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * Takes over the usable ranges of a normalised map, whose RAM must be in the direct map. The books
 * are carved from it (0.3 % of it). False if that fails.
 */
bool frames_start(struct memory_map *map);

/* 2^order contiguous frames; content undefined. False if there are none. */
bool frames_take(uint32_t order, uint64_t *out_phys);
/* A wrong address or order is logged as an error and ignored. */
void frames_give(uint64_t phys, uint32_t order);

void frames_stats(struct buddy_stats *out);

#endif
