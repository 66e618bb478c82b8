/*
 * Room: modules. What module code calls for things that are no instruction (code.h lists them).
 * Comes in: operands, hostile, the immediates, validated, and the caller's context as the last
 * parameter. Goes out: results as the instruction's, or a trap. Must never trust an operand, and
 * never write anything before all bounds are known to hold.
 */
#include "private.h"

#include <alkahest/helpers.h>
#include <alkahest/routines.h>
#include <alkahest/unwind.h>

/* [at, at + count) lies in [0, size). */
static bool helper_in_bounds(uint64_t at, uint64_t count, uint64_t size) {
    return count <= size && at <= size - count;
}

/* --- Memories. --- */

static uint64_t helper_memory_bytes(const struct alka_memory *memory) {
    /* Another thread may let a shared one grow meanwhile. */
    return __atomic_load_n(&memory->pages, __ATOMIC_ACQUIRE) * ALKA_WASM_PAGE_BYTES;
}

uint64_t alka_helper_memory_grow(uint64_t delta_pages, uint32_t memory_idx,
                                 struct alka_context *caller) {
    struct alka_instance *instance = caller->instance;
    uint64_t old = alka_memory_grow(instance->memories[memory_idx], delta_pages);
    if (old != UINT64_MAX)
        (void)__atomic_fetch_add(&instance->counters.memory_grows, 1, __ATOMIC_RELAXED);
    return old;
}

void alka_helper_memory_copy(uint64_t to, uint64_t from, uint64_t bytes, uint32_t to_memory_idx,
                             uint32_t from_memory_idx, struct alka_context *caller) {
    const struct alka_memory *target = caller->instance->memories[to_memory_idx];
    const struct alka_memory *source = caller->instance->memories[from_memory_idx];
    if (!helper_in_bounds(to, bytes, helper_memory_bytes(target)) ||
        !helper_in_bounds(from, bytes, helper_memory_bytes(source)))
        alka_trap_raise(ALKA_TRAP_MEMORY_BOUNDS);
    else if (bytes)
        memmove((void *)(target->base.value + to), (const void *)(source->base.value + from),
                bytes);
}

void alka_helper_memory_fill(uint64_t to, uint32_t byte, uint64_t bytes, uint32_t memory_idx,
                             struct alka_context *caller) {
    const struct alka_memory *memory = caller->instance->memories[memory_idx];
    if (!helper_in_bounds(to, bytes, helper_memory_bytes(memory)))
        alka_trap_raise(ALKA_TRAP_MEMORY_BOUNDS);
    else if (bytes)
        memset((void *)(memory->base.value + to), (int)(byte & 0xFF), bytes);
}

void alka_helper_memory_init(uint64_t to, uint32_t from, uint32_t bytes, uint32_t data_idx,
                             uint32_t memory_idx, struct alka_context *caller) {
    const struct alka_instance *instance = caller->instance;
    const struct alka_memory *memory = instance->memories[memory_idx];
    const struct alka_module *module = &instance->image->module;
    if (!helper_in_bounds(from, bytes, instance->data_bytes[data_idx]) ||
        !helper_in_bounds(to, bytes, helper_memory_bytes(memory)))
        alka_trap_raise(ALKA_TRAP_MEMORY_BOUNDS);
    else if (bytes)
        memcpy((void *)(memory->base.value + to),
               module->bytes.data + module->datas[data_idx].bytes.off + from, bytes);
}

void alka_helper_data_drop(uint32_t data_idx, struct alka_context *caller) {
    caller->instance->data_bytes[data_idx] = 0;
}

/* --- Threads. --- */

/* Where an atomic access of `bytes` is, or NULL, and then the caller traps. */
static void *helper_atomic(const struct alka_memory *memory, uint64_t index, uint64_t offset,
                           uint32_t bytes) {
    uint64_t at;
    if (__builtin_add_overflow(index, offset, &at) ||
        !helper_in_bounds(at, bytes, helper_memory_bytes(memory))) {
        alka_trap_raise(ALKA_TRAP_MEMORY_BOUNDS);
        return NULL;
    }
    if (at % bytes != 0) {
        alka_trap_raise(ALKA_TRAP_UNALIGNED_ATOMIC);
        return NULL;
    }
    return (void *)(memory->base.value + at);
}

uint32_t alka_helper_notify(uint64_t index, uint32_t count, uint64_t offset, uint32_t memory_idx,
                            struct alka_context *caller) {
    const struct alka_memory *memory = caller->instance->memories[memory_idx];
    const struct alka_crucible *crucible = memory->crucible;
    const void *address = helper_atomic(memory, index, offset, sizeof(uint32_t));
    if (!address || !memory->is_shared || !crucible->notify)
        return 0; /* nobody can wait there */
    return crucible->notify(crucible->self, address, count);
}

static uint32_t helper_wait(const struct alka_memory *memory, const void *address, uint32_t bytes,
                            uint64_t expected, int64_t timeout_ns) {
    const struct alka_crucible *crucible = memory->crucible;
    if (!address)
        return 0;
    if (!memory->is_shared) {
        alka_trap_raise(ALKA_TRAP_EXPECTED_SHARED);
        return 0;
    }
    if (!crucible->wait) {
        alka_trap_raise(ALKA_TRAP_HOST);
        return 0;
    }
    return crucible->wait(crucible->self, address, bytes, expected, timeout_ns);
}

uint32_t alka_helper_wait32(uint64_t index, uint32_t expected, int64_t timeout_ns, uint64_t offset,
                            uint32_t memory_idx, struct alka_context *caller) {
    const struct alka_memory *memory = caller->instance->memories[memory_idx];
    const void *address = helper_atomic(memory, index, offset, sizeof expected);
    return helper_wait(memory, address, sizeof expected, expected, timeout_ns);
}

uint32_t alka_helper_wait64(uint64_t index, uint64_t expected, int64_t timeout_ns, uint64_t offset,
                            uint32_t memory_idx, struct alka_context *caller) {
    const struct alka_memory *memory = caller->instance->memories[memory_idx];
    const void *address = helper_atomic(memory, index, offset, sizeof expected);
    return helper_wait(memory, address, sizeof expected, expected, timeout_ns);
}

/* --- Tables. --- */

void alka_helper_table_set(uint64_t index, uint64_t reference, uint32_t table_idx,
                           struct alka_context *caller) {
    struct alka_table *table = caller->instance->tables[table_idx];
    if (index >= table->size)
        alka_trap_raise(ALKA_TRAP_TABLE_BOUNDS);
    else
        table_set(table, index, reference);
}

uint64_t alka_helper_table_grow(uint64_t reference, uint64_t delta, uint32_t table_idx,
                                struct alka_context *caller) {
    struct alka_table *table = caller->instance->tables[table_idx];
    uint64_t old = alka_table_grow(table, delta);
    if (old != UINT64_MAX)
        table_fill(table, old, delta, reference);
    return old;
}

void alka_helper_table_fill(uint64_t to, uint64_t reference, uint64_t count, uint32_t table_idx,
                            struct alka_context *caller) {
    struct alka_table *table = caller->instance->tables[table_idx];
    if (!helper_in_bounds(to, count, table->size))
        alka_trap_raise(ALKA_TRAP_TABLE_BOUNDS);
    else
        table_fill(table, to, count, reference);
}

void alka_helper_table_copy(uint64_t to, uint64_t from, uint64_t count, uint32_t to_table_idx,
                            uint32_t from_table_idx, struct alka_context *caller) {
    struct alka_table *target = caller->instance->tables[to_table_idx];
    const struct alka_table *source = caller->instance->tables[from_table_idx];
    if (!helper_in_bounds(to, count, target->size) || !helper_in_bounds(from, count, source->size))
        alka_trap_raise(ALKA_TRAP_TABLE_BOUNDS);
    else
        table_copy(target, to, source, from, count);
}

void alka_helper_table_init(uint64_t to, uint32_t from, uint32_t count, uint32_t element_idx,
                            uint32_t table_idx, struct alka_context *caller) {
    const struct alka_instance *instance = caller->instance;
    struct alka_table *table = instance->tables[table_idx];
    const struct alka_elements *elements = &instance->elements[element_idx];
    if (!helper_in_bounds(from, count, elements->count) ||
        !helper_in_bounds(to, count, table->size)) {
        alka_trap_raise(ALKA_TRAP_TABLE_BOUNDS);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        table_set(table, to + i, elements->references[from + i]);
}

void alka_helper_elem_drop(uint32_t element_idx, struct alka_context *caller) {
    caller->instance->elements[element_idx].count = 0;
}

/* --- Globals. --- */

void alka_helper_global_set(uint64_t reference, uint32_t global_idx, struct alka_context *caller) {
    const struct alka_instance *instance = caller->instance;
    const struct alka_func *func = (const struct alka_func *)reference;
    bool is_foreign = global_idx < instance->image->module.imported_globals;
    if (func && (is_foreign || func->instance != instance))
        instance_pin(func->instance);
    *instance_global_cell(instance, global_idx) = reference;
}

/* --- References. --- */

/* Validated: the operand is a reference of the type's hierarchy. No structs and arrays are made, so
 * that nothing is one. */
uint32_t alka_helper_ref_test(uint64_t reference, uint32_t type, struct alka_context *caller) {
    const struct alka_image *image = caller->instance->image;
    uint32_t heap = alka_valtype_heap(type);
    if (reference == 0)
        return alka_valtype_is_nullable(type);
    switch (heap) {
    case ALKA_HEAP_FUNC:
    case ALKA_HEAP_EXTERN:
    case ALKA_HEAP_ANY:
    case ALKA_HEAP_EXN:
        return true;
    case ALKA_HEAP_EQ:
    case ALKA_HEAP_I31:
        return alka_word_is_i31(reference);
    default:
        return alka_valtype_is_defined(type) &&
               image->module.type_defs[heap].form == ALKA_TYPE_FUNC &&
               alka_func_extends((const struct alka_func *)reference, image->type_ids[heap]);
    }
}

uint64_t alka_helper_ref_cast(uint64_t reference, uint32_t type, struct alka_context *caller) {
    if (!alka_helper_ref_test(reference, type, caller))
        alka_trap_raise(ALKA_TRAP_CAST_FAILURE);
    return reference;
}

/* --- How they are called. --- */

#define HELPER_ROUTINE_0(params) alka_host_direct_##params
#define HELPER_ROUTINE_1(params) alka_host_direct_##params##_i32
#define HELPER_ROUTINE_2(what) alka_throw_##what
#define HELPER_RECORD(id, symbol, params, is_i32)                               \
    [ALKA_HELPER_##id] = {.routine = (uint64_t)HELPER_ROUTINE_##is_i32(params), \
                          .target = (uint64_t)(symbol)},

const struct alka_import_record alka_helper_records[ALKA_HELPER_COUNT] = {
    ALKA_HELPERS(HELPER_RECORD)};
