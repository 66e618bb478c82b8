/*
 * The linker: canonical function types, imports resolved against a VTable under a capability set,
 * thunks and relocations.
 */
#ifndef ALKAHEST_LINK_H
#define ALKAHEST_LINK_H

#include <alkahest/arena.h>
#include <alkahest/extern.h>

/* --- Canonical types: equal ids are equal types, in all modules of one table. --- */

struct alka_type_slot;
struct alka_type_block;

struct alka_type_table {
    const struct alka_crucible *crucible;
    struct alka_type_slot *slots; /* by id */
    uint32_t *index;              /* open addressing; id + 1 */
    uint32_t slot_capacity, slot_count, index_capacity;
    uint32_t free_slot; /* id + 1 of the first one to reuse */
    uint32_t live_count;
    struct alka_arena arena;            /* of the types' own memory */
    struct alka_type_block *blocks[32]; /* free memory, by power of two */
};

void alka_types_init(struct alka_type_table *table, const struct alka_crucible *crucible);
void alka_types_drop(struct alka_type_table *table);

/*
 * The ids of a module's types, from type *held on; each of its groups takes one reference, and what
 * it says is copied. *held: how many have theirs, on failure too (ALKA_E_OUT_OF_MEMORY).
 */
ALKA_MUST_CHECK alka_status alka_types_intern(struct alka_type_table *table,
                                              const struct alka_module *module, uint32_t *ids,
                                              uint32_t *held);
void alka_types_release(struct alka_type_table *table, const struct alka_module *module,
                        const uint32_t *ids, uint32_t held);
/* For alka_type_matches of canonical types: those whose indices are ids. */
struct alka_type_space alka_types_space(const struct alka_type_table *table);
alka_valtype alka_types_canonical(alka_valtype type, const uint32_t *ids);

/* Is `type` what the letters say (extern.h)? */
bool alka_functype_matches(const struct alka_functype *type, const char *params,
                           const char *results);

/* --- The VTable. --- */

#define ALKA_NO_CAPABILITY UINT32_MAX

/* One host function. */
struct alka_vtable_row {
    const char *module, *name; /* of the import; NUL-terminated */
    uint32_t capability;       /* bit of `granted` that it needs, or ALKA_NO_CAPABILITY */
    struct alka_host_func func;
};

struct alka_vtable {
    const struct alka_vtable_row *rows; /* in any order; the first of two equal names counts */
    uint32_t row_count;
    uint64_t granted; /* capabilities */
    /*
     * Asked for imports that are not rows; NULL: there are none. ALKA_OK, ALKA_E_UNKNOWN_IMPORT or
     * ALKA_E_IMPORT_FORBIDDEN. Types are checked by the linker.
     */
    alka_status (*lookup)(void *self, const struct alka_import *import,
                          struct alka_extern *out_extern);
    void *self;
};

/*
 * One extern per import, in the order of the imports, types checked (specification 4.5.4), into
 * `out_externs`, which has room for module->import_count. `type_ids`: ids in `types` of the types
 * of the module. `model` is the module's: a memory must have address space for it.
 * ALKA_E_UNKNOWN_IMPORT, ALKA_E_IMPORT_TYPE, ALKA_E_IMPORT_FORBIDDEN: args are the import's index
 * and its kind, offset is the import's. ALKA_E_OUT_OF_MEMORY.
 */
ALKA_MUST_CHECK alka_status alka_link_resolve(
    const struct alka_module *module, enum alka_memory_model model,
    const struct alka_type_table *types, const uint32_t *type_ids, const struct alka_vtable *vtable,
    struct alka_arena *scratch, struct alka_extern *out_externs, struct alka_diag *out_diag);

/* --- Code. --- */

#define ALKA_THUNK_BYTES 16u

/* Bytes that the thunks take, behind the text (which ends at a multiple of 16 then). */
size_t alka_link_thunk_bytes(const struct alka_module *module);

struct alka_link_input {
    const struct alka_module *module;
    const struct alka_code *code;
    const struct alka_layout *layout;
    const uint32_t *type_ids;                 /* per type of the module */
    const struct alka_import_record *helpers; /* ALKA_HELPER_COUNT, immortal */
};

/*
 * Writes the thunks at text + thunks_off and patches the relocations. `text` is where the code will
 * run, still writable, and holds code->text already. Relocations were checked to be in range.
 */
void alka_link_patch(const struct alka_link_input *input, uint8_t *text, uint32_t thunks_off);

/* Entry of the thunk of imported function `func_idx`. */
static inline uint32_t alka_link_import_thunk_off(uint32_t thunks_off, uint32_t func_idx) {
    return thunks_off + func_idx * ALKA_THUNK_BYTES;
}

/* Fills the record of an imported function; `type` is borrowed. */
void alka_link_bind(struct alka_import_record *record, const struct alka_extern *target,
                    const struct alka_functype *type);
/* May a gate answer a call of such a function in the callee's place (ALKA_GATE_RETURNS)? */
bool alka_link_can_answer(const struct alka_functype *type);
/* Lets calls through to another instance again after somebody has changed the record's routines. */
void alka_link_open(struct alka_import_record *record, enum alka_gate_policy policy);

#endif
