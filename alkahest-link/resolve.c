/*
 * Room: link. Imports against a VTable: who provides what, whether the capability was granted,
 * whether the types fit (specification 4.5.4). Comes in: module tables and the VTable. Goes out:
 * one extern per import, or a diagnostic of the first import that fails. Must never bind a function
 * whose capability was not granted.
 */
#include "block.h"

#include <alkahest/call.h>
#include <alkahest/hash.h>
#include <alkahest/link.h>

int memcmp(const void *, const void *, size_t);

enum {
    /* Comparisons up to which a plain search is cheaper than an index, and needs no memory. */
    RESOLVE_PLAIN_MOST = 4096,
};

/* The rows of a VTable, found by name: open addressing, at most half full. */
struct resolve_index {
    uint32_t *places; /* row + 1; NULL: search the rows one by one */
    uint32_t mask;
};

static uint32_t resolve_hash(struct alka_span module, struct alka_span name) {
    uint32_t hash = alka_hash_bytes(ALKA_HASH_START, module);
    hash = alka_hash_word(hash, 0xFF); /* no byte of UTF-8 */
    return alka_hash_end(alka_hash_bytes(hash, name));
}

static bool resolve_same(struct alka_span one, struct alka_span other) {
    return one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

static bool resolve_row_is(const struct alka_vtable_row *row, struct alka_span module,
                           struct alka_span name) {
    return resolve_same(alka_span_of_text(row->name), name) &&
           resolve_same(alka_span_of_text(row->module), module);
}

/* The place of the row so called, or the gap where it belongs. */
static uint32_t *resolve_place(const struct resolve_index *index, const struct alka_vtable *vtable,
                               struct alka_span module, struct alka_span name) {
    for (uint32_t at = resolve_hash(module, name) & index->mask;; at = (at + 1) & index->mask) {
        uint32_t row = index->places[at];
        if (row == 0 || resolve_row_is(&vtable->rows[row - 1], module, name))
            return &index->places[at];
    }
}

static alka_status resolve_index_make(const struct alka_vtable *vtable, uint32_t import_count,
                                      struct alka_arena *scratch, struct resolve_index *index) {
    *index = (struct resolve_index){NULL, 0};
    if ((uint64_t)vtable->row_count * import_count <= RESOLVE_PLAIN_MOST)
        return ALKA_OK;
    uint32_t places = 4;
    while (places / 2 < vtable->row_count)
        places *= 2;
    index->mask = places - 1;
    ALKA_TRY(alka_arena_alloc(scratch, places, sizeof *index->places, &index->places));
    for (uint32_t i = 0; i < vtable->row_count; i++) {
        uint32_t *place = resolve_place(index, vtable, alka_span_of_text(vtable->rows[i].module),
                                        alka_span_of_text(vtable->rows[i].name));
        if (*place == 0)
            *place = i + 1;
    }
    return ALKA_OK;
}

/* The row for the import; NULL if there is none. */
static const struct alka_vtable_row *resolve_row(const struct resolve_index *index,
                                                 const struct alka_vtable *vtable,
                                                 const struct alka_import *import) {
    if (index->places) {
        uint32_t row = *resolve_place(index, vtable, import->module, import->name);
        return row ? &vtable->rows[row - 1] : NULL;
    }
    for (uint32_t i = 0; i < vtable->row_count; i++)
        if (resolve_row_is(&vtable->rows[i], import->module, import->name))
            return &vtable->rows[i];
    return NULL;
}

static alka_status resolve_find(const struct resolve_index *index, const struct alka_vtable *vtable,
                                const struct alka_import *import, struct alka_extern *out_extern) {
    const struct alka_vtable_row *found = resolve_row(index, vtable, import);
    if (!found)
        return vtable->lookup ? vtable->lookup(vtable->self, import, out_extern)
                              : ALKA_E_UNKNOWN_IMPORT;
    uint32_t capability = found->capability;
    if (capability != ALKA_NO_CAPABILITY &&
        (capability > 63 || !(vtable->granted >> capability & 1)))
        return ALKA_E_IMPORT_FORBIDDEN;
    *out_extern = (struct alka_extern){.kind = ALKA_EXTERN_FUNC, .host = found->func};
    return ALKA_OK;
}

static bool resolve_is_integer(alka_valtype type) { return type == ALKA_I32 || type == ALKA_I64; }

/* May the host function be called the direct way? */
static bool resolve_direct_fits(const struct alka_functype *type) {
    if (type->param_count > ALKA_DIRECT_PARAMS_MAX || type->result_count > 1)
        return false;
    for (uint32_t i = 0; i < type->param_count; i++)
        if (!resolve_is_integer(type->params[i]))
            return false;
    return type->result_count == 0 || resolve_is_integer(type->results[0]);
}

bool alka_link_can_answer(const struct alka_functype *type) {
    return type->result_count == 0 ||
           (type->result_count == 1 && !alka_valtype_is_ref(type->results[0]));
}

static bool resolve_func_fits(const struct alka_extern *found, const struct alka_functype *type,
                              uint32_t type_id) {
    if (!found->owner) {
        const struct alka_host_func *host = &found->host;
        return alka_functype_matches(type, host->params, host->results) &&
               (host->values || resolve_direct_fits(type));
    }
    if (!alka_func_extends(found->func, type_id))
        return false;
    return found->gate_policy == ALKA_GATE_TRAPS || alka_link_can_answer(type);
}

/* Limits matching: the actual ones lie within the declared ones. */
static bool resolve_range_fits(const struct alka_range *declared, uint64_t size, uint64_t max) {
    return size >= declared->min && (!declared->has_max || max <= declared->max);
}

static bool resolve_table_fits(const struct alka_table *table, const struct alka_table_def *def,
                               const uint32_t *type_ids) {
    return table->type == alka_types_canonical(def->type, type_ids) &&
           table->is_64 == def->range.is_64 &&
           resolve_range_fits(&def->range, table->size, table->max);
}

static bool resolve_memory_fits(const struct alka_memory *memory, const struct alka_memory_def *def,
                                enum alka_memory_model model) {
    if (model == ALKA_MEMORY_GUARD && !memory->is_64 && memory->reserve_bytes < ALKA_SLOT_BYTES)
        return false;
    return memory->is_64 == def->range.is_64 && memory->is_shared == def->range.shared &&
           resolve_range_fits(&def->range, memory->pages, memory->max_pages);
}

/* What can be set must have exactly the type. */
static bool resolve_global_fits(const struct alka_global *global, const struct alka_global_def *def,
                                const struct alka_type_table *types, const uint32_t *type_ids) {
    alka_valtype type = alka_types_canonical(def->type, type_ids);
    struct alka_type_space space = alka_types_space(types);
    if (global->is_mutable != def->is_mutable)
        return false;
    return def->is_mutable ? global->type == type : alka_type_matches(&space, global->type, type);
}

static bool resolve_fits(const struct alka_module *module, enum alka_memory_model model,
                         const struct alka_type_table *types, const uint32_t *type_ids,
                         const struct alka_import *import, const struct alka_extern *found) {
    if (found->kind != import->kind)
        return false;
    uint32_t index = import->index;
    switch (import->kind) {
    case ALKA_EXTERN_FUNC:
        return resolve_func_fits(found, alka_function_type(module, index),
                                 type_ids[module->functions[index].type_idx]);
    case ALKA_EXTERN_TABLE:
        return resolve_table_fits(found->table, &module->tables[index], type_ids);
    case ALKA_EXTERN_MEMORY:
        return resolve_memory_fits(found->memory, &module->memories[index], model);
    case ALKA_EXTERN_GLOBAL:
        return resolve_global_fits(&found->global, &module->globals[index], types, type_ids);
    case ALKA_EXTERN_TAG:
        return found->tag->type_id == type_ids[module->tags[index].type_idx];
    }
    return false;
}

static void resolve_diagnose(const struct alka_import *import, uint32_t import_idx,
                             alka_status status, struct alka_diag *out_diag) {
    *out_diag = (struct alka_diag){
        .code = status,
        .offset = import->off,
        .section_id = 2,
        .func_idx = ALKA_DIAG_NONE,
        .op = ALKA_DIAG_NONE,
        .args = {import_idx, import->kind},
    };
}

alka_status alka_link_resolve(const struct alka_module *module, enum alka_memory_model model,
                              const struct alka_type_table *types, const uint32_t *type_ids,
                              const struct alka_vtable *vtable, struct alka_arena *scratch,
                              struct alka_extern *out_externs, struct alka_diag *out_diag) {
    struct resolve_index index;
    ALKA_TRY(resolve_index_make(vtable, module->import_count, scratch, &index));
    for (uint32_t i = 0; i < module->import_count; i++) {
        const struct alka_import *import = &module->imports[i];
        struct alka_extern found = {0};
        alka_status status = resolve_find(&index, vtable, import, &found);
        if (status == ALKA_OK && !resolve_fits(module, model, types, type_ids, import, &found))
            status = ALKA_E_IMPORT_TYPE;
        if (status != ALKA_OK) {
            resolve_diagnose(import, i, status, out_diag);
            return status;
        }
        out_externs[i] = found;
    }
    return ALKA_OK;
}

static void resolve_bind_host(struct alka_import_record *record, const struct alka_host_func *host,
                              const struct alka_functype *type) {
    record->type = type;
    if (host->values) {
        record->routine = record->any_routine = (uint64_t)alka_host_values;
        record->target = (uint64_t)host->values;
        return;
    }
    bool is_i32 = type->result_count == 1 && type->results[0] == ALKA_I32;
    record->routine = (uint64_t)alka_host_direct[type->param_count][false];
    record->any_routine = (uint64_t)alka_host_direct[type->param_count][is_i32];
    record->target = (uint64_t)host->direct;
}

void alka_link_open(struct alka_import_record *record, enum alka_gate_policy policy) {
    bool returns = policy == ALKA_GATE_RETURNS;
    if (returns || record->depth_max) {
        alka_routine *routine = !record->depth_max ? alka_gate_returns
                                : returns          ? alka_gate_limited_returns
                                                   : alka_gate_limited_traps;
        record->routine = record->any_routine = (uint64_t)routine;
        return;
    }
    record->routine = (uint64_t)(record->memory ? alka_gate_traps_memory : alka_gate_traps);
    record->any_routine = (uint64_t)alka_gate_traps_any;
}

void alka_link_bind(struct alka_import_record *record, const struct alka_extern *target,
                    const struct alka_functype *type) {
    *record = (struct alka_import_record){0};
    if (!target->owner) {
        resolve_bind_host(record, &target->host, type);
        record->detail = ((uint64_t)alka_call_values(type) * 8 + 15) & ~UINT64_C(15);
        return;
    }
    const struct alka_func *func = target->func;
    const struct alka_context *callee =
        (const struct alka_context *)(func->context - ALKA_CONTEXT_BYTES);
    *record = (struct alka_import_record){
        .target = func->code,
        .context = func->context,
        .memory = func->memory,
        .expected_generation = callee->generation,
        .depth_max = target->gate_depth_max,
        .detail = target->gate_error,
    };
    alka_link_open(record, target->gate_policy);
}
