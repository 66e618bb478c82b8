/*
 * Instances: identity, state, limits, and what the specification calls instantiation (4.5.5).
 */
#ifndef ALKAHEST_INSTANCE_H
#define ALKAHEST_INSTANCE_H

#include <alkahest/call.h>
#include <alkahest/registry.h>

enum alka_instance_state {
    ALKA_INSTANCE_FREE,    /* the slot of a registry that waits for the next one */
    ALKA_INSTANCE_READY,   /* instantiated; may be called */
    ALKA_INSTANCE_RUNNING, /* its start function runs, or as its host says */
    ALKA_INSTANCE_TRAPPED, /* trapped while it was made, or as its host says */
    ALKA_INSTANCE_STOPPED, /* gates to it refuse */
    ALKA_INSTANCE_SWAPPING,
    ALKA_INSTANCE_QUARANTINED,
};

#define ALKA_INSTANCE_NAME_BYTES 48

struct alka_instance_limits {
    uint64_t memory_pages;  /* per memory, 64 KiB each */
    uint64_t table_entries; /* per table */
};

struct alka_instance_counters {
    uint64_t traps, memory_grows;
};

/* A passive element segment, evaluated (specification 4.5.5). */
struct alka_elements {
    const uint64_t *references;
    uint32_t count; /* 0 once dropped, and for segments that are not passive */
};

struct alka_instance {
    uint64_t generation; /* its context has it, too: gates compare it with the one they expect */
    uint32_t id;         /* never 0; reused only with another generation */
    enum alka_instance_state state;
    char name[ALKA_INSTANCE_NAME_BYTES]; /* NUL-terminated, cut if longer */
    struct alka_registry *registry;
    struct alka_image *image;
    struct alka_context *context; /* the fixed part; the address behind it is r15 */
    struct alka_host_addr base;   /* of the slot: r15 */
    size_t slot_context_bytes;
    uint64_t slot_reserve_bytes;
    struct alka_instance_limits limits;
    struct alka_instance_counters counters;

    /* All of these lie in the pages of the context, out of reach of module code. */
    struct alka_func *funcs;       /* those that can be named: image->ref_idx */
    struct alka_memory **memories; /* by index, imported ones too */
    struct alka_table **tables;
    struct alka_memory *own_memories;
    struct alka_table *own_tables;
    const struct alka_tag **tags; /* by index, imported ones too */
    struct alka_tag *own_tags;
    struct alka_use *memory_uses, *table_uses; /* by index */
    struct alka_extern *imports;               /* as resolved; owners are held */
    uint32_t *data_bytes; /* per data segment: what memory.init may read; 0 once dropped */
    struct alka_elements *elements; /* per element segment: what table.init may read */

    uint32_t holders; /* instances that import from this one; one more if it is pinned */
    bool is_pinned;   /* its functions went into another owner's table or global: stays until the
                         registry goes */
    bool holds_imports;
    bool is_dropped;            /* gone as soon as nobody holds it */
    struct alka_instance *next; /* of those that are free, or are being given back */
};

struct alka_instance_options {
    struct alka_span name;              /* copied */
    struct alka_instance_limits limits; /* 0: as the image's alka_limits say */
    uint64_t user;                      /* context->user */
};

/*
 * Resolves the imports, makes memories, tables and globals, then applies element and data segments
 * in order. On failure nothing is left, with two exceptions that the specification asks for: what
 * active segments wrote before one was out of bounds stays (ALKA_E_ELEMENT_BOUNDS,
 * ALKA_E_DATA_BOUNDS), and so does the instance, in state TRAPPED, as long as somebody else's table
 * names its functions.
 * ALKA_E_UNKNOWN_IMPORT, ALKA_E_IMPORT_TYPE, ALKA_E_IMPORT_FORBIDDEN, ALKA_E_OUT_OF_MEMORY.
 */
ALKA_MUST_CHECK alka_status alka_instance_make(struct alka_image *image,
                                               const struct alka_vtable *vtable,
                                               const struct alka_instance_options *options,
                                               struct alka_instance **out_instance,
                                               struct alka_diag *out_diag);

/* Calls the start function, if there is one. A trap leaves the instance in state TRAPPED. */
ALKA_MUST_CHECK enum alka_trap alka_instance_start(struct alka_instance *instance,
                                                   struct alka_thread *thread);

/* Gates to it refuse from now on, and handles to it are stale, until importers are bound to its new
 * generation. Safe in trap handlers. */
void alka_instance_disown(struct alka_instance *instance);

/*
 * Gates to it refuse from now on; what it owns is given back as soon as no other instance imports
 * from it or has its functions in a table. Its code must not be running.
 */
void alka_instance_drop(struct alka_instance *instance);

/*
 * --- Hot swap. All of it while no thread is between a module's thunk and the entry of the callee,
 * nor can come there: the host stops everybody, or holds a lock that module code cannot pass.
 *
 * Can all that `importer` imports from `from` come from `to` instead? Only functions can, of the
 * same type, and only if the importer cannot hand them on (no export, table or ref.func names
 * them). Else *out_import_idx is one that cannot.
 */
ALKA_MUST_CHECK bool alka_instance_can_rebind(const struct alka_instance *importer,
                                              const struct alka_instance *from,
                                              const struct alka_instance *to,
                                              uint32_t *out_import_idx);
/* They do, and their gates are open. */
void alka_instance_rebind(struct alka_instance *importer, struct alka_instance *from,
                          struct alka_instance *to);
/* Calls from `importer` into `from` fault at alka_routine_gone, r11 the record. */
void alka_instance_close_gates(struct alka_instance *importer, const struct alka_instance *from);
/* As before; gates to what is gone meanwhile are dead. */
void alka_instance_open_gates(struct alka_instance *importer, const struct alka_instance *from);

/* Of the record of a call that faulted at alka_routine_gone. */
enum alka_gate_state {
    ALKA_GATE_CLOSED, /* try again later */
    ALKA_GATE_OPEN,   /* again by now: go on at record->routine */
    ALKA_GATE_GONE,   /* a trap */
};
enum alka_gate_state alka_gate_look(const struct alka_import_record *record);

/* False if there is none of that name. */
ALKA_MUST_CHECK bool alka_instance_export(const struct alka_instance *instance,
                                          struct alka_span name, struct alka_extern *out_extern);
/* The export with this index in module.exports. */
void alka_instance_export_at(const struct alka_instance *instance, uint32_t export_idx,
                             struct alka_extern *out_extern);
/* The type of an instance's function. */
const struct alka_functype *alka_func_type(const struct alka_func *func);

/* --- Memories and tables, an instance's own or a host's (owner NULL). --- */

/* `range` in pages or entries. A guard memory takes ALKA_SLOT_BYTES of address space. */
ALKA_MUST_CHECK alka_status alka_memory_make(struct alka_memory *memory,
                                             const struct alka_crucible *crucible,
                                             const struct alka_range *range, uint64_t limit_pages,
                                             enum alka_memory_model model);
/* No instance may use it any more; the Crucible still lives. */
void alka_memory_drop(struct alka_memory *memory);
/* The old size in pages, or -1 (all bits): beyond a limit, or no memory left. */
uint64_t alka_memory_grow(struct alka_memory *memory, uint64_t delta_pages);

/* For a host that puts a memory back to fewer pages: what is beyond `committed_bytes` is no longer
 * mapped. */
void alka_memory_shrink(struct alka_memory *memory, uint64_t pages, uint64_t committed_bytes);

/* Filled with null. */
ALKA_MUST_CHECK alka_status alka_table_make(struct alka_table *table,
                                            const struct alka_crucible *crucible, alka_valtype type,
                                            const struct alka_range *range, uint64_t limit_entries);
void alka_table_drop(struct alka_table *table);
/* The old size, or -1 (all bits). New entries are null. */
uint64_t alka_table_grow(struct alka_table *table, uint64_t delta);
/* To at most its size now; what is beyond is forgotten. */
void alka_table_shrink(struct alka_table *table, uint64_t size);
/* NULL: null. `index` is in range. */
void alka_table_set_func(struct alka_table *table, uint64_t index, const struct alka_func *func);

#endif
