/*
 * Room: link. Canonical types: a table in which equal types have equal ids, so that call_indirect
 * compares one number, whichever modules caller and callee come from. Comes in: recursion groups of
 * validated modules, as words (alka_type_group_words). Goes out: ids with references counted, so
 * that modules that come and go leave nothing behind. Must never move a type that somebody
 * references.
 */
#include <alkahest/hash.h>
#include <alkahest/link.h>

void *memcpy(void *, const void *, size_t);
int memcmp(const void *, const void *, size_t);

enum {
    TYPES_FIRST_CAPACITY = 64,
    TYPES_LEAST_BLOCK_LOG2 = 4,
};

struct alka_type_slot {
    struct alka_type_node node;
    uint32_t references; /* 0: free */
    uint32_t next;       /* id + 1: of the same group; free: of those to reuse */
    /* Of a group's first type only. */
    uint32_t *words;
    uint32_t word_count, words_log2;
    uint32_t hash;
};

struct alka_type_block {
    struct alka_type_block *next;
};

void alka_types_init(struct alka_type_table *table, const struct alka_crucible *crucible) {
    *table = (struct alka_type_table){.crucible = crucible};
    alka_arena_init(&table->arena, crucible, 0);
}

static size_t types_round(size_t bytes) {
    return (bytes + ALKA_PAGE_BYTES - 1) & ~(size_t)(ALKA_PAGE_BYTES - 1);
}

static void types_free_arrays(const struct alka_type_table *table) {
    const struct alka_crucible *crucible = table->crucible;
    if (table->slots)
        crucible->pages_unmap(crucible->self, table->slots,
                              types_round(table->slot_capacity * sizeof *table->slots));
    if (table->index)
        crucible->pages_unmap(crucible->self, table->index,
                              types_round(table->index_capacity * sizeof *table->index));
}

void alka_types_drop(struct alka_type_table *table) {
    types_free_arrays(table);
    alka_arena_drop(&table->arena);
    alka_types_init(table, table->crucible);
}

static alka_valtype types_of_letter(char letter) {
    switch (letter) {
    case 'i':
        return ALKA_I32;
    case 'I':
        return ALKA_I64;
    case 'f':
        return ALKA_F32;
    case 'F':
        return ALKA_F64;
    case 'v':
        return ALKA_V128;
    case 'r':
        return ALKA_FUNCREF;
    case 'e':
        return ALKA_EXTERNREF;
    default:
        return ALKA_BOTTOM;
    }
}

static bool types_list_matches(const alka_valtype *types, uint32_t count, const char *letters) {
    for (uint32_t i = 0; i < count; i++)
        if (letters[i] == '\0' || types[i] != types_of_letter(letters[i]))
            return false;
    return letters[count] == '\0';
}

bool alka_functype_matches(const struct alka_functype *type, const char *params,
                           const char *results) {
    return types_list_matches(type->params, type->param_count, params) &&
           types_list_matches(type->results, type->result_count, results);
}

/* --- Groups by their words. --- */

static uint32_t types_hash(const uint32_t *words, uint32_t count) {
    uint32_t hash = ALKA_HASH_START;
    for (uint32_t i = 0; i < count; i++)
        hash = alka_hash_word(hash, words[i]);
    return alka_hash_end(hash);
}

/* Position in the index of the group with these words, or of the gap where it belongs. */
static uint32_t types_probe(const struct alka_type_table *table, const uint32_t *words,
                            uint32_t count, uint32_t hash) {
    uint32_t mask = table->index_capacity - 1;
    for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
        uint32_t id = table->index[at];
        if (id == 0)
            return at;
        const struct alka_type_slot *slot = &table->slots[id - 1];
        if (slot->hash == hash && slot->word_count == count &&
            memcmp(slot->words, words, count * sizeof *words) == 0)
            return at;
    }
}

/* Twice the slots, and an index of twice as many places again, so that it is at most half full. */
static alka_status types_grow(struct alka_type_table *table) {
    const struct alka_crucible *crucible = table->crucible;
    uint32_t capacity = table->slot_capacity ? table->slot_capacity * 2 : TYPES_FIRST_CAPACITY;
    if (capacity > ALKA_TYPE_IN_GROUP)
        return ALKA_E_OUT_OF_MEMORY;
    void *slots, *index;
    size_t slots_bytes = types_round(capacity * sizeof *table->slots);
    ALKA_TRY(crucible->pages_map(crucible->self, slots_bytes, &slots));
    alka_status status = crucible->pages_map(
        crucible->self, types_round((size_t)capacity * 2 * sizeof *table->index), &index);
    if (status != ALKA_OK) {
        crucible->pages_unmap(crucible->self, slots, slots_bytes);
        return status;
    }
    if (table->slot_count)
        memcpy(slots, table->slots, table->slot_count * sizeof *table->slots);
    types_free_arrays(table);
    table->slots = slots;
    table->index = index;
    table->slot_capacity = capacity;
    table->index_capacity = capacity * 2;
    for (uint32_t i = 0; i < table->slot_count; i++) {
        const struct alka_type_slot *slot = &table->slots[i];
        if (slot->references && slot->words)
            table->index[types_probe(table, slot->words, slot->word_count, slot->hash)] = i + 1;
    }
    return ALKA_OK;
}

/* Memory for words: powers of two, reused by size. */
static alka_status types_block(struct alka_type_table *table, size_t bytes, uint32_t *out_log2,
                               void *out_block) {
    uint32_t log2 = TYPES_LEAST_BLOCK_LOG2;
    while ((size_t)1 << log2 < bytes)
        log2++;
    struct alka_type_block *block = table->blocks[log2];
    if (block)
        table->blocks[log2] = block->next;
    else
        ALKA_TRY(alka_arena_alloc(&table->arena, (size_t)1 << log2, 1, &block));
    *out_log2 = log2;
    *(void **)out_block = block;
    return ALKA_OK;
}

static void types_give_block(struct alka_type_table *table, void *words, uint32_t log2) {
    struct alka_type_block *block = words;
    block->next = table->blocks[log2];
    table->blocks[log2] = block;
}

static uint32_t types_take_slot(struct alka_type_table *table) {
    uint32_t id = table->free_slot ? table->free_slot - 1 : table->slot_count;
    if (table->free_slot)
        table->free_slot = table->slots[id].next;
    else
        table->slot_count++;
    table->live_count++;
    table->slots[id] = (struct alka_type_slot){.references = 1};
    return id;
}

/* There are slots for all of the group. */
static void types_add(struct alka_type_table *table, const struct alka_module *module,
                      uint32_t group_first, uint32_t *ids) {
    const struct alka_type_def *group = &module->type_defs[group_first];
    for (uint32_t i = 0; i < group->group_count; i++)
        ids[group_first + i] = types_take_slot(table);
    for (uint32_t i = 0; i < group->group_count; i++) {
        struct alka_type_slot *slot = &table->slots[ids[group_first + i]];
        uint32_t super = group[i].supertype;
        slot->node.form = group[i].form;
        slot->node.supertype = super == ALKA_NO_INDEX ? ALKA_NO_INDEX : ids[super];
        slot->next = i + 1 < group->group_count ? ids[group_first + i + 1] + 1 : 0;
    }
}

static alka_status types_hold(struct alka_type_table *table, uint32_t first_id,
                              uint32_t group_first, uint32_t *ids) {
    if (table->slots[first_id].references == UINT32_MAX)
        return ALKA_E_OUT_OF_MEMORY;
    for (uint32_t next = first_id + 1; next != 0; next = table->slots[next - 1].next) {
        table->slots[next - 1].references++;
        ids[group_first++] = next - 1;
    }
    return ALKA_OK;
}

static alka_status types_intern(struct alka_type_table *table, const struct alka_module *module,
                                uint32_t group_first, uint32_t *ids) {
    uint32_t group_count = module->type_defs[group_first].group_count;
    while (table->slot_capacity - table->live_count < group_count)
        ALKA_TRY(types_grow(table));
    uint32_t *words, log2;
    uint32_t count = alka_type_group_words(module, group_first, ids, NULL);
    ALKA_TRY(types_block(table, count * sizeof *words, &log2, &words));
    (void)alka_type_group_words(module, group_first, ids, words);
    uint32_t hash = types_hash(words, count);
    uint32_t at = types_probe(table, words, count, hash);
    if (table->index[at]) {
        types_give_block(table, words, log2);
        return types_hold(table, table->index[at] - 1, group_first, ids);
    }
    types_add(table, module, group_first, ids);
    struct alka_type_slot *first = &table->slots[ids[group_first]];
    first->words = words;
    first->word_count = count;
    first->words_log2 = log2;
    first->hash = hash;
    table->index[at] = ids[group_first] + 1;
    return ALKA_OK;
}

alka_status alka_types_intern(struct alka_type_table *table, const struct alka_module *module,
                              uint32_t *ids, uint32_t *held) {
    while (*held < module->type_count) {
        const struct alka_type_def *def = &module->type_defs[*held];
        if (def->canonical != *held) {
            ids[*held] = ids[def->canonical];
            ++*held;
            continue;
        }
        ALKA_TRY(types_intern(table, module, *held, ids));
        *held += def->group_count;
    }
    return ALKA_OK;
}

/* Takes a group out of the index; what was probed past it moves up (Knuth 6.4, algorithm R). */
static void types_unindex(struct alka_type_table *table, uint32_t gap) {
    uint32_t mask = table->index_capacity - 1;
    for (uint32_t at = (gap + 1) & mask; table->index[at] != 0; at = (at + 1) & mask) {
        uint32_t home = table->slots[table->index[at] - 1].hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            table->index[gap] = table->index[at];
            gap = at;
        }
    }
    table->index[gap] = 0;
}

static void types_release(struct alka_type_table *table, uint32_t id) {
    struct alka_type_slot *slot = &table->slots[id];
    if (--slot->references > 0)
        return;
    if (slot->words) {
        types_unindex(table, types_probe(table, slot->words, slot->word_count, slot->hash));
        types_give_block(table, slot->words, slot->words_log2);
        slot->words = NULL;
    }
    slot->next = table->free_slot;
    table->free_slot = id + 1;
    table->live_count--;
}

void alka_types_release(struct alka_type_table *table, const struct alka_module *module,
                        const uint32_t *ids, uint32_t held) {
    for (uint32_t i = 0; i < held; i++)
        if (module->type_defs[i].canonical == i)
            types_release(table, ids[i]);
}

/* --- Subtyping. --- */

static struct alka_type_node types_node(const void *self, uint32_t id) {
    return ((const struct alka_type_table *)self)->slots[id].node;
}

struct alka_type_space alka_types_space(const struct alka_type_table *table) {
    return (struct alka_type_space){table, types_node};
}

alka_valtype alka_types_canonical(alka_valtype type, const uint32_t *ids) {
    if (!alka_valtype_is_defined(type))
        return type;
    return ALKA_REF(ids[alka_valtype_heap(type)], alka_valtype_is_nullable(type));
}
