/*
 * The registry: what lives after its session. Images are compiled modules (sealed code and tables,
 * shared by all instances of a module); instances are modules with state of their own. The registry
 * has no lock: who hosts it serializes everything here but alka_trap_decide and alka_call.
 */
#ifndef ALKAHEST_REGISTRY_H
#define ALKAHEST_REGISTRY_H

#include <alkahest/link.h>

/* --- Images. --- */

/* Where machine code lies; read by trap handlers at any moment, so written in one store each. */
struct alka_code_range {
    uint64_t start, end; /* functions only; start 0: free */
    struct alka_image *image;
};

struct alka_image {
    struct alka_registry *registry;
    struct alka_image *next, *previous;
    struct alka_code_range *range;
    uint32_t references; /* of whoever made it, and one per instance */

    struct alka_module module; /* bytes borrowed: they outlive the image */
    struct alka_layout layout;
    struct alka_code code;          /* text as linked; tables are in `arena`; no relocations */
    uint32_t thunks_off;            /* of the import thunks, in text */
    size_t text_held_bytes;         /* code space to give back */
    uint32_t *type_ids;             /* canonical, per type of the module */
    const uint32_t **supertype_ids; /* per type: abi.h */
    const uint32_t *ref_idx;        /* layout.func_ref_idx */
    uint32_t *refs;                 /* the other way: function indices, ascending */
    uint32_t ref_count;
    uint32_t *export_index; /* open addressing; index of the export + 1 */
    uint32_t export_index_mask;
    struct alka_arena arena; /* module tables and all of the above */
};

/* One reference more, one less. The last one gives everything back; the module bytes that were
 * borrowed are free then. */
void alka_image_hold(struct alka_image *image);
void alka_image_release(struct alka_image *image);

/* By the name section, else empty. */
struct alka_span alka_image_function_name(const struct alka_image *image, uint32_t func_idx);
/* The export of that name; NULL if there is none. */
const struct alka_export *alka_image_export(const struct alka_image *image, struct alka_span name);
/* Which function holds this offset in the text: ALKA_NO_INDEX if none does. */
uint32_t alka_image_function_at(const struct alka_image *image, uint32_t code_off);

/* What alka_image_add takes over: on success everything, on failure nothing. */
struct alka_image_parts {
    const struct alka_module *module; /* tables in *arena */
    const struct alka_layout *layout;
    const struct alka_code *code; /* text sealed; function_offs and trap_sites are copied */
    uint32_t thunks_off;
    size_t text_held_bytes;
    uint32_t *type_ids; /* in *arena, one reference each in registry->types */
    struct alka_arena *arena;
};
ALKA_MUST_CHECK alka_status alka_image_add(struct alka_registry *registry,
                                           const struct alka_image_parts *parts,
                                           struct alka_image **out_image);

/* --- The registry. --- */

struct alka_instance;
struct alka_instance_chunk;
struct alka_range_chunk;

struct alka_registry {
    const struct alka_crucible *crucible;
    struct alka_type_table types;
    struct alka_image *images; /* newest first */
    struct alka_range_chunk *ranges;
    struct alka_instance_chunk *instances;
    struct alka_instance *free_instance;
    uint32_t image_count, instance_count; /* living ones */
    uint64_t tag_serials;                 /* given out */
    struct alka_exceptions *exceptions;   /* those that references name; NULL: none so far */
};

void alka_registry_init(struct alka_registry *registry, const struct alka_crucible *crucible);
/* Drops every instance, whoever imports it, and every image. No module code may be running. */
void alka_registry_drop(struct alka_registry *registry);

/* By id; NULL if it is gone. */
struct alka_instance *alka_registry_get(const struct alka_registry *registry, uint32_t id);
/* By name: the oldest living one so called; NULL if there is none. */
struct alka_instance *alka_registry_find(const struct alka_registry *registry,
                                         struct alka_span name);
/* Walks the living ones in the order of ids: start with NULL. */
struct alka_instance *alka_registry_next(const struct alka_registry *registry,
                                         const struct alka_instance *after);

/* The image whose code holds this address; NULL if none. Safe in a trap handler. */
struct alka_image *alka_registry_image_at(const struct alka_registry *registry, uint64_t pc);

/* --- Traps. --- */

enum alka_fault {
    ALKA_FAULT_MEMORY,      /* #PF, SIGSEGV, SIGBUS: `address` is what was touched */
    ALKA_FAULT_DIVIDE,      /* #DE, SIGFPE */
    ALKA_FAULT_INSTRUCTION, /* #UD, SIGILL */
    ALKA_FAULT_OTHER
};

/* The machine state at a fault. */
struct alka_fault_state {
    enum alka_fault fault;
    uint64_t pc, address;
    uint64_t rsp, r15;
};

struct alka_frame {
    const struct alka_image *image;
    uint32_t func_idx;
    uint32_t code_off; /* from the start of the function: of the trap, or behind the call */
};

#define ALKA_REPORT_FRAMES 64

/* The post-trap record. Images are borrowed. */
struct alka_trap_report {
    enum alka_trap kind;
    uint32_t instance_id; /* whose code trapped; 0 if unknown */
    uint32_t wasm_off;    /* of the instruction, in the module; ALKA_DIAG_NONE if unknown */
    uint64_t pc, address;
    uint32_t frame_count; /* innermost first, up to the innermost entry from the host */
    bool frames_cut;      /* there were more */
    struct alka_frame frames[ALKA_REPORT_FRAMES];
};

/* Where the thread goes on after a trap: rip, rsp, and eax = kind. */
struct alka_resume {
    enum alka_trap kind;
    uint64_t rip, rsp;
};

/* The function that holds this address; `behind`: how far before it a byte of the function is (1
 * for return addresses). False: it is not in a module's code. Safe in a trap handler. */
bool alka_registry_frame_at(const struct alka_registry *registry, uint64_t pc, uint32_t behind,
                            struct alka_frame *out_frame);
/* Is it an address in module code that a call returns to? Safe in a trap handler. */
bool alka_registry_returns_to(const struct alka_registry *registry, uint64_t word);

/*
 * Is this fault a module's trap? It is, if pc is in a module's code and in its trap table, and for
 * memory faults the address is in its slot or in one of the thread's stack guards; or if a routine
 * of the linker raised it. Then fills *out_resume and thread->report, and returns true. Else the
 * fault is somebody else's: false, nothing written. Reads nothing through registers before pc is
 * known to be a module's. Needs no lock; runs in signal and exception handlers, not on the thread's
 * own control stack.
 */
bool alka_trap_decide(const struct alka_registry *registry, struct alka_thread *thread,
                      const struct alka_fault_state *state, struct alka_resume *out_resume);

enum alka_interruption {
    ALKA_INTERRUPTED_NOW,   /* *out_resume says where it goes on, as after a trap */
    ALKA_INTERRUPTED_LATER, /* it is in host code: it will trap when that returns */
    ALKA_NOT_INTERRUPTED,   /* no module code on its stack, or between the two: try again soon */
};

/*
 * Ends what a thread runs from outside, for time limits and kills: like a trap of that kind at the
 * interrupted instruction. `state` is the interrupted machine state (`fault` and `address` do not
 * matter). Module code can be left at any instruction; host code that it called cannot, and what
 * runs on another stack (a handler of signals) is left alone. Runs in signal and interrupt
 * handlers, while the thread is stopped.
 */
enum alka_interruption alka_trap_interrupt(const struct alka_registry *registry,
                                           struct alka_thread *thread,
                                           const struct alka_fault_state *state,
                                           enum alka_trap kind, struct alka_resume *out_resume);

/*
 * The instance that made the call behind this gate is dead: its frames stay, but no instruction of
 * it runs any more. When the callee returns or traps, the call that the dead instance was in ends
 * with ALKA_TRAP_KILLED, or with the callee's trap. The thread is stopped, in module code or inside
 * of a host function. False: the gate is one of an entry from the host; nothing was changed.
 */
ALKA_MUST_CHECK bool alka_trap_make_zombie(struct alka_gate *gate);

/* --- Exceptions. --- */

/* An exception that a reference names, as long as anything of the running thread, a global or a
 * table holds it. */
struct alka_exception {
    uint64_t tag_serial;
    uint32_t type_id; /* of the tag */
    uint32_t word_count;
    const uint64_t *words; /* the values, as in alka_call */
};

/* False: `reference` names none, or none any more. The words are good until module code runs. */
bool alka_exception_look(const struct alka_registry *registry, uint64_t reference,
                         struct alka_exception *out_exception);

/* Is pc in module code or in the linker's own routines? Only then is alka_thread_of(rsp) good. */
bool alka_registry_owns_pc(const struct alka_registry *registry, uint64_t pc);

#endif
