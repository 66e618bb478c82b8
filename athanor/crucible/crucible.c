/*
 * The Crucible on frames and page tables. In: requests of Alkahest's libraries.
 * Out: pages, memory slots in the lower half, code space behind the kernel
 * image. It must never leave a page writable and executable, in the direct map
 * either: sealing makes the alias read-only before the code becomes executable,
 * and releasing turns that around.
 */
#include "crucible/crucible.h"
#include "cpu/lock.h"
#include "mm/aslr.h"
#include "mm/frames.h"
#include "mm/kernel_map.h"
#include "mm/layout.h"
#include "mm/memory.h"

#define CRUCIBLE_CODE_GAP_BYTES (UINT64_C(2) << 20) /* unmapped, between the kernel and modules */

static struct vrange crucible_slots, crucible_code;
static struct lock crucible_lock;
static struct crucible_stats crucible_used;
static struct {
    void (*tell)(void);
    bool is_told;
} crucible_scarce;

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written, by a builtin */
static void crucible_count(uint64_t *what, uint64_t bytes, bool more) {
    __atomic_fetch_add(what, more ? bytes : -bytes, __ATOMIC_RELAXED);
}

static alka_status crucible_take_space(struct vrange *range, uint64_t bytes, uint64_t *out_base) {
    uint64_t flags = lock_take(&crucible_lock);
    bool taken = bytes > 0 && vrange_take(range, bytes, ALKA_PAGE_BYTES, out_base);
    lock_release(&crucible_lock, flags);
    return taken ? ALKA_OK : ALKA_E_OUT_OF_MEMORY;
}

static void crucible_give_space(struct vrange *range, uint64_t base) {
    uint64_t flags = lock_take(&crucible_lock);
    vrange_give(range, base);
    lock_release(&crucible_lock, flags);
}

static alka_status crucible_pages_map(void *self, size_t bytes, void **out_base) {
    (void)self;
    ALKA_TRY(memory_map_pages(bytes, out_base));
    crucible_count(&crucible_used.page_bytes, bytes, true);
    return ALKA_OK;
}

static void crucible_pages_unmap(void *self, void *base, size_t bytes) {
    (void)self;
    memory_unmap_pages(base, bytes);
    crucible_count(&crucible_used.page_bytes, bytes, false);
}

void crucible_watch(void (*scarce)(void)) { crucible_scarce.tell = scarce; }

static void crucible_look_at_frames(void) {
    struct buddy_stats frames;
    frames_stats(&frames);
    uint64_t few = frames.total_frames / CRUCIBLE_SCARCE_SHARE;
    bool was_told = crucible_scarce.is_told;
    crucible_scarce.is_told = frames.free_frames < (was_told ? 2 * few : few);
    if (crucible_scarce.is_told && !was_told && crucible_scarce.tell != NULL) {
        crucible_scarce.tell();
    }
}

static alka_status crucible_slot_reserve(void *self, size_t context_bytes, uint64_t commit_bytes,
                                         uint64_t reserve_bytes, struct alka_host_addr *out_base) {
    (void)self;
    uint64_t space, bytes, mapped_bytes = context_bytes + commit_bytes;
    if (__builtin_add_overflow(context_bytes, reserve_bytes, &bytes) ||
        commit_bytes > reserve_bytes) {
        return ALKA_E_OUT_OF_MEMORY;
    }
    ALKA_TRY(crucible_take_space(&crucible_slots, bytes, &space));
    alka_status status = kernel_map_frames(space, mapped_bytes);
    if (status == ALKA_OK) {
        crucible_count(&crucible_used.slot_bytes, mapped_bytes, true);
        out_base->value = space + context_bytes;
    } else {
        crucible_give_space(&crucible_slots, space);
    }
    crucible_look_at_frames();
    return status;
}

static alka_status crucible_slot_commit(void *self, struct alka_host_addr base, uint64_t from_bytes,
                                        uint64_t to_bytes) {
    (void)self;
    alka_status status = kernel_map_frames(base.value + from_bytes, to_bytes - from_bytes);
    if (status == ALKA_OK) {
        crucible_count(&crucible_used.slot_bytes, to_bytes - from_bytes, true);
    }
    crucible_look_at_frames();
    return status;
}

void crucible_slot_decommit(struct alka_host_addr base, uint64_t from_bytes, uint64_t to_bytes) {
    uint64_t freed = kernel_unmap_frames(base.value + from_bytes, to_bytes - from_bytes, false);
    crucible_count(&crucible_used.slot_bytes, freed, false);
}

static void crucible_slot_release(void *self, struct alka_host_addr base, size_t context_bytes,
                                  uint64_t committed_bytes, uint64_t reserve_bytes) {
    (void)self;
    (void)committed_bytes; /* the page tables know */
    uint64_t space = base.value - context_bytes;
    uint64_t freed = kernel_unmap_frames(space, context_bytes + reserve_bytes, false);
    crucible_count(&crucible_used.slot_bytes, freed, false);
    crucible_give_space(&crucible_slots, space);
}

static alka_status crucible_code_reserve(void *self, size_t reserve_bytes, void **out_base) {
    (void)self;
    uint64_t base;
    ALKA_TRY(crucible_take_space(&crucible_code, reserve_bytes, &base));
    *out_base = (void *)base;
    return ALKA_OK;
}

static alka_status crucible_code_commit(void *self, void *base, size_t from_bytes,
                                        size_t to_bytes) {
    (void)self;
    ALKA_TRY(kernel_map_code_frames((uint64_t)base + from_bytes, to_bytes - from_bytes));
    crucible_count(&crucible_used.code_bytes, to_bytes - from_bytes, true);
    return ALKA_OK;
}

static alka_status crucible_code_seal(void *self, void *base, size_t used_bytes,
                                      size_t reserve_bytes) {
    (void)self;
    uint64_t kept = (used_bytes + ALKA_PAGE_BYTES - 1) & ~(uint64_t)(ALKA_PAGE_BYTES - 1);
    ALKA_TRY(kernel_map_seal((uint64_t)base, kept));
    if (kept == reserve_bytes) {
        return ALKA_OK;
    }
    uint64_t freed = kernel_unmap_frames((uint64_t)base + kept, reserve_bytes - kept, false);
    crucible_count(&crucible_used.code_bytes, freed, false);
    uint64_t flags = lock_take(&crucible_lock);
    /* Without memory for the books the address space stays with the code, until
     * that is released.
     */
    (void)vrange_trim(&crucible_code, (uint64_t)base, kept);
    lock_release(&crucible_lock, flags);
    return ALKA_OK;
}

static void crucible_code_release(void *self, void *base, size_t bytes) {
    (void)self;
    uint64_t freed = kernel_unmap_frames((uint64_t)base, bytes, true);
    crucible_count(&crucible_used.code_bytes, freed, false);
    crucible_give_space(&crucible_code, (uint64_t)base);
}

const struct alka_crucible crucible = {
    .pages_map = crucible_pages_map,
    .pages_unmap = crucible_pages_unmap,
    .slot_reserve = crucible_slot_reserve,
    .slot_commit = crucible_slot_commit,
    .slot_release = crucible_slot_release,
    .code_reserve = crucible_code_reserve,
    .code_commit = crucible_code_commit,
    .code_seal = crucible_code_seal,
    .code_release = crucible_code_release,
    .wait = crucible_wait,
    .notify = crucible_notify,
    .event = crucible_event,
};

void crucible_start(void) {
    uint64_t kernel = ((uint64_t)kernel_end + PAGING_LARGE_BYTES - 1) & ~(PAGING_LARGE_BYTES - 1);
    uint64_t slots = (LAYOUT_SLOTS_END - LAYOUT_SLOTS) / 2 & ~(uint64_t)(ALKA_PAGE_BYTES - 1);
    memory_vrange_start(&crucible_slots, LAYOUT_SLOTS + aslr_offset(slots, ALKA_PAGE_BYTES),
                        LAYOUT_SLOTS_END);
    uint64_t code = kernel + CRUCIBLE_CODE_GAP_BYTES;
    uint64_t below = (LAYOUT_CODE_END - code) / 2 & ~(PAGING_PAGE_BYTES - 1);
    memory_vrange_start(&crucible_code, code + aslr_offset(below, PAGING_PAGE_BYTES),
                        LAYOUT_CODE_END);
}

void crucible_stats(struct crucible_stats *out) {
    *out = crucible_used;
    out->slot_space_bytes = crucible_slots.used_bytes;
    out->code_space_bytes = crucible_code.used_bytes;
}
