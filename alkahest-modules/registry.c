/*
 * Room: modules. The registry's books: places for instances and code ranges that never move once
 * they exist, so that gates and trap handlers may look at them at any moment. Comes in: the
 * Crucible's pages. Goes out: places, and lookups. Must never give pages of places back while the
 * registry lives.
 */
#include "private.h"

enum {
    REGISTRY_RANGES = 128,
    REGISTRY_INSTANCES = 32,
};

struct alka_range_chunk {
    struct alka_range_chunk *next;
    struct alka_code_range ranges[REGISTRY_RANGES];
};

struct alka_instance_chunk {
    struct alka_instance_chunk *next;
    uint32_t first_id;
    struct alka_instance instances[REGISTRY_INSTANCES];
};

_Static_assert(offsetof(struct alka_instance, generation) == 0, "alka_link_bind relies on it");

void alka_registry_init(struct alka_registry *registry, const struct alka_crucible *crucible) {
    *registry = (struct alka_registry){.crucible = crucible};
    alka_types_init(&registry->types, crucible);
}

static alka_status registry_pages(const struct alka_registry *registry, size_t bytes,
                                  void *out_pages) {
    void *pages;
    ALKA_TRY(registry->crucible->pages_map(registry->crucible->self, modules_round_pages(bytes),
                                           &pages));
    *(void **)out_pages = pages;
    return ALKA_OK;
}

static void registry_pages_free(const struct alka_registry *registry, void *pages, size_t bytes) {
    registry->crucible->pages_unmap(registry->crucible->self, pages, modules_round_pages(bytes));
}

void alka_registry_drop(struct alka_registry *registry) {
    for (struct alka_instance *at = NULL; (at = alka_registry_next(registry, at));)
        instance_unlink(at);
    for (struct alka_instance *at = NULL; (at = alka_registry_next(registry, at));)
        instance_free(at);
    exceptions_drop(registry);
    while (registry->images) {
        registry->images->references = 1;
        alka_image_release(registry->images);
    }
    while (registry->ranges) {
        struct alka_range_chunk *chunk = registry->ranges;
        registry->ranges = chunk->next;
        registry_pages_free(registry, chunk, sizeof *chunk);
    }
    while (registry->instances) {
        struct alka_instance_chunk *chunk = registry->instances;
        registry->instances = chunk->next;
        registry_pages_free(registry, chunk, sizeof *chunk);
    }
    alka_types_drop(&registry->types);
    alka_registry_init(registry, registry->crucible);
}

/* --- Code ranges. --- */

static struct alka_code_range *registry_range_free(struct alka_range_chunk *chunk) {
    for (uint32_t i = 0; i < REGISTRY_RANGES; i++)
        if (!chunk->ranges[i].image)
            return &chunk->ranges[i];
    return NULL;
}

alka_status registry_range_take(struct alka_registry *registry,
                                struct alka_code_range **out_range) {
    for (struct alka_range_chunk *chunk = registry->ranges; chunk; chunk = chunk->next) {
        *out_range = registry_range_free(chunk);
        if (*out_range)
            return ALKA_OK;
    }
    struct alka_range_chunk *chunk;
    ALKA_TRY(registry_pages(registry, sizeof *chunk, &chunk));
    chunk->next = registry->ranges;
    __atomic_store_n(&registry->ranges, chunk, __ATOMIC_RELEASE);
    *out_range = &chunk->ranges[0];
    return ALKA_OK;
}

void registry_range_give(struct alka_code_range *range) {
    __atomic_store_n(&range->start, 0, __ATOMIC_RELEASE);
    range->image = NULL;
}

struct alka_image *alka_registry_image_at(const struct alka_registry *registry, uint64_t pc) {
    const struct alka_range_chunk *chunk = __atomic_load_n(&registry->ranges, __ATOMIC_ACQUIRE);
    for (; chunk; chunk = chunk->next) {
        for (uint32_t i = 0; i < REGISTRY_RANGES; i++) {
            const struct alka_code_range *range = &chunk->ranges[i];
            uint64_t start = __atomic_load_n(&range->start, __ATOMIC_ACQUIRE);
            if (start != 0 && pc >= start && pc < range->end)
                return range->image;
        }
    }
    return NULL;
}

/* --- Instances. --- */

static alka_status registry_instances_grow(struct alka_registry *registry) {
    struct alka_instance_chunk *chunk;
    ALKA_TRY(registry_pages(registry, sizeof *chunk, &chunk));
    struct alka_instance_chunk **last = &registry->instances;
    uint32_t first_id = 1;
    for (; *last; last = &(*last)->next)
        first_id = (*last)->first_id + REGISTRY_INSTANCES;
    chunk->first_id = first_id;
    for (uint32_t i = REGISTRY_INSTANCES; i-- > 0;) {
        chunk->instances[i].id = first_id + i;
        chunk->instances[i].next = registry->free_instance;
        registry->free_instance = &chunk->instances[i];
    }
    *last = chunk;
    return ALKA_OK;
}

alka_status registry_instance_take(struct alka_registry *registry,
                                   struct alka_instance **out_instance) {
    if (!registry->free_instance)
        ALKA_TRY(registry_instances_grow(registry));
    struct alka_instance *instance = registry->free_instance;
    registry->free_instance = instance->next;
    *instance = (struct alka_instance){
        .generation = instance->generation + 1, .id = instance->id, .registry = registry};
    registry->instance_count++;
    *out_instance = instance;
    return ALKA_OK;
}

void registry_instance_give(struct alka_instance *instance) {
    struct alka_registry *registry = instance->registry;
    instance->generation++;
    instance->state = ALKA_INSTANCE_FREE;
    instance->registry = NULL;
    instance->next = registry->free_instance;
    registry->free_instance = instance;
    registry->instance_count--;
}

/* The first living one with at least this id. */
static struct alka_instance *registry_from(const struct alka_registry *registry, uint32_t id) {
    for (struct alka_instance_chunk *chunk = registry->instances; chunk; chunk = chunk->next) {
        if (id >= chunk->first_id + REGISTRY_INSTANCES)
            continue;
        uint32_t i = id > chunk->first_id ? id - chunk->first_id : 0;
        for (; i < REGISTRY_INSTANCES; i++)
            if (chunk->instances[i].registry)
                return &chunk->instances[i];
    }
    return NULL;
}

struct alka_instance *alka_registry_next(const struct alka_registry *registry,
                                         const struct alka_instance *after) {
    return registry_from(registry, after ? after->id + 1 : 1);
}

struct alka_instance *alka_registry_get(const struct alka_registry *registry, uint32_t id) {
    struct alka_instance *instance = registry_from(registry, id);
    return instance && instance->id == id ? instance : NULL;
}

struct alka_instance *alka_registry_find(const struct alka_registry *registry,
                                         struct alka_span name) {
    for (struct alka_instance *at = NULL; (at = alka_registry_next(registry, at));) {
        struct alka_span found = alka_span_of_text(at->name);
        if (found.size == name.size && memcmp(found.data, name.data, name.size) == 0)
            return at;
    }
    return NULL;
}
