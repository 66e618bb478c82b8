/*
 * Address space given out in pieces: an address-ordered list of extents, first fit. Giving back
 * never allocates, so it cannot fail.
 */
#ifndef ATHANOR_VRANGE_H
#define ATHANOR_VRANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vrange_extent {
    struct vrange_extent *next, *prev;
    uint64_t base, size_bytes;
    bool used;
};

/* Where extents come from. */
struct vrange_source {
    struct vrange_extent *(*take)(void *self); /* NULL if memory is out */
    void (*give)(void *self, struct vrange_extent *extent);
    void *self;
};

struct vrange {
    struct vrange_source source;
    struct vrange_extent all; /* the first extent: always there */
    uint64_t used_bytes;
};

/* [base, end), page-aligned, end > base. `range` must not move afterwards. */
void vrange_start(struct vrange *range, uint64_t base, uint64_t end,
                  const struct vrange_source *source);

/* `size_bytes` > 0, a multiple of 4096; `align` a power of two. False if no piece fits or memory
 * for the books is out. */
bool vrange_take(struct vrange *range, uint64_t size_bytes, uint64_t align, uint64_t *out_base);

/* Gives back what begins at `base`; its size, or 0 if nothing that is given out begins there. */
uint64_t vrange_give(struct vrange *range, uint64_t base);

/* Keeps the first `size_bytes` of what begins at `base`. False if it was not given out, is no
 * larger, or memory is out. */
bool vrange_trim(struct vrange *range, uint64_t base, uint64_t size_bytes);

/* The size of what begins at `base`; 0 if nothing that is given out does. */
uint64_t vrange_size(struct vrange *range, uint64_t base);

#endif
