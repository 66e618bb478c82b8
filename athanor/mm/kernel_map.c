/*
 * The kernel's address space. In: the memory map, then requests for mappings. Out: page tables that
 * the processor uses. It must never give a frame two writable homes one of which is executable, and
 * never hand out a frame that is still mapped.
 */
#include "mm/kernel_map.h"
#include "cpu/cpu.h"
#include "cpu/lock.h"
#include "cpu/x86.h"
#include "mm/code_frames.h"
#include "mm/frames.h"
#include "mm/layout.h"
#include "trap/panic.h"
#include <string.h>

static bool map_take_early(void *self, uint64_t *out_phys) {
    if (!memory_map_carve(self, PAGING_PAGE_BYTES, LAYOUT_EARLY_PHYS_END, out_phys)) {
        return false;
    }
    memset(layout_direct(*out_phys), 0, PAGING_PAGE_BYTES);
    return true;
}

static bool map_take_frame(void *self, uint64_t *out_phys) {
    (void)self;
    return frames_take_clean(out_phys);
}

static void map_give_frame(void *self, uint64_t phys) {
    (void)self;
    frames_give_clean(phys);
}

/* Only while the map is built, where nothing is unmapped that had a table. */
static void map_give_early(void *self, uint64_t phys) {
    (void)self;
    (void)phys;
}

static void map_flush(void *self, uint64_t virt) {
    (void)self;
    x86_invalidate_page(virt);
}

static struct paging map_paging = {
    .direct_base = LAYOUT_DIRECT,
    .take_table = map_take_early,
    .give_table = map_give_early,
    .flush = map_flush,
};
static struct lock map_lock;

void kernel_map_use_frames(void) {
    map_paging.take_table = map_take_frame;
    map_paging.give_table = map_give_frame;
    map_paging.self = NULL;
}

/* RAM is reached there; registers of devices are not. */
static bool map_is_ram(enum memory_kind kind) {
    return kind == MEMORY_USABLE || kind == MEMORY_KERNEL || kind == MEMORY_MODULE ||
           kind == MEMORY_ACPI;
}

static alka_status map_direct(const struct memory_map *map) {
    for (uint32_t i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        if (!map_is_ram(range->kind) || range->size_bytes == 0 ||
            range->base + range->size_bytes > LAYOUT_DIRECT_BYTES) {
            continue;
        }
        uint32_t flags = PAGING_LARGE;
        flags |= range->kind == MEMORY_USABLE || range->kind == MEMORY_KERNEL ? PAGING_WRITE : 0;
        ALKA_TRY(paging_map(&map_paging, LAYOUT_DIRECT + range->base, range->base,
                            range->size_bytes, flags));
    }
    return ALKA_OK;
}

static alka_status map_image_part(const uint8_t *start, const uint8_t *end, uint32_t flags) {
    uint64_t phys = layout_kernel_phys(start);
    uint64_t bytes = (uint64_t)(end - start);
    if ((flags & PAGING_WRITE) == 0) {
        ALKA_TRY(paging_protect(&map_paging, LAYOUT_DIRECT + phys, bytes, 0));
    }
    return paging_map(&map_paging, (uint64_t)start, phys, bytes, flags);
}

static alka_status map_image(void) {
    ALKA_TRY(map_image_part(kernel_text_start, kernel_text_end, PAGING_EXEC));
    ALKA_TRY(map_image_part(kernel_text_end, kernel_rodata_end, 0));
    return map_image_part(kernel_rodata_end, kernel_end, PAGING_WRITE);
}

static void map_guard_stacks(void) {
    for (uint32_t i = 0; i < CPU_IST_STACKS; i++) {
        paging_unmap(&map_paging, (uint64_t)cpu_boot.ist[i].guard, CPU_GUARD_BYTES, NULL, NULL);
    }
}

alka_status kernel_map_start(struct memory_map *map) {
    /* Tables are carved from `map` from here on; what is cut off is still RAM, and must be in the
     * direct map. */
    static struct memory_map whole;
    whole = *map;
    map_paging.self = map;
    ALKA_TRY(paging_start(&map_paging));
    ALKA_TRY(map_direct(&whole));
    ALKA_TRY(map_image());
    map_guard_stacks();
    x86_write_cr3(map_paging.root_phys);
    return ALKA_OK;
}

alka_status kernel_map(uint64_t virt, uint64_t phys, uint64_t bytes, uint32_t flags) {
    uint64_t saved = lock_take(&map_lock);
    alka_status status = paging_map(&map_paging, virt, phys, bytes, flags);
    lock_release(&map_lock, saved);
    return status;
}

alka_status kernel_map_protect(uint64_t virt, uint64_t bytes, uint32_t flags) {
    uint64_t saved = lock_take(&map_lock);
    alka_status status = paging_protect(&map_paging, virt, bytes, flags);
    lock_release(&map_lock, saved);
    return status;
}

bool kernel_map_query(uint64_t virt, struct paging_mapping *out) {
    uint64_t saved = lock_take(&map_lock);
    bool mapped = paging_query(&map_paging, virt, out);
    lock_release(&map_lock, saved);
    return mapped;
}

void kernel_unmap(uint64_t virt, uint64_t bytes) {
    uint64_t saved = lock_take(&map_lock);
    paging_unmap(&map_paging, virt, bytes, NULL, NULL);
    lock_release(&map_lock, saved);
}

/* `self`: the running count of bytes. */
static void map_give_unmapped(void *self, uint64_t phys, uint64_t bytes) {
    *(uint64_t *)self += bytes;
    if (bytes == PAGING_PAGE_BYTES) {
        code_frames_give(phys);
    } else {
        frames_give(phys, buddy_order(bytes / PAGING_PAGE_BYTES));
    }
}

/* Changing a page back needs no memory (paging.h), so this fails only when the tables are not what
 * we made them. */
static void map_unseal_alias(uint64_t phys, uint64_t bytes) {
    if (paging_protect(&map_paging, LAYOUT_DIRECT + phys, bytes, PAGING_WRITE) != ALKA_OK) {
        panic("the direct map has lost the page at 0x%lx", phys);
    }
}

static void map_give_sealed(void *self, uint64_t phys, uint64_t bytes) {
    map_unseal_alias(phys, bytes);
    map_give_unmapped(self, phys, bytes);
}

uint64_t kernel_unmap_frames(uint64_t virt, uint64_t bytes, bool may_be_sealed) {
    uint64_t given = 0;
    uint64_t saved = lock_take(&map_lock);
    paging_unmap(&map_paging, virt, bytes, may_be_sealed ? map_give_sealed : map_give_unmapped,
                 &given);
    lock_release(&map_lock, saved);
    return given;
}

/* Up to MAP_RUN pages in one turn of the lock. */
enum { MAP_RUN = 16 };

static alka_status map_run(uint64_t virt, uint64_t pages, bool (*take)(uint64_t *out_phys)) {
    uint64_t frames[MAP_RUN], taken = 0;
    while (taken < pages && take(&frames[taken])) {
        taken++;
    }
    alka_status status = ALKA_E_OUT_OF_MEMORY;
    if (taken == pages) {
        uint64_t saved = lock_take(&map_lock);
        status = paging_map_frames(&map_paging, virt, frames, pages, PAGING_WRITE);
        lock_release(&map_lock, saved);
    }
    while (status != ALKA_OK && taken > 0) {
        code_frames_give(frames[--taken]);
    }
    return status;
}

static alka_status map_frames(uint64_t virt, uint64_t bytes, bool (*take)(uint64_t *out_phys)) {
    struct buddy_stats stats;
    frames_stats(&stats);
    if (bytes / PAGING_PAGE_BYTES > stats.free_frames) {
        return ALKA_E_OUT_OF_MEMORY; /* at once, not after clearing all there is */
    }
    for (uint64_t done = 0; done < bytes;) {
        uint64_t pages = (bytes - done) / PAGING_PAGE_BYTES;
        pages = pages < MAP_RUN ? pages : MAP_RUN;
        alka_status status = map_run(virt + done, pages, take);
        if (status != ALKA_OK) {
            kernel_unmap_frames(virt, done, false);
            return status;
        }
        done += pages * PAGING_PAGE_BYTES;
    }
    return ALKA_OK;
}

alka_status kernel_map_frames(uint64_t virt, uint64_t bytes) {
    return map_frames(virt, bytes, frames_take_clean);
}

alka_status kernel_map_code_frames(uint64_t virt, uint64_t bytes) {
    return map_frames(virt, bytes, code_frames_take);
}

void kernel_map_each_dirty(uint64_t virt, uint64_t bytes, bool clear, paging_visit visit,
                           void *visit_self) {
    while (bytes > 0) {
        uint64_t part = PAGING_LARGE_BYTES - virt % PAGING_LARGE_BYTES;
        part = part < bytes ? part : bytes;
        uint64_t saved = lock_take(&map_lock);
        paging_each_dirty(&map_paging, virt, part, clear, visit, visit_self);
        lock_release(&map_lock, saved);
        virt += part;
        bytes -= part;
    }
}

void kernel_map_exchange(uint64_t virt, uint64_t *entries, uint64_t count) {
    uint64_t saved = lock_take(&map_lock);
    paging_exchange(&map_paging, virt, entries, count);
    lock_release(&map_lock, saved);
}

void kernel_map_set_access(uint64_t virt, uint64_t count, enum paging_access access) {
    uint64_t saved = lock_take(&map_lock);
    paging_set_access(&map_paging, virt, count, access);
    lock_release(&map_lock, saved);
}

/* The frame behind a page of a range that kernel_map_frames made. */
static uint64_t map_frame_at(uint64_t virt) {
    struct paging_mapping mapping;
    if (!paging_query(&map_paging, virt, &mapping)) {
        panic("nothing is mapped at 0x%lx, which is to be sealed", virt);
    }
    return mapping.phys;
}

static alka_status map_seal(uint64_t virt, uint64_t bytes) {
    for (uint64_t done = 0; done < bytes; done += PAGING_PAGE_BYTES) {
        ALKA_TRY(paging_protect(&map_paging, LAYOUT_DIRECT + map_frame_at(virt + done),
                                PAGING_PAGE_BYTES, 0));
    }
    return paging_protect(&map_paging, virt, bytes, PAGING_EXEC);
}

alka_status kernel_map_seal(uint64_t virt, uint64_t bytes) {
    uint64_t saved = lock_take(&map_lock);
    alka_status status = map_seal(virt, bytes);
    if (status != ALKA_OK) {
        for (uint64_t done = 0; done < bytes; done += PAGING_PAGE_BYTES) {
            map_unseal_alias(map_frame_at(virt + done), PAGING_PAGE_BYTES);
        }
    }
    lock_release(&map_lock, saved);
    return status;
}

/* Bits 47–63 are all equal. */
static bool map_canonical(uint64_t virt) { return virt >> 47 == 0 || virt >> 47 == 0x1FFFF; }

bool kernel_map_readable(uint64_t virt, size_t bytes) {
    struct paging_mapping mapping;
    uint64_t last = virt + bytes - 1;
    if (bytes == 0 || last < virt || !map_canonical(virt)) {
        return false;
    }
    if (map_paging.root_phys == 0) { /* the provisional tables: at least the image is there */
        return virt >= (uint64_t)kernel_text_start && last < (uint64_t)kernel_end;
    }
    for (uint64_t page = virt & ~(PAGING_PAGE_BYTES - 1); page <= last; page += PAGING_PAGE_BYTES) {
        if (!paging_query(&map_paging, page, &mapping) || (mapping.flags & PAGING_UNCACHED) != 0) {
            return false;
        }
    }
    return true;
}
