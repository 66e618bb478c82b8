/*
 * The buddy allocator. In: frame numbers. Out: frame numbers. Pure; each call is O(orders), adding
 * frames is linear in them, with little to do for each. It must never give out a frame twice: what
 * is given back is checked against the books, and refused if it does not match.
 */
#include "mm/buddy.h"

enum { FRAME_ABSENT, FRAME_INNER, FRAME_FREE, FRAME_USED };

void buddy_start(struct buddy *buddy, struct buddy_frame *frames, uint32_t frame_count) {
    *buddy = (struct buddy){.frames = frames, .frame_count = frame_count};
    for (uint32_t order = 0; order < BUDDY_ORDERS; order++) {
        buddy->heads[order] = BUDDY_NONE;
    }
    for (uint32_t i = 0; i < frame_count; i++) {
        frames[i] = (struct buddy_frame){.next = BUDDY_NONE, .prev = BUDDY_NONE};
    }
}

static void buddy_push(struct buddy *buddy, uint32_t first, uint32_t order) {
    struct buddy_frame *frame = &buddy->frames[first];
    frame->state = FRAME_FREE;
    frame->order = (uint8_t)order;
    frame->prev = BUDDY_NONE;
    frame->next = buddy->heads[order];
    if (frame->next != BUDDY_NONE) {
        buddy->frames[frame->next].prev = first;
    }
    buddy->heads[order] = first;
    buddy->nonempty |= 1u << order;
    buddy->free_blocks[order]++;
}

static void buddy_unlink(struct buddy *buddy, uint32_t first, uint32_t order) {
    struct buddy_frame *frame = &buddy->frames[first];
    if (frame->prev != BUDDY_NONE) {
        buddy->frames[frame->prev].next = frame->next;
    } else {
        buddy->heads[order] = frame->next;
    }
    if (frame->next != BUDDY_NONE) {
        buddy->frames[frame->next].prev = frame->prev;
    }
    if (buddy->heads[order] == BUDDY_NONE) {
        buddy->nonempty &= ~(1u << order);
    }
    frame->state = FRAME_INNER;
    buddy->free_blocks[order]--;
}

/* Makes [first, first + 2^order) free, joined with its free buddies as far as they reach. */
static void buddy_join(struct buddy *buddy, uint32_t first, uint32_t order) {
    buddy->stats.free_frames += UINT64_C(1) << order;
    buddy->frames[first].state = FRAME_INNER;
    while (order + 1 < BUDDY_ORDERS) {
        uint32_t other = first ^ 1u << order;
        if (other >= buddy->frame_count || buddy->frames[other].state != FRAME_FREE ||
            buddy->frames[other].order != order) {
            break;
        }
        buddy_unlink(buddy, other, order);
        first &= ~(1u << order);
        order++;
    }
    buddy_push(buddy, first, order);
}

/* Frames that nobody has named yet become inner ones; returns where the run of them ends. */
static uint32_t buddy_claim(struct buddy *buddy, uint32_t first, uint32_t end) {
    uint32_t i = first;
    while (i < end && buddy->frames[i].state == FRAME_ABSENT) {
        buddy->frames[i++].state = FRAME_INNER;
    }
    buddy->stats.total_frames += i - first;
    return i;
}

/* The order of the largest block that may begin at `first` and ends at or before `end`. */
static uint32_t buddy_fitting(uint32_t first, uint32_t end) {
    uint32_t order = first == 0 ? BUDDY_ORDERS - 1 : (uint32_t)__builtin_ctz(first);
    order = order < BUDDY_ORDERS ? order : BUDDY_ORDERS - 1;
    while (1u << order > end - first) {
        order--;
    }
    return order;
}

void buddy_add(struct buddy *buddy, uint32_t first, uint32_t count) {
    if (first >= buddy->frame_count) {
        return;
    }
    uint32_t room = buddy->frame_count - first;
    uint32_t end = first + (count < room ? count : room);
    while (first < end) {
        uint32_t run_end = buddy_claim(buddy, first, end);
        while (first < run_end) {
            uint32_t order = buddy_fitting(first, run_end);
            buddy_join(buddy, first, order);
            first += 1u << order;
        }
        first += first < end; /* one that is known already */
    }
}

bool buddy_take(struct buddy *buddy, uint32_t order, uint32_t *out_first) {
    uint32_t fitting = order < BUDDY_ORDERS ? buddy->nonempty >> order << order : 0;
    if (fitting == 0) {
        buddy->stats.refusals++;
        return false;
    }
    uint32_t found = (uint32_t)__builtin_ctz(fitting);
    uint32_t first = buddy->heads[found];
    buddy_unlink(buddy, first, found);
    while (found > order) {
        found--;
        buddy_push(buddy, first + (1u << found), found);
    }
    buddy->frames[first].state = FRAME_USED;
    buddy->frames[first].order = (uint8_t)order;
    buddy->stats.free_frames -= UINT64_C(1) << order;
    if (buddy->stats.takes++ == 0 || buddy->stats.free_frames < buddy->stats.least_free_frames) {
        buddy->stats.least_free_frames = buddy->stats.free_frames;
    }
    *out_first = first;
    return true;
}

bool buddy_give(struct buddy *buddy, uint32_t first, uint32_t order) {
    if (first >= buddy->frame_count || buddy->frames[first].state != FRAME_USED ||
        buddy->frames[first].order != order) {
        buddy->stats.bad_gives++;
        return false;
    }
    buddy->stats.gives++;
    buddy_join(buddy, first, order);
    return true;
}

uint32_t buddy_order(uint64_t count) {
    uint32_t order = 0;
    while (order < BUDDY_ORDERS && UINT64_C(1) << order < count) {
        order++;
    }
    return order;
}
