/*
 * Room: link. Canonical function types: a table in which equal types have equal ids, so that
 * call_indirect compares one number, whichever modules caller and callee come from. Comes in:
 * function types of validated modules. Goes out: ids with references counted, so that modules that
 * come and go leave nothing behind. Must never move a type that somebody references.
 */
#include <alkahest/hash.h>
#include <alkahest/link.h>

void *memcpy(void *, const void *, size_t);

enum {
    TYPES_FIRST_CAPACITY = 64,
    TYPES_LEAST_BLOCK_LOG2 = 4,
};

struct alka_type_slot {
    struct alka_functype type;
    void *block;         /* holds both lists */
    uint32_t block_log2; /* its size */
    uint32_t references; /* 0: free */
    uint32_t hash;
    uint32_t next_free; /* id + 1 */
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

const struct alka_functype *alka_types_get(const struct alka_type_table *table, uint32_t id) {
    return &table->slots[id].type;
}

static bool types_lists_equal(const alka_valtype *one, const alka_valtype *other, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (one[i] != other[i])
            return false;
    return true;
}

bool alka_functype_equal(const struct alka_functype *one, const struct alka_functype *other) {
    return one->param_count == other->param_count && one->result_count == other->result_count &&
           types_lists_equal(one->params, other->params, one->param_count) &&
           types_lists_equal(one->results, other->results, one->result_count);
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

static uint32_t types_hash(const struct alka_functype *type) {
    uint32_t hash = ALKA_HASH_START;
    for (uint32_t i = 0; i < type->param_count; i++)
        hash = alka_hash_word(hash, type->params[i]);
    hash = alka_hash_word(hash, type->param_count);
    for (uint32_t i = 0; i < type->result_count; i++)
        hash = alka_hash_word(hash, type->results[i]);
    return alka_hash_end(hash);
}

/* Position in the index of the type, or of the gap where it belongs. */
static uint32_t types_probe(const struct alka_type_table *table, const struct alka_functype *type,
                            uint32_t hash) {
    uint32_t mask = table->index_capacity - 1;
    for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
        uint32_t id = table->index[at];
        if (id == 0)
            return at;
        const struct alka_type_slot *slot = &table->slots[id - 1];
        if (slot->hash == hash && alka_functype_equal(&slot->type, type))
            return at;
    }
}

/* Twice the slots, and an index of twice as many places again, so that it is at most half full. */
static alka_status types_grow(struct alka_type_table *table) {
    const struct alka_crucible *crucible = table->crucible;
    uint32_t capacity = table->slot_capacity ? table->slot_capacity * 2 : TYPES_FIRST_CAPACITY;
    if (capacity > UINT32_C(1) << 28)
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
        if (slot->references)
            table->index[types_probe(table, &slot->type, slot->hash)] = i + 1;
    }
    return ALKA_OK;
}

/* Memory for the lists: powers of two, reused by size. */
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

static alka_status types_add(struct alka_type_table *table, const struct alka_functype *type,
                             uint32_t hash, uint32_t *out_id) {
    uint32_t id = table->free_slot ? table->free_slot - 1 : table->slot_count;
    alka_valtype *block;
    uint32_t log2;
    size_t count = (size_t)type->param_count + type->result_count;
    ALKA_TRY(types_block(table, count * sizeof *block, &log2, &block));

    struct alka_type_slot *slot = &table->slots[id];
    if (table->free_slot)
        table->free_slot = slot->next_free;
    else
        table->slot_count++;
    if (type->param_count)
        memcpy(block, type->params, type->param_count * sizeof *block);
    if (type->result_count)
        memcpy(block + type->param_count, type->results, type->result_count * sizeof *block);
    *slot = (struct alka_type_slot){
        .type = {block, block + type->param_count, type->param_count, type->result_count},
        .block = block,
        .block_log2 = log2,
        .references = 1,
        .hash = hash,
    };
    table->index[types_probe(table, type, hash)] = id + 1;
    table->live_count++;
    *out_id = id;
    return ALKA_OK;
}

alka_status alka_types_intern(struct alka_type_table *table, const struct alka_functype *type,
                              uint32_t *out_id) {
    if (table->live_count == table->slot_capacity)
        ALKA_TRY(types_grow(table));
    uint32_t hash = types_hash(type);
    uint32_t found = table->index[types_probe(table, type, hash)];
    if (!found)
        return types_add(table, type, hash, out_id);
    struct alka_type_slot *slot = &table->slots[found - 1];
    if (slot->references == UINT32_MAX)
        return ALKA_E_OUT_OF_MEMORY;
    slot->references++;
    *out_id = found - 1;
    return ALKA_OK;
}

/* Takes a type out of the index; what was probed past it moves up (Knuth 6.4, algorithm R). */
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

void alka_types_release(struct alka_type_table *table, uint32_t id) {
    struct alka_type_slot *slot = &table->slots[id];
    if (--slot->references > 0)
        return;
    types_unindex(table, types_probe(table, &slot->type, slot->hash));
    struct alka_type_block *block = slot->block;
    block->next = table->blocks[slot->block_log2];
    table->blocks[slot->block_log2] = block;
    slot->next_free = table->free_slot;
    table->free_slot = id + 1;
    table->live_count--;
}
