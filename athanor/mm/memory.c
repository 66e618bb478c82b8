/*
 * The kernel heap on frames, and the region for mapped pages. In: sizes. Out: memory or a status.
 * Memory that runs out is the problem of who asked.
 */
#include "mm/memory.h"
#include "cpu/lock.h"
#include "mm/frames.h"
#include "mm/kernel_map.h"
#include "mm/layout.h"
#include "trap/panic.h"

static struct heap memory_heap;
static struct lock memory_heap_lock;

static struct vrange memory_pages;
static struct lock memory_pages_lock;

static void *memory_take_frames(void *self, uint32_t order) {
    (void)self;
    uint64_t phys;
    return frames_take(order, &phys) ? layout_direct(phys) : NULL;
}

static void memory_give_frames(void *self, void *pages, uint32_t order) {
    (void)self;
    frames_give((uint64_t)pages - LAYOUT_DIRECT, order);
}

void *memory_take(size_t bytes) {
    uint64_t flags = lock_take(&memory_heap_lock);
    void *block = heap_take(&memory_heap, bytes);
    lock_release(&memory_heap_lock, flags);
    return block;
}

void memory_give(void *block, size_t bytes) {
    uint64_t flags = lock_take(&memory_heap_lock);
    heap_give(&memory_heap, block, bytes);
    lock_release(&memory_heap_lock, flags);
}

void memory_stats(struct heap_stats *out) {
    uint64_t flags = lock_take(&memory_heap_lock);
    *out = memory_heap.stats;
    lock_release(&memory_heap_lock, flags);
}

void memory_class_stats(uint32_t class_idx, struct heap_class_stats *out) {
    uint64_t flags = lock_take(&memory_heap_lock);
    heap_class_stats(&memory_heap, class_idx, out);
    lock_release(&memory_heap_lock, flags);
}

static void memory_damaged(const void *block, size_t bytes, size_t offset) {
    panic("the block of %lu bytes at 0x%lx was written to after it was given back: 0x%lx at offset "
          "0x%lx",
          bytes, (uint64_t)block, *(const uint64_t *)((const uint8_t *)block + offset), offset);
}

void memory_poison(void) { memory_heap.damaged = memory_damaged; }

static struct vrange_extent *memory_take_extent(void *self) {
    (void)self;
    return memory_take(sizeof(struct vrange_extent));
}

static void memory_give_extent(void *self, struct vrange_extent *extent) {
    (void)self;
    memory_give(extent, sizeof *extent);
}

void memory_vrange_start(struct vrange *range, uint64_t base, uint64_t end) {
    static const struct vrange_source source = {.take = memory_take_extent,
                                                .give = memory_give_extent};
    vrange_start(range, base, end, &source);
}

void memory_start(void) {
    static const struct heap_source source = {.take = memory_take_frames,
                                              .give = memory_give_frames};
    heap_start(&memory_heap, &source);
    memory_vrange_start(&memory_pages, LAYOUT_PAGES, LAYOUT_PAGES_END);
}

static alka_status memory_take_space(uint64_t bytes, uint64_t *out_base) {
    uint64_t flags = lock_take(&memory_pages_lock);
    bool taken = bytes < LAYOUT_PAGES_END - LAYOUT_PAGES &&
                 vrange_take(&memory_pages, bytes + PAGING_PAGE_BYTES, PAGING_PAGE_BYTES, out_base);
    lock_release(&memory_pages_lock, flags);
    return taken ? ALKA_OK : ALKA_E_OUT_OF_MEMORY;
}

static void memory_give_space(uint64_t base) {
    uint64_t flags = lock_take(&memory_pages_lock);
    vrange_give(&memory_pages, base);
    lock_release(&memory_pages_lock, flags);
}

alka_status memory_map_pages(size_t bytes, void **out_base) {
    uint64_t base;
    ALKA_TRY(memory_take_space(bytes, &base));
    alka_status status = kernel_map_frames(base, bytes);
    if (status != ALKA_OK) {
        memory_give_space(base);
        return status;
    }
    *out_base = (void *)base;
    return ALKA_OK;
}

void memory_unmap_pages(void *base, size_t bytes) {
    kernel_unmap_frames((uint64_t)base, bytes, false);
    memory_give_space((uint64_t)base);
}

static uint64_t memory_phys_bytes(uint64_t phys, uint64_t bytes) {
    uint64_t in_page = phys % PAGING_PAGE_BYTES;
    return (in_page + bytes + PAGING_PAGE_BYTES - 1) & ~(PAGING_PAGE_BYTES - 1);
}

alka_status memory_map_phys(uint64_t phys, uint64_t bytes, uint32_t flags, void **out_base) {
    if (bytes == 0 || phys >= MEMORY_PHYS_LIMIT || bytes > MEMORY_PHYS_LIMIT - phys) {
        return ALKA_E_INTERNAL;
    }
    uint64_t whole = memory_phys_bytes(phys, bytes);
    uint64_t base;
    ALKA_TRY(memory_take_space(whole, &base));
    alka_status status = kernel_map(base, phys & ~(PAGING_PAGE_BYTES - 1), whole, flags);
    if (status != ALKA_OK) {
        memory_give_space(base);
        return status;
    }
    *out_base = (void *)(base + phys % PAGING_PAGE_BYTES);
    return ALKA_OK;
}

void memory_unmap_phys(void *base, uint64_t bytes) {
    uint64_t virt = (uint64_t)base;
    kernel_unmap(virt & ~(PAGING_PAGE_BYTES - 1), memory_phys_bytes(virt, bytes));
    memory_give_space(virt & ~(PAGING_PAGE_BYTES - 1));
}

uint64_t memory_mapped_bytes(void) { return memory_pages.used_bytes; }
