/*
 * A binary buddy allocator over numbered frames (Knuth, TAOCP 1, 2.5). Its books are an array
 * beside the memory, so that freed memory is never read and a wild write cannot corrupt them from
 * inside a free block.
 */
#ifndef ATHANOR_BUDDY_H
#define ATHANOR_BUDDY_H

#include <stdbool.h>
#include <stdint.h>

#define BUDDY_ORDERS 19u /* blocks of 1 to 2^18 frames (1 GiB) */
#define BUDDY_NONE UINT32_MAX

struct buddy_frame {
    uint32_t next, prev; /* of a free block's first frame */
    uint8_t order;       /* of a block's first frame */
    uint8_t state;       /* private to buddy.c */
    uint16_t note;       /* whoever hosts it may keep something of the frame here; starts as 0 */
};

struct buddy_stats {
    uint64_t total_frames, free_frames;
    uint64_t takes, gives, refusals;
    uint64_t least_free_frames; /* the fewest there ever were, since the first was taken */
    uint64_t bad_gives; /* of frames that were not given out so: always a bug of the caller */
};

struct buddy {
    struct buddy_frame *frames;
    uint32_t frame_count;
    uint32_t nonempty; /* bit n: list n has a block */
    uint32_t heads[BUDDY_ORDERS];
    uint32_t free_blocks[BUDDY_ORDERS];
    struct buddy_stats stats;
};

/* `frames` has `frame_count` entries and stays with the allocator, which owns none of them yet. */
void buddy_start(struct buddy *buddy, struct buddy_frame *frames, uint32_t frame_count);

/* Hands frames [first, first + count) over to the allocator. Frames it has already are skipped. */
void buddy_add(struct buddy *buddy, uint32_t first, uint32_t count);

/* A block of 2^order frames, aligned to its size. False if there is none. */
bool buddy_take(struct buddy *buddy, uint32_t order, uint32_t *out_first);

/* Takes back what buddy_take gave. False (and nothing happens) if it did not give exactly this. */
bool buddy_give(struct buddy *buddy, uint32_t first, uint32_t order);

/* The smallest order with 2^order >= count; BUDDY_ORDERS if there is none. */
uint32_t buddy_order(uint64_t count);

#endif
