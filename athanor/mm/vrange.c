/*
 * The address space allocator. In: sizes. Out: addresses. Pure but for where extents come from.
 * Neighbouring free extents are always joined, so that the list is as long as what is given out,
 * times two.
 */
#include "mm/vrange.h"

void vrange_start(struct vrange *range, uint64_t base, uint64_t end,
                  const struct vrange_source *source) {
    *range = (struct vrange){.source = *source, .all = {.base = base, .size_bytes = end - base}};
}

/* Cuts `extent` after `size_bytes`; the rest becomes a free extent behind it. */
static bool vrange_split(struct vrange *range, struct vrange_extent *extent, uint64_t size_bytes) {
    struct vrange_extent *rest = range->source.take(range->source.self);
    if (rest == NULL) {
        return false;
    }
    *rest = (struct vrange_extent){
        .next = extent->next,
        .prev = extent,
        .base = extent->base + size_bytes,
        .size_bytes = extent->size_bytes - size_bytes,
    };
    if (rest->next != NULL) {
        rest->next->prev = rest;
    }
    extent->next = rest;
    extent->size_bytes = size_bytes;
    return true;
}

/* Joins a free extent with a free one behind it. */
static void vrange_join_next(struct vrange *range, struct vrange_extent *extent) {
    struct vrange_extent *next = extent->next;
    if (next == NULL || next->used || extent->used) {
        return;
    }
    extent->size_bytes += next->size_bytes;
    extent->next = next->next;
    if (extent->next != NULL) {
        extent->next->prev = extent;
    }
    range->source.give(range->source.self, next);
}

static void vrange_free(struct vrange *range, struct vrange_extent *extent) {
    extent->used = false;
    vrange_join_next(range, extent);
    if (extent->prev != NULL) {
        vrange_join_next(range, extent->prev);
    }
}

bool vrange_take(struct vrange *range, uint64_t size_bytes, uint64_t align, uint64_t *out_base) {
    for (struct vrange_extent *extent = &range->all; extent != NULL; extent = extent->next) {
        uint64_t gap = -extent->base & (align - 1);
        if (extent->used || extent->size_bytes < gap || extent->size_bytes - gap < size_bytes) {
            continue;
        }
        if (gap > 0) {
            if (!vrange_split(range, extent, gap)) {
                return false;
            }
            extent = extent->next;
        }
        if (extent->size_bytes > size_bytes && !vrange_split(range, extent, size_bytes)) {
            vrange_free(range, extent); /* joins with the gap again */
            return false;
        }
        extent->used = true;
        range->used_bytes += size_bytes;
        *out_base = extent->base;
        return true;
    }
    return false;
}

static struct vrange_extent *vrange_find(struct vrange *range, uint64_t base) {
    struct vrange_extent *extent = &range->all;
    while (extent != NULL && extent->base != base) {
        extent = extent->next;
    }
    return extent != NULL && extent->used ? extent : NULL;
}

uint64_t vrange_size(struct vrange *range, uint64_t base) {
    const struct vrange_extent *extent = vrange_find(range, base);
    return extent == NULL ? 0 : extent->size_bytes;
}

uint64_t vrange_give(struct vrange *range, uint64_t base) {
    struct vrange_extent *extent = vrange_find(range, base);
    if (extent == NULL) {
        return 0;
    }
    uint64_t size_bytes = extent->size_bytes;
    range->used_bytes -= size_bytes;
    vrange_free(range, extent);
    return size_bytes;
}

bool vrange_trim(struct vrange *range, uint64_t base, uint64_t size_bytes) {
    struct vrange_extent *extent = vrange_find(range, base);
    if (extent == NULL || size_bytes == 0 || size_bytes >= extent->size_bytes) {
        return false;
    }
    uint64_t surplus = extent->size_bytes - size_bytes;
    if (!vrange_split(range, extent, size_bytes)) {
        return false;
    }
    range->used_bytes -= surplus;
    vrange_join_next(range, extent->next);
    return true;
}
