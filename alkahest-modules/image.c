/*
 * Room: modules. Images: compiled modules, sealed, shared by all their instances. Comes in: the
 * parts that a session made. Goes out: lookups by name and by code offset. Must never change once
 * made, but for its references.
 */
#include "private.h"

#include <alkahest/hash.h>

static bool image_same(struct alka_span one, struct alka_span other) {
    return one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

/* --- Making. --- */

/* The other way of layout.func_ref_idx. */
static alka_status image_refs_make(struct alka_image *image, struct alka_arena *arena) {
    const struct alka_layout *layout = &image->layout;
    image->ref_idx = layout->func_ref_idx;
    image->ref_count = layout->func_ref_count;
    ALKA_TRY(alka_arena_alloc(arena, image->ref_count, sizeof *image->refs, &image->refs));
    for (uint32_t i = 0; i < image->module.function_count; i++)
        if (image->ref_idx[i] != ALKA_NO_INDEX)
            image->refs[image->ref_idx[i]] = i;
    return ALKA_OK;
}

/* The place of the export so called, or the gap where it belongs. */
static uint32_t *image_export_place(const struct alka_image *image, struct alka_span name) {
    uint32_t mask = image->export_index_mask;
    uint32_t at = alka_hash_end(alka_hash_bytes(ALKA_HASH_START, name)) & mask;
    for (;; at = (at + 1) & mask) {
        uint32_t found = image->export_index[at];
        if (found == 0 || image_same(image->module.exports[found - 1].name, name))
            return &image->export_index[at];
    }
}

static alka_status image_exports_make(struct alka_image *image, struct alka_arena *arena) {
    uint32_t places = 4;
    while (places / 2 < image->module.export_count)
        places *= 2;
    image->export_index_mask = places - 1;
    ALKA_TRY(alka_arena_alloc(arena, places, sizeof *image->export_index, &image->export_index));
    for (uint32_t i = 0; i < image->module.export_count; i++)
        *image_export_place(image, image->module.exports[i].name) = i + 1;
    return ALKA_OK;
}

/* The code generator's tables go with it: keep copies. */
static alka_status image_code_tables_copy(struct alka_image *image, struct alka_arena *arena) {
    struct alka_code *code = &image->code;
    uint32_t *offs;
    struct alka_trap_site *sites;
    size_t off_count = (size_t)code->function_count + 1;
    ALKA_TRY(alka_arena_alloc(arena, off_count, sizeof *offs, &offs));
    ALKA_TRY(alka_arena_alloc(arena, code->trap_site_count, sizeof *sites, &sites));
    memcpy(offs, code->function_offs, off_count * sizeof *offs);
    if (code->trap_site_count)
        memcpy(sites, code->trap_sites, code->trap_site_count * sizeof *sites);
    code->function_offs = offs;
    code->trap_sites = sites;
    code->relocs = NULL;
    code->reloc_count = 0;
    return ALKA_OK;
}

/* Per type, the ids of its supertypes; types without any share one empty list. */
static alka_status image_supertypes_make(struct alka_image *image, struct alka_arena *arena) {
    static const uint32_t none[] = {ALKA_NO_INDEX};
    const struct alka_module *module = &image->module;
    ALKA_TRY(alka_arena_alloc(arena, module->type_count, sizeof *image->supertype_ids,
                              &image->supertype_ids));
    for (uint32_t i = 0; i < module->type_count; i++) {
        uint32_t super = module->type_defs[i].supertype, *ids, count = 0;
        image->supertype_ids[i] = none;
        if (super == ALKA_NO_INDEX)
            continue;
        ALKA_TRY(
            alka_arena_alloc(arena, (size_t)module->type_defs[i].depth + 1, sizeof *ids, &ids));
        for (; super != ALKA_NO_INDEX; super = module->type_defs[super].supertype)
            ids[count++] = image->type_ids[super];
        ids[count] = ALKA_NO_INDEX;
        image->supertype_ids[i] = ids;
    }
    return ALKA_OK;
}

alka_status alka_image_add(struct alka_registry *registry, const struct alka_image_parts *parts,
                           struct alka_image **out_image) {
    struct alka_arena *arena = parts->arena;
    struct alka_image *image;
    ALKA_TRY(alka_arena_alloc(arena, 1, sizeof *image, &image));
    *image = (struct alka_image){
        .registry = registry,
        .references = 1,
        .module = *parts->module,
        .layout = *parts->layout,
        .code = *parts->code,
        .thunks_off = parts->thunks_off,
        .text_held_bytes = parts->text_held_bytes,
        .type_ids = parts->type_ids,
    };
    ALKA_TRY(image_code_tables_copy(image, arena));
    ALKA_TRY(image_refs_make(image, arena));
    ALKA_TRY(image_supertypes_make(image, arena));
    ALKA_TRY(image_exports_make(image, arena));
    ALKA_TRY(registry_range_take(registry, &image->range));

    image->arena = *arena;
    alka_arena_init(arena, arena->crucible, arena->limit_bytes);
    image->next = registry->images;
    if (image->next)
        image->next->previous = image;
    registry->images = image;
    registry->image_count++;
    image->range->image = image;
    image->range->end = (uint64_t)image->code.text + image->code.functions_bytes;
    __atomic_store_n(&image->range->start, (uint64_t)image->code.text, __ATOMIC_RELEASE);
    *out_image = image;
    return ALKA_OK;
}

/* --- References. --- */

void alka_image_hold(struct alka_image *image) { image->references++; }

void alka_image_release(struct alka_image *image) {
    if (--image->references > 0)
        return;
    struct alka_registry *registry = image->registry;
    registry_range_give(image->range);
    alka_types_release(&registry->types, &image->module, image->type_ids, image->module.type_count);
    if (image->previous)
        image->previous->next = image->next;
    else
        registry->images = image->next;
    if (image->next)
        image->next->previous = image->previous;
    registry->image_count--;
    registry->crucible->code_release(registry->crucible->self, (void *)(uint64_t)image->code.text,
                                     image->text_held_bytes);
    struct alka_arena arena = image->arena; /* the image lies in it */
    alka_arena_drop(&arena);
}

/* --- Lookups. --- */

const struct alka_export *alka_image_export(const struct alka_image *image, struct alka_span name) {
    uint32_t found = *image_export_place(image, name);
    return found ? &image->module.exports[found - 1] : NULL;
}

struct alka_span alka_image_function_name(const struct alka_image *image, uint32_t func_idx) {
    const struct alka_module *module = &image->module;
    if (!module->function_names || func_idx >= module->function_count)
        return (struct alka_span){NULL, 0};
    return module->function_names[func_idx];
}

uint32_t alka_image_function_at(const struct alka_image *image, uint32_t code_off) {
    const struct alka_code *code = &image->code;
    if (code->function_count == 0 || code_off < code->function_offs[0] ||
        code_off >= code->functions_bytes)
        return ALKA_NO_INDEX;
    uint32_t low = 0, high = code->function_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (code->function_offs[middle] <= code_off)
            low = middle;
        else
            high = middle;
    }
    return image->module.imported_functions + low;
}
