/*
 * Micro-recovery. In: an instance as instantiation left it, later the same one as a trap left it.
 * Out: the first one again. A pristine image holds only pages that are not zero. It must never
 * trust what lies in a module's memory, and never leave a page of one life in the next.
 */
#include "modules/recover.h"
#include "crucible/crucible.h"
#include "mm/kernel_map.h"
#include "mm/layout.h"
#include "mm/memory.h"
#include <string.h>

struct pristine_memory {
    uint64_t pages, committed_bytes;
    uint64_t first, count; /* its kept pages, in pristine.page_offs */
};

/* One block of mapped pages: the kept pages first, then this, then the arrays. */
struct pristine {
    uint64_t held_bytes;
    uint8_t *pages;                   /* kept page n at 4096 n */
    uint64_t *page_offs;              /* from the memory's base; ascending within a memory */
    struct pristine_memory *memories; /* own ones */
    uint64_t *table_sizes;            /* own ones */
    uint8_t *table_entries;           /* one table after the other */
    uint64_t *globals;                /* 16 bytes each, own ones */
    uint32_t *data_bytes;
    struct alka_elements *elements;
};

static size_t recover_entry_bytes(const struct alka_table *table) {
    return alka_valtype_is_funcref(table->type) ? sizeof(struct alka_table_entry)
                                                : sizeof(uint64_t);
}

static uint32_t recover_own_memories(const struct alka_module *module) {
    return module->memory_count - module->imported_memories;
}

static uint32_t recover_own_tables(const struct alka_module *module) {
    return module->table_count - module->imported_tables;
}

static uint64_t recover_table_bytes(const struct alka_instance *instance) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < recover_own_tables(&instance->image->module); i++) {
        const struct alka_table *table = &instance->own_tables[i];
        bytes += table->size * recover_entry_bytes(table);
    }
    return bytes;
}

static uint64_t *recover_global(const struct alka_instance *instance, uint32_t global_idx) {
    return (uint64_t *)(instance->base.value +
                        (uint64_t)(int64_t)instance->image->layout.global_disp[global_idx]);
}

static uint64_t recover_words(const struct alka_module *module, uint32_t global_idx) {
    return alka_valtype_kind(module->globals[global_idx].type) == ALKA_KIND_V128 ? 2 : 1;
}

/* --- Taking the image. --- */

static void recover_count_page(void *self, uint64_t virt, uint64_t phys, uint64_t bytes) {
    (void)virt;
    (void)phys;
    (void)bytes;
    ++*(uint64_t *)self;
}

struct recover_keep {
    struct pristine *pristine;
    uint64_t base, count;
};

static void recover_keep_page(void *self, uint64_t virt, uint64_t phys, uint64_t bytes) {
    struct recover_keep *keep = self;
    memcpy(keep->pristine->pages + keep->count * PAGING_PAGE_BYTES, layout_direct(phys), bytes);
    keep->pristine->page_offs[keep->count++] = virt - keep->base;
}

static void *recover_carve(uint64_t *at, uint64_t count, uint64_t element_bytes) {
    void *carved = (void *)*at;
    *at = (*at + count * element_bytes + 15) & ~UINT64_C(15);
    return carved;
}

/* Lays out the image from `base` on; returns how many bytes it takes. Writes only into *out. */
static uint64_t recover_plan(const struct alka_instance *instance, uint64_t base,
                             uint64_t kept_pages, struct pristine *out) {
    const struct alka_module *module = &instance->image->module;
    uint64_t at = base;
    out->pages = recover_carve(&at, kept_pages, PAGING_PAGE_BYTES);
    (void)recover_carve(&at, 1, sizeof *out);
    out->page_offs = recover_carve(&at, kept_pages, sizeof(uint64_t));
    out->memories = recover_carve(&at, recover_own_memories(module), sizeof *out->memories);
    out->table_sizes = recover_carve(&at, recover_own_tables(module), sizeof(uint64_t));
    out->table_entries = recover_carve(&at, recover_table_bytes(instance), 1);
    out->globals = recover_carve(&at, module->global_count - module->imported_globals, 16);
    out->data_bytes = recover_carve(&at, module->data_count, sizeof(uint32_t));
    out->elements = recover_carve(&at, module->element_count, sizeof *out->elements);
    out->held_bytes = (at - base + PAGING_PAGE_BYTES - 1) & ~(PAGING_PAGE_BYTES - 1);
    return out->held_bytes;
}

static void recover_keep_memories(struct pristine *pristine, const struct alka_instance *instance) {
    struct recover_keep keep = {.pristine = pristine};
    for (uint32_t i = 0; i < recover_own_memories(&instance->image->module); i++) {
        const struct alka_memory *memory = &instance->own_memories[i];
        uint64_t first = keep.count;
        keep.base = memory->base.value;
        kernel_map_each_dirty(keep.base, memory->committed_bytes, true, recover_keep_page, &keep);
        pristine->memories[i] = (struct pristine_memory){
            .pages = memory->pages,
            .committed_bytes = memory->committed_bytes,
            .first = first,
            .count = keep.count - first,
        };
    }
}

static void recover_keep_tables(struct pristine *pristine, const struct alka_instance *instance) {
    uint8_t *to = pristine->table_entries;
    for (uint32_t i = 0; i < recover_own_tables(&instance->image->module); i++) {
        const struct alka_table *table = &instance->own_tables[i];
        uint64_t bytes = table->size * recover_entry_bytes(table);
        pristine->table_sizes[i] = table->size;
        if (bytes > 0) {
            memcpy(to, table->entries, bytes);
        }
        to += bytes;
    }
}

/* The cells of own globals to `kept`, or back. */
static void recover_copy_globals(const struct alka_instance *instance, uint64_t *kept, bool back) {
    const struct alka_module *module = &instance->image->module;
    for (uint32_t i = module->imported_globals; i < module->global_count; i++, kept += 2) {
        uint64_t *cell = recover_global(instance, i);
        uint64_t bytes = recover_words(module, i) * sizeof *cell;
        memcpy(back ? cell : kept, back ? kept : cell, bytes);
    }
}

struct pristine *pristine_take(struct alka_instance *instance) {
    const struct alka_module *module = &instance->image->module;
    uint64_t kept_pages = 0;
    for (uint32_t i = 0; i < recover_own_memories(module); i++) {
        const struct alka_memory *memory = &instance->own_memories[i];
        kernel_map_each_dirty(memory->base.value, memory->committed_bytes, false,
                              recover_count_page, &kept_pages);
    }
    struct pristine plan;
    void *block;
    if (memory_map_pages(recover_plan(instance, 0, kept_pages, &plan), &block) != ALKA_OK) {
        return NULL;
    }
    struct pristine *pristine =
        (struct pristine *)((uint64_t)block + kept_pages * PAGING_PAGE_BYTES);
    recover_plan(instance, (uint64_t)block, kept_pages, pristine);
    recover_keep_memories(pristine, instance);
    recover_keep_tables(pristine, instance);
    recover_copy_globals(instance, pristine->globals, false);
    memcpy(pristine->data_bytes, instance->data_bytes, module->data_count * sizeof(uint32_t));
    memcpy(pristine->elements, instance->elements,
           module->element_count * sizeof *instance->elements);
    return pristine;
}

void pristine_give(struct pristine *pristine) {
    if (pristine != NULL) {
        memory_unmap_pages(pristine->pages, pristine->held_bytes);
    }
}

uint64_t pristine_bytes(const struct pristine *pristine) {
    return pristine != NULL ? pristine->held_bytes : 0;
}

/* --- Going back to it. --- */

struct recover_put_back {
    const struct pristine *pristine;
    uint64_t base, next, end; /* kept pages that are still to come */
    uint64_t dirty;
};

/* Kept pages and dirty ones both come in ascending order. Through the direct map, which leaves the
 * page clean. */
static void recover_put_page(void *self, uint64_t virt, uint64_t phys, uint64_t bytes) {
    struct recover_put_back *put = self;
    const struct pristine *pristine = put->pristine;
    uint64_t off = virt - put->base;
    put->dirty++;
    while (put->next < put->end && pristine->page_offs[put->next] < off) {
        put->next++;
    }
    if (put->next < put->end && pristine->page_offs[put->next] == off) {
        memcpy(layout_direct(phys), pristine->pages + put->next * PAGING_PAGE_BYTES, bytes);
    } else {
        memset(layout_direct(phys), 0, bytes);
    }
}

static uint64_t recover_reset_memory(struct alka_memory *memory, const struct pristine *pristine,
                                     const struct pristine_memory *kept) {
    if (memory->committed_bytes > kept->committed_bytes) {
        crucible_slot_decommit(memory->base, kept->committed_bytes, memory->committed_bytes);
    }
    if (memory->pages != kept->pages) {
        alka_memory_shrink(memory, kept->pages, kept->committed_bytes);
    }
    struct recover_put_back put = {.pristine = pristine,
                                   .base = memory->base.value,
                                   .next = kept->first,
                                   .end = kept->first + kept->count};
    kernel_map_each_dirty(put.base, kept->committed_bytes, true, recover_put_page, &put);
    return put.dirty;
}

static void recover_reset_tables(const struct alka_instance *instance,
                                 const struct pristine *pristine) {
    const uint8_t *from = pristine->table_entries;
    for (uint32_t i = 0; i < recover_own_tables(&instance->image->module); i++) {
        struct alka_table *table = &instance->own_tables[i];
        uint64_t bytes = pristine->table_sizes[i] * recover_entry_bytes(table);
        if (bytes > 0) {
            memcpy(table->entries, from, bytes);
        }
        from += bytes;
        if (table->size != pristine->table_sizes[i]) {
            alka_table_shrink(table, pristine->table_sizes[i]);
        }
    }
}

uint64_t recover_reset(struct alka_instance *instance, const struct pristine *pristine) {
    const struct alka_module *module = &instance->image->module;
    uint64_t dirty = 0;
    for (uint32_t i = 0; i < recover_own_memories(module); i++) {
        dirty += recover_reset_memory(&instance->own_memories[i], pristine, &pristine->memories[i]);
    }
    recover_reset_tables(instance, pristine);
    recover_copy_globals(instance, pristine->globals, true);
    memcpy(instance->data_bytes, pristine->data_bytes, module->data_count * sizeof(uint32_t));
    memcpy(instance->elements, pristine->elements,
           module->element_count * sizeof *instance->elements);
    instance->state = ALKA_INSTANCE_READY;
    return dirty;
}

void recover_bind_importer(struct alka_instance *importer, const struct alka_instance *instance) {
    const struct alka_image *image = importer->image;
    struct alka_import_record *records =
        (struct alka_import_record *)(importer->base.value +
                                      (uint64_t)(int64_t)image->layout.import_records_disp);
    for (uint32_t i = 0; i < image->module.import_count; i++) {
        if (importer->imports[i].kind == ALKA_EXTERN_FUNC &&
            importer->imports[i].owner == instance) {
            records[image->module.imports[i].index].expected_generation = instance->generation;
        }
    }
}
