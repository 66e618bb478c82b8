/* The kernel's memory, as the rest of the kernel sees it: a heap, and pages mapped into the
 * kernel's own part. */
#ifndef ATHANOR_MEMORY_H
#define ATHANOR_MEMORY_H

#include "mm/heap.h"
#include "mm/vrange.h"
#include <alkahest/status.h>
#include <stddef.h>
#include <stdint.h>

/* After frames_start. */
void memory_start(void);

/* As heap_take and heap_give. */
void *memory_take(size_t bytes);
void memory_give(void *block, size_t bytes);
void memory_stats(struct heap_stats *out);
void memory_class_stats(uint32_t class_idx, struct heap_class_stats *out);
/* As frames_poison, of blocks of the heap. Before the first one is taken. */
void memory_poison(void);

/* An address space allocator whose books are on the heap. */
void memory_vrange_start(struct vrange *range, uint64_t base, uint64_t end);

/* Zeroed read-write pages with an unmapped one behind them. `bytes`: a multiple of 4096. */
ALKA_MUST_CHECK alka_status memory_map_pages(size_t bytes, void **out_base);
void memory_unmap_pages(void *base, size_t bytes);

/*
 * Maps physical memory at any alignment, with paging.h's flags: device registers, a framebuffer,
 * firmware tables. *out_base points to `phys` itself.
 */
ALKA_MUST_CHECK alka_status memory_map_phys(uint64_t phys, uint64_t bytes, uint32_t flags,
                                            void **out_base);
void memory_unmap_phys(void *base, uint64_t bytes);

/* Bytes of address space that is taken for pages and devices. */
uint64_t memory_mapped_bytes(void);

#endif
