/*
 * Room: host. The Crucible on mmap. Comes in: sizes. Goes out: pages, slots, code space. Must never
 * have a page writable and executable, and never hand out memory that Linux has not really granted
 * as address space.
 */
#include "host.h"

#include <string.h>
#include <sys/mman.h>

enum {
    /* Where to look for code space near the library: that many places, this far apart. */
    CRUCIBLE_NEAR_TRIES = 32,
    CRUCIBLE_NEAR_STEP_LOG2 = 26,
    /* Page faults are a tenth of the price of compiling: from here on huge pages are worth it. */
    CRUCIBLE_HUGE_BYTES = 2 << 20,
    /* Contexts of spare slots are cleared, which page faults would not beat up to here; */
    CRUCIBLE_SPARE_CONTEXT_MOST = 16 * (int)ALKA_PAGE_BYTES,
    /* so is the beginning of their memory; */
    CRUCIBLE_SPARE_WRITTEN_MOST = 64 << 10,
    /* and so much of it stays mapped. */
    CRUCIBLE_SPARE_OPEN_MOST = 16 << 20,
};

/* A wish, no more: where there are none, small pages do. */
static void crucible_prefer_huge(void *base, uint64_t bytes) {
    if (bytes >= CRUCIBLE_HUGE_BYTES)
        (void)madvise(base, bytes, MADV_HUGEPAGE);
}

static void *crucible_mmap(void *near, uint64_t bytes, int protection) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *base = mmap(near, bytes, protection, flags | (near ? MAP_FIXED_NOREPLACE : 0), -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

static alka_status crucible_allow(uint64_t base, uint64_t bytes, int protection) {
    if (bytes == 0)
        return ALKA_OK;
    return mprotect((void *)base, bytes, protection) == 0 ? ALKA_OK : ALKA_E_OUT_OF_MEMORY;
}

static alka_status crucible_pages_map(void *self, size_t bytes, void **out_base) {
    (void)self;
    void *base = crucible_mmap(NULL, bytes, PROT_READ | PROT_WRITE);
    if (!base)
        return ALKA_E_OUT_OF_MEMORY;
    crucible_prefer_huge(base, bytes);
    *out_base = base;
    return ALKA_OK;
}

static void crucible_pages_unmap(void *self, void *base, size_t bytes) {
    (void)self;
    munmap(base, bytes);
}

/* --- Slots. To Linux, making one anew, or only asking for other protections, is more work than all
 * the rest of an instantiation is to us. So what was released is kept as it is mapped, but zero
 * again. --- */

/* The spare slot of that shape that most likely needs no other protections. */
static struct host_slot *crucible_find_spare(struct alka_engine *engine, size_t context_bytes,
                                             uint64_t commit_bytes, uint64_t reserve_bytes) {
    struct host_slot *found = NULL;
    for (unsigned i = 0; i < HOST_SPARE_SLOTS; i++) {
        struct host_slot *slot = &engine->spare_slots[i];
        if (slot->low && slot->context_bytes == context_bytes &&
            slot->reserve_bytes == reserve_bytes && (!found || slot->open_bytes == commit_bytes))
            found = slot;
    }
    return found;
}

/* Exactly the first `commit_bytes` behind the context can be accessed from now on. */
static alka_status crucible_open_spare(const struct host_slot *slot, uint64_t commit_bytes) {
    uint64_t base = slot->low + slot->context_bytes, open_bytes = slot->open_bytes;
    if (open_bytes > commit_bytes)
        return crucible_allow(base + commit_bytes, open_bytes - commit_bytes, PROT_NONE);
    return crucible_allow(base + open_bytes, commit_bytes - open_bytes, PROT_READ | PROT_WRITE);
}

static void crucible_unmap_slot(const struct host_slot *slot) {
    munmap((void *)slot->low, slot->context_bytes + slot->reserve_bytes);
}

/* False: there is none, or Linux refuses. */
static bool crucible_take_spare(struct alka_engine *engine, size_t context_bytes,
                                uint64_t commit_bytes, uint64_t reserve_bytes, uint64_t *out_low) {
    struct host_slot *slot =
        crucible_find_spare(engine, context_bytes, commit_bytes, reserve_bytes);
    if (!slot)
        return false;
    const struct host_slot taken = *slot;
    slot->low = 0;
    if (crucible_open_spare(&taken, commit_bytes) != ALKA_OK) {
        crucible_unmap_slot(&taken);
        return false;
    }
    *out_low = taken.low;
    return true;
}

/* The committed part of a slot's space becomes zero: by writing where it is small, else by taking
 * the pages away. What a spare slot is too small to keep open is closed. */
static bool crucible_clear(struct host_slot *slot, uint64_t committed_bytes) {
    uint64_t base = slot->low + slot->context_bytes;
    uint64_t written = committed_bytes < CRUCIBLE_SPARE_WRITTEN_MOST ? committed_bytes
                                                                     : CRUCIBLE_SPARE_WRITTEN_MOST;
    slot->open_bytes =
        committed_bytes < CRUCIBLE_SPARE_OPEN_MOST ? committed_bytes : CRUCIBLE_SPARE_OPEN_MOST;
    if (committed_bytes > written &&
        madvise((void *)(base + written), committed_bytes - written, MADV_DONTNEED) != 0)
        return false;
    if (crucible_allow(base + slot->open_bytes, committed_bytes - slot->open_bytes, PROT_NONE) !=
        ALKA_OK)
        return false;
    memset((void *)slot->low, 0, slot->context_bytes + written);
    return true;
}

/* Keeps a slot if there is a place for it, and it can be made as good as new at little cost. */
static bool crucible_keep_spare(struct alka_engine *engine, struct host_slot released,
                                uint64_t committed_bytes) {
    if (!released.context_bytes || released.context_bytes > CRUCIBLE_SPARE_CONTEXT_MOST)
        return false;
    struct host_slot *slot = engine->spare_slots;
    while (slot < engine->spare_slots + HOST_SPARE_SLOTS && slot->low)
        slot++;
    if (slot == engine->spare_slots + HOST_SPARE_SLOTS ||
        !crucible_clear(&released, committed_bytes))
        return false;
    *slot = released;
    return true;
}

static alka_status crucible_make_slot(size_t context_bytes, uint64_t commit_bytes,
                                      uint64_t reserve_bytes, uint64_t *out_low) {
    uint64_t bytes = context_bytes + reserve_bytes;
    uint64_t low = (uint64_t)crucible_mmap(NULL, bytes, PROT_NONE);
    if (!low)
        return ALKA_E_OUT_OF_MEMORY;
    if (crucible_allow(low, context_bytes + commit_bytes, PROT_READ | PROT_WRITE) != ALKA_OK) {
        munmap((void *)low, bytes);
        return ALKA_E_OUT_OF_MEMORY;
    }
    *out_low = low;
    return ALKA_OK;
}

static alka_status crucible_slot_reserve(void *self, size_t context_bytes, uint64_t commit_bytes,
                                         uint64_t reserve_bytes, struct alka_host_addr *out_base) {
    uint64_t low;
    if (!crucible_take_spare(self, context_bytes, commit_bytes, reserve_bytes, &low))
        ALKA_TRY(crucible_make_slot(context_bytes, commit_bytes, reserve_bytes, &low));
    out_base->value = low + context_bytes;
    return ALKA_OK;
}

static alka_status crucible_slot_commit(void *self, struct alka_host_addr base, uint64_t from_bytes,
                                        uint64_t to_bytes) {
    (void)self;
    return crucible_allow(base.value + from_bytes, to_bytes - from_bytes, PROT_READ | PROT_WRITE);
}

static void crucible_slot_release(void *self, struct alka_host_addr base, size_t context_bytes,
                                  uint64_t committed_bytes, uint64_t reserve_bytes) {
    struct host_slot slot = {base.value - context_bytes, context_bytes, 0, reserve_bytes};
    if (!crucible_keep_spare(self, slot, committed_bytes))
        crucible_unmap_slot(&slot);
}

void host_slots_drop(struct alka_engine *engine) {
    for (unsigned i = 0; i < HOST_SPARE_SLOTS; i++) {
        struct host_slot *slot = &engine->spare_slots[i];
        if (slot->low)
            crucible_unmap_slot(slot);
        slot->low = 0;
    }
}

/* --- Code. --- */

/* Anywhere will do, since thunks hold whole addresses; near the library is kinder to debuggers and
 * branch predictors. */
static alka_status crucible_code_reserve(void *self, size_t reserve_bytes, void **out_base) {
    (void)self;
    uint64_t step = UINT64_C(1) << CRUCIBLE_NEAR_STEP_LOG2;
    uint64_t home = (uint64_t)crucible_code_reserve & ~(step - 1);
    for (uint64_t i = 1; i <= CRUCIBLE_NEAR_TRIES; i++) {
        void *base = home > i * step + reserve_bytes
                         ? crucible_mmap((void *)(home - i * step), reserve_bytes, PROT_NONE)
                         : NULL;
        if (base) {
            *out_base = base;
            return ALKA_OK;
        }
    }
    *out_base = crucible_mmap(NULL, reserve_bytes, PROT_NONE);
    return *out_base ? ALKA_OK : ALKA_E_OUT_OF_MEMORY;
}

static alka_status crucible_code_commit(void *self, void *base, size_t from_bytes,
                                        size_t to_bytes) {
    (void)self;
    ALKA_TRY(
        crucible_allow((uint64_t)base + from_bytes, to_bytes - from_bytes, PROT_READ | PROT_WRITE));
    crucible_prefer_huge(base, to_bytes);
    return ALKA_OK;
}

static alka_status crucible_code_seal(void *self, void *base, size_t used_bytes,
                                      size_t reserve_bytes) {
    (void)self;
    size_t kept = (used_bytes + ALKA_PAGE_BYTES - 1) & ~(size_t)(ALKA_PAGE_BYTES - 1);
    ALKA_TRY(crucible_allow((uint64_t)base, kept, PROT_READ | PROT_EXEC));
    if (kept < reserve_bytes)
        munmap((uint8_t *)base + kept, reserve_bytes - kept);
    return ALKA_OK;
}

static void crucible_code_release(void *self, void *base, size_t bytes) {
    (void)self;
    munmap(base, bytes);
}

static void crucible_event(void *self, const struct alka_event *event) {
    const struct alka_engine *engine = self;
    if (engine->options.event)
        engine->options.event(engine->options.event_self, event);
}

void host_crucible_init(struct alka_crucible *crucible, struct alka_engine *engine) {
    *crucible = (struct alka_crucible){
        .self = engine,
        .pages_map = crucible_pages_map,
        .pages_unmap = crucible_pages_unmap,
        .slot_reserve = crucible_slot_reserve,
        .slot_commit = crucible_slot_commit,
        .slot_release = crucible_slot_release,
        .code_reserve = crucible_code_reserve,
        .code_commit = crucible_code_commit,
        .code_seal = crucible_code_seal,
        .code_release = crucible_code_release,
        .wait = host_wait,
        .notify = host_notify,
        .event = crucible_event,
    };
}
