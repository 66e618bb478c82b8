/*
 * Room: modules. Linear memories: committed pages in reserved address space, and the views that
 * instances have of them. Comes in: limits, sizes that a module asks for. Goes out: memory that
 * grows in place. Must never commit past what was declared, what the instance may have, or what
 * was reserved; never move.
 */
#include "private.h"

enum { MEMORY_PAGES_MOST = 65536 }; /* of a 32-bit memory */

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
    use->view->base = memory->base.value;
    use->view->size = bytes;
    struct alka_context *context = use->context;
    if (!context)
        return;
    context->memory_base = memory->base.value;
    context->memory_bytes = bytes;
    context->memory_pages = memory->pages;
    context->memory_mask = memory_power_of_two(bytes) - 1;
}

void memory_use(struct alka_memory *memory, struct alka_use *use) {
    use->next = memory->uses;
    memory->uses = use;
    memory_show(memory, use);
}

void memory_unuse(struct alka_memory *memory, const struct alka_use *use) {
    for (struct alka_use **at = &memory->uses; *at; at = &(*at)->next) {
        if (*at == use) {
            *at = use->next;
            return;
        }
    }
}

uint64_t memory_reserve_bytes(const struct alka_range *range, uint64_t limit_pages) {
    if (!range->is_64)
        return ALKA_SLOT_BYTES;
    uint64_t pages = range->max < limit_pages ? range->max : limit_pages;
    return pages * ALKA_WASM_PAGE_BYTES + ALKA_PAGE_BYTES;
}

alka_status memory_init(struct alka_memory *memory, const struct alka_crucible *crucible,
                        const struct alka_range *range, uint64_t limit_pages,
                        enum alka_memory_model model, struct alka_host_addr base,
                        uint64_t reserve_bytes) {
    if (!range->is_64 && limit_pages > MEMORY_PAGES_MOST)
        limit_pages = MEMORY_PAGES_MOST;
    *memory = (struct alka_memory){
        .crucible = crucible,
        .base = base,
        .max_pages = range->has_max ? range->max : UINT64_MAX,
        .limit_pages = limit_pages,
        .reserve_bytes = reserve_bytes,
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
    memory->is_wrapped = true;
    alka_status status = memory_commit(memory, memory->pages);
    memory->is_wrapped = status == ALKA_OK;
    return status;
}

alka_status alka_memory_make(struct alka_memory *memory, const struct alka_crucible *crucible,
                             const struct alka_range *range, uint64_t limit_pages,
                             enum alka_memory_model model) {
    uint64_t reserve_bytes = memory_reserve_bytes(range, limit_pages);
    struct alka_host_addr base;
    ALKA_TRY(crucible->slot_reserve(crucible->self, 0, reserve_bytes, &base));
    alka_status status =
        memory_init(memory, crucible, range, limit_pages, model, base, reserve_bytes);
    if (status != ALKA_OK) {
        crucible->slot_release(crucible->self, base, 0, reserve_bytes);
        *memory = (struct alka_memory){0};
    }
    return status;
}

void alka_memory_drop(struct alka_memory *memory) {
    memory->crucible->slot_release(memory->crucible->self, memory->base, 0, memory->reserve_bytes);
}

uint64_t alka_memory_grow(struct alka_memory *memory, uint64_t delta_pages) {
    uint64_t old = memory->pages, wanted;
    if (__builtin_add_overflow(old, delta_pages, &wanted) || wanted > memory->max_pages ||
        wanted > memory->limit_pages)
        return UINT64_MAX;
    if (memory_commit(memory, wanted) != ALKA_OK)
        return UINT64_MAX;
    memory->pages = wanted;
    for (struct alka_use *use = memory->uses; use; use = use->next)
        memory_show(memory, use);
    return old;
}

void alka_memory_shrink(struct alka_memory *memory, uint64_t pages, uint64_t committed_bytes) {
    memory->pages = pages;
    memory->committed_bytes = committed_bytes;
    for (struct alka_use *use = memory->uses; use; use = use->next)
        memory_show(memory, use);
}
