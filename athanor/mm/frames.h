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

/*
 * From now on frames that are given back are poisoned, and looked at when they are taken again: a
 * write in between is a panic. For finding bugs; costs a pass over each frame each time.
 */
void frames_poison(void);

/* 2^order contiguous frames; content undefined. False if there are none. */
bool frames_take(uint32_t order, uint64_t *out_phys);
/* A wrong address or order is logged as an error and ignored. */
void frames_give(uint64_t phys, uint32_t order);

/* One frame that holds zeros: from the stock of such, or cleared now. False if there is none. */
bool frames_take_clean(uint64_t *out_phys);
/* As frames_give(phys, 0), of a frame that holds zeros. */
void frames_give_clean(uint64_t phys);
/* Clears one frame for the stock, with interrupts off; false if there are enough. For idle
 * processors. */
bool frames_prepare(void);

void frames_stats(struct buddy_stats *out);
/* Free blocks of 2^order frames; order < BUDDY_ORDERS. */
uint32_t frames_free_blocks(uint32_t order);

#endif
