/* The kernel's page tables: the one address space of everything. */
#ifndef ATHANOR_KERNEL_MAP_H
#define ATHANOR_KERNEL_MAP_H

#include "mm/memory_map.h"
#include "mm/paging.h"
#include <stddef.h>

/*
 * Builds and loads the tables: the image W^X, the RAM of `map` (normalised) in the direct map
 * without execution and with the image's code and constants read-only there too, guards under the
 * interrupt stacks, nothing in the lower half. Tables are carved from `map` until
 * kernel_map_use_frames.
 */
ALKA_MUST_CHECK alka_status kernel_map_start(struct memory_map *map);
/* From now on tables are frames of the allocator. */
void kernel_map_use_frames(void);

/* As in paging.h, on the kernel's tables, behind their lock. */
ALKA_MUST_CHECK alka_status kernel_map(uint64_t virt, uint64_t phys, uint64_t bytes,
                                       uint32_t flags);
ALKA_MUST_CHECK alka_status kernel_map_protect(uint64_t virt, uint64_t bytes, uint32_t flags);
bool kernel_map_query(uint64_t virt, struct paging_mapping *out);

/* Unmaps without giving anything back. */
void kernel_unmap(uint64_t virt, uint64_t bytes);

/* Backs [virt, virt + bytes) with zeroed frames, read-write; all or nothing. */
ALKA_MUST_CHECK alka_status kernel_map_frames(uint64_t virt, uint64_t bytes);
/*
 * The same for pages that will be sealed: of the frames kept for those (code_frames.h).
 */
ALKA_MUST_CHECK alka_status kernel_map_code_frames(uint64_t virt, uint64_t bytes);
/*
 * Takes back what kernel_map_frames mapped in the range, first making the frames' aliases in the
 * direct map writable again if some of them may be sealed. Returns how many bytes that were.
 */
uint64_t kernel_unmap_frames(uint64_t virt, uint64_t bytes, bool may_be_sealed);

/* As paging_each_dirty. `visit` runs with interrupts off, for at most 2 MiB without a break. */
void kernel_map_each_dirty(uint64_t virt, uint64_t bytes, bool clear, paging_visit visit,
                           void *visit_self);

/* As paging_exchange and paging_set_access. */
void kernel_map_exchange(uint64_t virt, uint64_t *entries, uint64_t count);
void kernel_map_set_access(uint64_t virt, uint64_t count, enum paging_access access);

/* Makes frame-backed pages read-execute, after their aliases in the direct map have become
 * read-only. All or nothing. */
ALKA_MUST_CHECK alka_status kernel_map_seal(uint64_t virt, uint64_t bytes);

/* True if the bytes can be read without a fault. For dumps: takes no lock. */
bool kernel_map_readable(uint64_t virt, size_t bytes);

#endif
