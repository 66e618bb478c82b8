/*
 * Room: modules. Element and data segments at instantiation (specification 4.5.5): passive ones are
 * kept for table.init and memory.init; active ones are applied in order, each checked as a whole,
 * then written; what earlier ones wrote stays when a later one is out of bounds. Comes in: an
 * instance whose tables, memories and globals exist. Must never write outside of them.
 */
#include "private.h"

#include <alkahest/leb128.h>

static alka_status segments_fail(struct alka_diag *out_diag, alka_status code, uint32_t section_id,
                                 struct alka_piece offset, uint32_t segment_idx) {
    *out_diag = (struct alka_diag){
        .code = code,
        .offset = offset.off,
        .section_id = section_id,
        .func_idx = ALKA_DIAG_NONE,
        .op = ALKA_DIAG_NONE,
        .args = {segment_idx, 0},
    };
    return code;
}

/* The offset of an active segment: unsigned, 32 or 64 bits. */
static alka_status segments_offset(const struct alka_instance *instance, struct alka_piece offset,
                                   struct alka_arena *scratch, uint64_t *out_offset) {
    struct evaluate_value value;
    uint32_t end;
    ALKA_TRY(evaluate(instance, offset, scratch, &value, &end));
    *out_offset = value.words[0];
    return ALKA_OK;
}

/* Walks the items of an element segment. */
struct segments_items {
    const uint8_t *at;      /* function indices */
    struct alka_piece rest; /* expressions */
    struct alka_arena *scratch;
};

static struct segments_items segments_items(const struct alka_instance *instance,
                                            const struct alka_element_segment *segment,
                                            struct alka_arena *scratch) {
    return (struct segments_items){instance->image->module.bytes.data + segment->items.off,
                                   segment->items, scratch};
}

static alka_status segments_next(const struct alka_instance *instance,
                                 const struct alka_element_segment *segment,
                                 struct segments_items *items, uint64_t *out_reference) {
    if (!segment->is_exprs) {
        uint32_t func_idx = alka_leb_take_u32(&items->at);
        *out_reference = (uint64_t)&instance->funcs[instance->image->ref_idx[func_idx]];
        return ALKA_OK;
    }
    struct evaluate_value value;
    uint32_t end;
    ALKA_TRY(evaluate(instance, items->rest, items->scratch, &value, &end));
    items->rest.size -= end - items->rest.off;
    items->rest.off = end;
    *out_reference = value.words[0];
    return ALKA_OK;
}

static alka_status segments_make_elements(const struct alka_instance *instance, uint32_t idx,
                                          uint64_t *references, struct alka_arena *scratch) {
    const struct alka_element_segment *segment = &instance->image->module.elements[idx];
    struct segments_items items = segments_items(instance, segment, scratch);
    for (uint32_t i = 0; i < segment->count; i++)
        ALKA_TRY(segments_next(instance, segment, &items, &references[i]));
    instance->elements[idx] = (struct alka_elements){references, segment->count};
    return ALKA_OK;
}

alka_status segments_make(struct alka_instance *instance, uint64_t *references,
                          struct alka_arena *scratch) {
    const struct alka_module *module = &instance->image->module;
    for (uint32_t i = 0; i < module->data_count; i++)
        if (module->datas[i].mode == ALKA_SEGMENT_PASSIVE)
            instance->data_bytes[i] = module->datas[i].bytes.size;
    for (uint32_t i = 0; i < module->element_count; i++) {
        if (module->elements[i].mode != ALKA_SEGMENT_PASSIVE)
            continue;
        ALKA_TRY(segments_make_elements(instance, i, references, scratch));
        references += module->elements[i].count;
    }
    return ALKA_OK;
}

static alka_status segments_write_elements(const struct alka_instance *instance,
                                           const struct alka_element_segment *segment,
                                           uint64_t offset, struct alka_arena *scratch) {
    struct alka_table *table = instance->tables[segment->table_idx];
    struct segments_items items = segments_items(instance, segment, scratch);
    for (uint32_t i = 0; i < segment->count; i++) {
        uint64_t reference;
        ALKA_TRY(segments_next(instance, segment, &items, &reference));
        table_set(table, offset + i, reference);
    }
    return ALKA_OK;
}

static alka_status segments_apply_element(const struct alka_instance *instance, uint32_t idx,
                                          struct alka_arena *scratch, struct alka_diag *out_diag) {
    const struct alka_element_segment *segment = &instance->image->module.elements[idx];
    if (segment->mode != ALKA_SEGMENT_ACTIVE)
        return ALKA_OK;
    uint64_t offset;
    ALKA_TRY(segments_offset(instance, segment->offset, scratch, &offset));
    uint64_t size = instance->tables[segment->table_idx]->size;
    if (offset > size || segment->count > size - offset)
        return segments_fail(out_diag, ALKA_E_ELEMENT_BOUNDS, 9, segment->offset, idx);
    return segments_write_elements(instance, segment, offset, scratch);
}

static alka_status segments_apply_data(const struct alka_instance *instance, uint32_t idx,
                                       struct alka_arena *scratch, struct alka_diag *out_diag) {
    const struct alka_data_segment *segment = &instance->image->module.datas[idx];
    if (segment->mode != ALKA_SEGMENT_ACTIVE)
        return ALKA_OK;
    uint64_t offset;
    ALKA_TRY(segments_offset(instance, segment->offset, scratch, &offset));
    const struct alka_memory *memory = instance->memories[segment->memory_idx];
    uint64_t size = memory->pages * ALKA_WASM_PAGE_BYTES;
    if (offset > size || segment->bytes.size > size - offset)
        return segments_fail(out_diag, ALKA_E_DATA_BOUNDS, 11, segment->offset, idx);
    if (segment->bytes.size)
        memcpy((void *)(memory->base.value + offset),
               instance->image->module.bytes.data + segment->bytes.off, segment->bytes.size);
    return ALKA_OK;
}

alka_status segments_apply(struct alka_instance *instance, struct alka_arena *scratch,
                           struct alka_diag *out_diag) {
    const struct alka_module *module = &instance->image->module;
    for (uint32_t i = 0; i < module->element_count; i++)
        ALKA_TRY(segments_apply_element(instance, i, scratch, out_diag));
    for (uint32_t i = 0; i < module->data_count; i++)
        ALKA_TRY(segments_apply_data(instance, i, scratch, out_diag));
    return ALKA_OK;
}
