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

struct heap_class_stats {
    uint32_t block_bytes;
    uint64_t used, free; /* blocks; free ones are in pages that are held */
};

struct heap_stats {
    uint64_t pages;           /* held now */
    uint64_t used_bytes;      /* requested and not given back */
    uint64_t peak_used_bytes; /* the most there ever were */
    uint64_t takes, gives, refusals, bad_gives;
};

struct heap_slab;

struct heap {
    struct heap_source source;
    struct heap_slab *partial[HEAP_CLASSES]; /* slabs with room */
    uint64_t class_used[HEAP_CLASSES], class_slabs[HEAP_CLASSES];
    /* Not NULL: free blocks are poisoned (mm/poison.h), and this is told of one that was written to
     * when it is taken again. What takes whole pages is the source's business. */
    void (*damaged)(const void *block, size_t bytes, size_t offset);
    struct heap_stats stats;
};

void heap_start(struct heap *heap, const struct heap_source *source);

void heap_class_stats(const struct heap *heap, uint32_t class_idx, struct heap_class_stats *out);

/* Zeroed, 16-byte aligned. NULL if memory is out or `bytes` is 0. */
void *heap_take(struct heap *heap, size_t bytes);

/* `bytes` as it was taken; NULL is ignored. A block that is not in use so is left alone and counted
 * in bad_gives. */
void heap_give(struct heap *heap, void *block, size_t bytes);

#endif
