/*
 * Room: modules. Linear memories: committed pages in reserved address space, and the views that
 * instances have of them. Comes in: limits, sizes that a module asks for. Goes out: memory that
 * grows in place. Must never commit past what was declared, what the instance may have, or what
 * was reserved; never move.
 */
#include "private.h"

/* --- Several threads ---------------------------------------------------------------------------*/

enum { MEMORY_FREE, MEMORY_HELD, MEMORY_CONTENDED };

/* A mutex on the Crucible's wait and notify (Drepper, "Futexes Are Tricky", mutex 2). */
static void memory_lock(struct alka_memory *memory) {
    if (!memory->is_shared)
        return;
    const struct alka_crucible *crucible = memory->crucible;
    uint32_t seen = MEMORY_FREE;
    if (__atomic_compare_exchange_n(&memory->lock, &seen, MEMORY_HELD, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&memory->lock, MEMORY_CONTENDED, __ATOMIC_ACQUIRE) != MEMORY_FREE)
        if (crucible->wait)
            (void)crucible->wait(crucible->self, &memory->lock, sizeof memory->lock,
                                 MEMORY_CONTENDED, -1);
}

static void memory_unlock(struct alka_memory *memory) {
    if (!memory->is_shared)
        return;
    const struct alka_crucible *crucible = memory->crucible;
    uint32_t was = __atomic_exchange_n(&memory->lock, MEMORY_FREE, __ATOMIC_RELEASE);
    if (was == MEMORY_CONTENDED && crucible->notify)
        (void)crucible->notify(crucible->self, &memory->lock, 1);
}

/* Module code of other threads reads it meanwhile. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes through it */
static void memory_tell(uint64_t *place, uint64_t value) {
    __atomic_store_n(place, value, __ATOMIC_RELEASE);
}

/* --- Size --------------------------------------------------------------------------------------*/

static uint64_t memory_power_of_two(uint64_t bytes) {
    uint64_t power = ALKA_WASM_PAGE_BYTES;
    while (power < bytes)
        power *= 2;
    return power;
}

/* Masked indices reach up to the next power of two, and an access may cross that by its width. */
static uint64_t memory_commit_bytes(const struct alka_memory *memory, uint64_t pages) {
    uint64_t bytes = pages * ALKA_WASM_PAGE_BYTES;
    return memory->is_wrapped ? memory_power_of_two(bytes) + ALKA_PAGE_BYTES : bytes;
}

static alka_status memory_commit(struct alka_memory *memory, uint64_t pages) {
    uint64_t bytes = memory_commit_bytes(memory, pages);
    if (bytes <= memory->committed_bytes)
        return ALKA_OK;
    if (bytes > memory->reserve_bytes)
        return ALKA_E_OUT_OF_MEMORY;
    const struct alka_crucible *crucible = memory->crucible;
    ALKA_TRY(crucible->slot_commit(crucible->self, memory->base, memory->committed_bytes, bytes));
    memory->committed_bytes = bytes;
    return ALKA_OK;
}

static void memory_show(const struct alka_memory *memory, struct alka_use *use) {
    uint64_t bytes = memory->pages * ALKA_WASM_PAGE_BYTES;
    memory_tell(&use->view->base, memory->base.value);
    memory_tell(&use->view->size, bytes);
    struct alka_context *context = use->context;
    if (!context)
        return;
    memory_tell(&context->memory_base, memory->base.value);
    memory_tell(&context->memory_bytes, bytes);
    memory_tell(&context->memory_pages, memory->pages);
    memory_tell(&context->memory_mask, memory_power_of_two(bytes) - 1);
}

void memory_use(struct alka_memory *memory, struct alka_use *use) {
    memory_lock(memory);
    use->next = memory->uses;
    memory->uses = use;
    memory_show(memory, use);
    memory_unlock(memory);
}

void memory_unuse(struct alka_memory *memory, const struct alka_use *use) {
    memory_lock(memory);
    struct alka_use **at = &memory->uses;
    while (*at && *at != use)
        at = &(*at)->next;
    if (*at)
        *at = use->next;
    memory_unlock(memory);
}

uint64_t memory_reserve_bytes(const struct alka_range *range, uint64_t limit_pages) {
    if (!range->is_64)
        return ALKA_SLOT_BYTES;
    uint64_t pages = range->max < limit_pages ? range->max : limit_pages;
    return pages * ALKA_WASM_PAGE_BYTES + ALKA_PAGE_BYTES;
}

/* Pages that it can come to, whatever it declares. */
static uint64_t memory_limit_pages(const struct alka_range *range, uint64_t limit_pages) {
    uint64_t most = range->is_64 ? UINT64_MAX : alka_memory_most_pages(range);
    return limit_pages < most ? limit_pages : most;
}

uint64_t memory_first_bytes(const struct alka_range *range, uint64_t limit_pages) {
    bool fits = range->min <= memory_limit_pages(range, limit_pages);
    return fits ? range->min * ALKA_WASM_PAGE_BYTES : 0;
}

alka_status memory_init(struct alka_memory *memory, const struct alka_crucible *crucible,
                        const struct alka_range *range, uint64_t limit_pages,
                        enum alka_memory_model model, const struct memory_space *space) {
    limit_pages = memory_limit_pages(range, limit_pages);
    *memory = (struct alka_memory){
        .crucible = crucible,
        .base = space->base,
        .max_pages = range->has_max ? range->max : UINT64_MAX,
        .limit_pages = limit_pages,
        .committed_bytes = space->committed_bytes,
        .reserve_bytes = space->reserve_bytes,
        .is_64 = range->is_64,
        .is_shared = range->shared,
        .is_wrapped = model == ALKA_MEMORY_WRAP && !range->is_64,
    };
    if (range->min > limit_pages)
        return ALKA_E_OUT_OF_MEMORY;
    ALKA_TRY(memory_commit(memory, range->min));
    memory->pages = range->min;
    return ALKA_OK;
}

alka_status memory_wrap(struct alka_memory *memory) {
    if (memory->is_wrapped)
        return ALKA_OK;
    memory_lock(memory);
    memory->is_wrapped = true;
    alka_status status = memory_commit(memory, memory->pages);
    memory->is_wrapped = status == ALKA_OK;
    memory_unlock(memory);
    return status;
}

alka_status alka_memory_make(struct alka_memory *memory, const struct alka_crucible *crucible,
                             const struct alka_range *range, uint64_t limit_pages,
                             enum alka_memory_model model) {
    struct memory_space space = {
        .committed_bytes = memory_first_bytes(range, limit_pages),
        .reserve_bytes = memory_reserve_bytes(range, limit_pages),
    };
    ALKA_TRY(crucible->slot_reserve(crucible->self, 0, space.committed_bytes, space.reserve_bytes,
                                    &space.base));
    alka_status status = memory_init(memory, crucible, range, limit_pages, model, &space);
    if (status != ALKA_OK) {
        alka_memory_drop(memory);
        *memory = (struct alka_memory){0};
    }
    return status;
}

void alka_memory_drop(struct alka_memory *memory) {
    memory->crucible->slot_release(memory->crucible->self, memory->base, 0, memory->committed_bytes,
                                   memory->reserve_bytes);
}

static uint64_t memory_grow(struct alka_memory *memory, uint64_t delta_pages) {
    uint64_t old = memory->pages, wanted;
    if (__builtin_add_overflow(old, delta_pages, &wanted) || wanted > memory->max_pages ||
        wanted > memory->limit_pages)
        return UINT64_MAX;
    if (memory_commit(memory, wanted) != ALKA_OK)
        return UINT64_MAX;
    memory_tell(&memory->pages, wanted);
    for (struct alka_use *use = memory->uses; use; use = use->next)
        memory_show(memory, use);
    return old;
}

uint64_t alka_memory_grow(struct alka_memory *memory, uint64_t delta_pages) {
    memory_lock(memory);
    uint64_t old = memory_grow(memory, delta_pages);
    memory_unlock(memory);
    return old;
}

void alka_memory_shrink(struct alka_memory *memory, uint64_t pages, uint64_t committed_bytes) {
    memory->pages = pages;
    memory->committed_bytes = committed_bytes;
    for (struct alka_use *use = memory->uses; use; use = use->next)
        memory_show(memory, use);
}
