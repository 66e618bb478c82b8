/*
 * The kernel heap: size classes on single pages, whole blocks of pages above them. Giving back
 * needs the size, as taking did: that costs the caller nothing and finds mistakes.
 */
#ifndef ATHANOR_HEAP_H
#define ATHANOR_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_PAGE_BYTES 4096u
#define HEAP_CLASSES 11u
#define HEAP_SMALL_MAX 1008u /* larger requests take pages */

/* Where pages come from: 2^order of them, contiguous, aligned to 4096. */
struct heap_source {
    void *(*take)(void *self, uint32_t order); /* NULL if there are none */
    void (*give)(void *self, void *pages, uint32_t order);
    void *self;
};

struct heap_stats {
    uint64_t pages;      /* held now */
    uint64_t used_bytes; /* requested and not given back */
    uint64_t takes, gives, refusals, bad_gives;
};

struct heap_slab;

struct heap {
    struct heap_source source;
    struct heap_slab *partial[HEAP_CLASSES]; /* slabs with room */
    struct heap_stats stats;
};

void heap_start(struct heap *heap, const struct heap_source *source);

/* Zeroed, 16-byte aligned. NULL if memory is out or `bytes` is 0. */
void *heap_take(struct heap *heap, size_t bytes);

/* `bytes` as it was taken; NULL is ignored. A block that is not in use so is left alone and counted
 * in bad_gives. */
void heap_give(struct heap *heap, void *block, size_t bytes);

#endif
