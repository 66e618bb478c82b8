/*
 * Room: modules. Tables of references, and the views that instances have of them. Comes in: limits,
 * references. Goes out: entries that call_indirect can use without a further look. Must never let a
 * table name a function whose instance could go away before the table.
 */
#include "private.h"

size_t table_entry_bytes(alka_valtype type) {
    return alka_valtype_is_funcref(type) ? sizeof(struct alka_table_entry) : sizeof(uint64_t);
}

void table_clear(struct alka_table *table, uint64_t from, uint64_t to) {
    if (!alka_valtype_is_funcref(table->type)) {
        for (uint64_t i = from; i < to; i++)
            ((uint64_t *)table->entries)[i] = 0;
        return;
    }
    struct alka_table_entry *entries = table->entries;
    for (uint64_t i = from; i < to; i++)
        entries[i] = (struct alka_table_entry){.type_id = ALKA_NO_INDEX};
}

void alka_table_set_func(struct alka_table *table, uint64_t index, const struct alka_func *func) {
    if (!func) {
        table_clear(table, index, index + 1);
        return;
    }
    ((struct alka_table_entry *)table->entries)[index] = (struct alka_table_entry){
        .code = func->code,
        .context = func->context,
        .func = (uint64_t)func,
        .type_id = func->type_id,
    };
    if (table->owner != func->instance)
        instance_pin(func->instance);
}

void table_set(struct alka_table *table, uint64_t index, uint64_t reference) {
    if (alka_valtype_is_funcref(table->type))
        alka_table_set_func(table, index, (const struct alka_func *)reference);
    else
        ((uint64_t *)table->entries)[index] = reference;
}

void table_fill(struct alka_table *table, uint64_t to, uint64_t count, uint64_t reference) {
    for (uint64_t i = to; i < to + count; i++)
        table_set(table, i, reference);
}

void table_copy(struct alka_table *target, uint64_t to, const struct alka_table *source,
                uint64_t from, uint64_t count) {
    if (count == 0)
        return;
    if (alka_valtype_is_funcref(target->type) && target->owner != source->owner) {
        const struct alka_table_entry *entries = source->entries;
        for (uint64_t i = from; i < from + count; i++) {
            const struct alka_func *func = (const struct alka_func *)entries[i].func;
            if (func && func->instance != target->owner)
                instance_pin(func->instance);
        }
    }
    size_t entry_bytes = table_entry_bytes(target->type);
    memmove((uint8_t *)target->entries + to * entry_bytes,
            (const uint8_t *)source->entries + from * entry_bytes, count * entry_bytes);
}

static void table_show(const struct alka_table *table, struct alka_use *use) {
    *use->view = (struct alka_view){(uint64_t)table->entries, table->size};
}

void table_use(struct alka_table *table, struct alka_use *use) {
    use->next = table->uses;
    table->uses = use;
    table_show(table, use);
}

void table_unuse(struct alka_table *table, const struct alka_use *use) {
    for (struct alka_use **at = &table->uses; *at; at = &(*at)->next) {
        if (*at == use) {
            *at = use->next;
            return;
        }
    }
}

void table_init(struct alka_table *table, const struct alka_crucible *crucible, alka_valtype type,
                const struct alka_range *range, uint64_t limit_entries, void *entries) {
    *table = (struct alka_table){
        .crucible = crucible,
        .entries = entries,
        .size = range->min,
        .max = range->has_max ? range->max : UINT64_MAX,
        .limit = limit_entries < UINT32_MAX ? limit_entries : UINT32_MAX,
        .type = type,
        .is_64 = range->is_64,
    };
    table_clear(table, 0, table->size);
}

/* Pages for that many entries; none for none. */
static alka_status table_pages(const struct alka_crucible *crucible, alka_valtype type,
                               uint64_t count, void **out_entries, size_t *out_bytes) {
    *out_entries = NULL;
    *out_bytes = 0;
    if (count == 0)
        return ALKA_OK;
    uint64_t bytes;
    if (__builtin_mul_overflow(count, table_entry_bytes(type), &bytes) ||
        bytes > UINT64_MAX - ALKA_PAGE_BYTES)
        return ALKA_E_OUT_OF_MEMORY;
    bytes = modules_round_pages(bytes);
    ALKA_TRY(crucible->pages_map(crucible->self, bytes, out_entries));
    *out_bytes = bytes;
    return ALKA_OK;
}

alka_status alka_table_make(struct alka_table *table, const struct alka_crucible *crucible,
                            alka_valtype type, const struct alka_range *range,
                            uint64_t limit_entries) {
    if (range->min > limit_entries)
        return ALKA_E_OUT_OF_MEMORY;
    void *entries;
    size_t held_bytes;
    ALKA_TRY(table_pages(crucible, type, range->min, &entries, &held_bytes));
    table_init(table, crucible, type, range, limit_entries, entries);
    table->held_bytes = held_bytes;
    return ALKA_OK;
}

void alka_table_drop(struct alka_table *table) {
    if (table->held_bytes)
        table->crucible->pages_unmap(table->crucible->self, table->entries, table->held_bytes);
    table->held_bytes = 0;
}

uint64_t alka_table_grow(struct alka_table *table, uint64_t delta) {
    uint64_t old = table->size, wanted;
    if (__builtin_add_overflow(old, delta, &wanted) || wanted > table->max || wanted > table->limit)
        return UINT64_MAX;
    size_t entry_bytes = table_entry_bytes(table->type);
    if (wanted * entry_bytes > table->held_bytes && delta > 0) {
        /* Half as much again, so that growing by ones stays linear. */
        uint64_t room = wanted + wanted / 2 < table->limit ? wanted + wanted / 2 : wanted;
        void *entries;
        size_t held_bytes;
        if (table_pages(table->crucible, table->type, room, &entries, &held_bytes) != ALKA_OK ||
            !entries)
            return UINT64_MAX;
        if (table->entries)
            memcpy(entries, table->entries, old * entry_bytes);
        alka_table_drop(table);
        table->entries = entries;
        table->held_bytes = held_bytes;
    }
    table->size = wanted;
    table_clear(table, old, wanted);
    for (struct alka_use *use = table->uses; use; use = use->next)
        table_show(table, use);
    return old;
}

void alka_table_shrink(struct alka_table *table, uint64_t size) {
    table->size = size;
    for (struct alka_use *use = table->uses; use; use = use->next)
        table_show(table, use);
}
