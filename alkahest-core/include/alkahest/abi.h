/*
 * What module code, the linker's thunks and the hosts agree on: stacks, instance context, table
 * entries, functions. Assembly sources repeat these offsets (alkahest-link/runtime.inc); a test
 * there holds the two together.
 *
 * r15  base of memory 0; the context ends there and is reached as [r15 - n]. In a module that
 *      imports memory 0, r15 is the end of its context and r14 the memory's base; in a module
 *      without memory r15 is the end of its context.
 * rsp  control stack: return addresses and callee-saved registers. No module store can name it.
 * rbp  data stack: frames of spilled values, [rbp + constant]. 16-byte aligned at every call.
 *
 * Integer-class parameters rdi rsi rdx rcx r8 r9, vector-class ones xmm0–7; integer-class results
 * rax rdx rcx rsi rdi r8, vector-class ones xmm0–7. What does not fit lies on the data stack: with
 * rbp as at the callee's entry, parameters at [rbp - area + n], where the callee's frame will be
 * (alka_stack_area_bytes), and results at [rbp + n], the bottom of the caller's frame
 * (alka_place_next). So a function can hand its place to one with more parameters (tail calls). An
 * i32 in a register is zero-extended. Callee-saved: rbx r12 r13 r14 (and r15, rbp). DF and AC are
 * clear. MXCSR is at its default (0x1F80).
 *
 * Calls that leave the module go through an alka_import_record, found from r15, so one copy of the
 * code serves every instance. A call of an imported function is
 *     lea r11, [r15 + disp]; call [r11]
 * and clears the upper half of rax itself if its one result is an i32. All other ways out go
 * through 16-byte thunks behind the code, which the linker writes: one per imported function (tail
 * calls, references), one per helper that the code uses, one for foreign table entries.
 */
#ifndef ALKAHEST_ABI_H
#define ALKAHEST_ABI_H

#include <alkahest/module.h>
#include <alkahest/status.h>
#include <alkahest/trap.h>
#include <stddef.h>
#include <stdint.h>

#define ALKA_ABI_VERSION 3u

#define ALKA_WASM_PAGE_BYTES 65536u
/* Address space behind a memory base in the guard model: 4 GiB of index and 4 GiB that static
 * offsets and widths reach. */
#define ALKA_SLOT_BYTES (UINT64_C(8) << 30)
#define ALKA_MEMORY_MOST_PAGES UINT64_C(65536) /* of a memory with 32-bit addresses */
/* What such a memory never grows into, at the end of its 4 GiB, unless it begins there: an index
 * that was good for an access can then be added to without a wrap. */
#define ALKA_MEMORY_SPARE_PAGES 16u

/* Pages that a memory with 32-bit addresses can come to, whatever it declares. */
static inline uint64_t alka_memory_most_pages(const struct alka_range *range) {
    uint64_t most = ALKA_MEMORY_MOST_PAGES - ALKA_MEMORY_SPARE_PAGES;
    return range->min <= most ? most : ALKA_MEMORY_MOST_PAGES;
}

/* Control stacks are this large in address space, aligned to it; struct alka_thread is at the top.
 */
#define ALKA_CONTROL_STACK_BYTES (UINT64_C(1) << 20)
/* Frames up to this size are not probed; so a data stack's guard covers control stack ÷ 8 such
 * frames, and one of the largest size, which is probed at its far end. */
#define ALKA_FRAME_UNPROBED_BYTES 4096u
#define ALKA_FRAME_MOST_BYTES (UINT32_C(16) << 20)
#define ALKA_DATA_GUARD_BYTES \
    (ALKA_CONTROL_STACK_BYTES / 8 * ALKA_FRAME_UNPROBED_BYTES + ALKA_FRAME_MOST_BYTES)

/* Pushed on the control stack by whoever enters module code; a trap pops to the innermost one. The
 * return address of that entry lies right below and says what kind it is: alkahest/gate.h. */
struct alka_gate {
    struct alka_gate *outer;
    uint64_t callee; /* its r15 */
};

/* The top of each control stack: (rsp | (ALKA_CONTROL_STACK_BYTES - 1)) + 1 - sizeof(struct
 * alka_thread). */
struct alka_thread {
    struct alka_gate *gate; /* innermost; NULL outside of module code */
    uint64_t control_limit; /* lowest mapped byte of the control stack */
    /* rsp must not be below when host code is called: control_limit + its room */
    uint64_t host_limit;
    uint64_t data_limit; /* lowest mapped byte of the data stack */
    uint64_t data_top;
    uint64_t data_guard_bytes; /* unmapped, below data_limit */
    uint64_t data_pointer;     /* rbp of the module code that called out; data_top outside of it */
    /* enum alka_trap: raised when the host function that runs now returns. alka_trap_pend sets it:
     * for the function itself, or for whoever kills the module while its thread is in host code. */
    uint64_t pending;
    struct alka_trap_report *report; /* of the last trap; NULL: nobody wants to know */
    void *owner;                     /* whoever made the stack */
    uint64_t exception;              /* the last one that nobody caught: a reference, or 0 */
    /* Where the return address of the innermost host function that runs lies; 0: none runs. Of no
     * meaning while module code runs. */
    uint64_t *host_call;
    uint64_t pending_back; /* what lay there, while a trap is pending */
    /* Of the last call that a gate answered in the callee's place: enum alka_trap, and the caller's
     * r15 (alka_call_error). */
    uint64_t error, error_caller;
    uint64_t reserved;
};

/* What a funcref points to. Immutable while any table or module can name it. */
struct alka_func {
    /* As an alka_table_entry that names it: a reference is called like one. */
    uint64_t code;    /* entry; callable with r15 = context */
    uint64_t context; /* struct alka_context *: the address behind the callee's context */
    uint64_t self;
    uint32_t type_id;  /* canonical: equal ids are equal types, in all modules of one linker */
    uint32_t func_idx; /* in the callee's module */
    uint64_t memory;   /* r14 for callees that import memory 0, else 0 */
    const uint32_t *supertype_ids;  /* from the nearest on; ALKA_NO_INDEX ends them */
    struct alka_instance *instance; /* begins with its uint64_t generation */
};

/* Has the function the type, or one below it? */
static inline bool alka_func_extends(const struct alka_func *func, uint32_t type_id) {
    if (func->type_id == type_id)
        return true;
    const uint32_t *super = func->supertype_ids;
    while (*super != ALKA_NO_INDEX && *super != type_id)
        super++;
    return *super == type_id;
}

/*
 * What calls out of the module go through; one per imported function and instance, in the
 * instance's context. Only the linker writes it. 64 bytes.
 */
struct alka_import_record {
    uint64_t routine;             /* a routine of alkahest-link: how a call is made */
    uint64_t any_routine;         /* and how what may be a tail call is made */
    uint64_t target;              /* entry of the function called */
    uint64_t context;             /* r15 and */
    uint64_t memory;              /* r14 of the callee, for calls into another instance */
    uint64_t expected_generation; /* which the callee's context must still have */
    union {
        const struct alka_functype *type; /* host functions that take a value array */
        uint64_t depth_max; /* other instances: how many gates a call may be inside of; 0: any */
    };
    uint64_t detail; /* value array: its bytes; gate that returns errors: the value returned */
};

/* One entry of a funcref table: the func flattened, so that call_indirect touches one cache line.
 * 32 bytes. */
struct alka_table_entry {
    uint64_t code, context,
        func; /* func 0: null, then code and context are 0 and type_id is ALKA_NO_INDEX */
    uint32_t type_id, reserved;
};

/* The callable view of a table or memory inside the context; the runtime rewrites every view when
 * the thing grows. */
struct alka_view {
    uint64_t base; /* host address of entry or byte 0 */
    uint64_t size; /* entries, or bytes */
};

/* The fixed part of the instance context: ends where r15 points. */
struct alka_context {
    uint64_t reserved[4];
    struct alka_instance *instance; /* r15 - 96 */
    /* r15 - 88: struct alka_func of each function that ref.func may name */
    struct alka_func *func_refs;
    uint64_t memory_mask;  /* r15 - 80: wrap model: size rounded to a power of two, minus 1 */
    uint64_t memory_bytes; /* r15 - 72: current size of memory 0 */
    uint64_t memory_base;  /* r15 - 64: of memory 0 */
    uint64_t memory_pages; /* r15 - 56 */
    uint64_t generation;   /* r15 - 48: gates to older generations fail */
    uint64_t user;         /* r15 - 40: the host's own */
    uint64_t reserved_end[4];
};

#define ALKA_CONTEXT_BYTES sizeof(struct alka_context)
/* Negative offsets from r15 of fields of the fixed part. */
#define ALKA_CONTEXT_DISP(field) \
    ((int32_t)offsetof(struct alka_context, field) - (int32_t)ALKA_CONTEXT_BYTES)

/*
 * Where the variable part of the context lies, below the fixed part: a function of the module
 * tables alone, so that the code generator and the linker agree without talking. All displacements
 * are negative, from r15.
 */
struct alka_layout {
    uint32_t context_bytes;      /* all of it, fixed part included, multiple of 16 */
    const int32_t *global_disp;  /* per global: its cell (8 bytes, v128 16). Imported mutable
                                    globals: 8-byte pointer to the cell */
    int32_t table_views_disp;    /* struct alka_view of table 0; table n: + 16 n */
    int32_t memory_views_disp;   /* struct alka_view of memory 0; memory n: + 16 n */
    int32_t import_records_disp; /* struct alka_import_record of function 0; function n: + 64 n */
    /* Per function: which of the instance's alka_func it is (context.func_refs); ALKA_NO_INDEX if
     * nothing can name it. Ascending. */
    const uint32_t *func_ref_idx;
    uint32_t func_ref_count;
    bool memory_is_separate; /* r14 holds the base of memory 0 */
};

/* `global_disp` and `func_ref_idx` are made in the arena. ALKA_E_OUT_OF_MEMORY, ALKA_E_ARENA_LIMIT.
 */
struct alka_arena;
ALKA_MUST_CHECK alka_status alka_layout_make(const struct alka_module *module,
                                             struct alka_arena *arena,
                                             struct alka_layout *out_layout);

static inline bool alka_global_is_indirect(const struct alka_global_def *global) {
    return global->imported && global->is_mutable;
}

/* Where parameters and results travel: start with {0} for each list of types, then one
 * alka_place_next per type in order. */
enum alka_place_kind { ALKA_PLACE_INTEGER, ALKA_PLACE_VECTOR, ALKA_PLACE_STACK };

struct alka_place {
    enum alka_place_kind kind;
    uint32_t index; /* INTEGER, VECTOR: which register of the list; STACK: n of [rbp + n] */
};

struct alka_places {
    uint32_t integers, vectors, stack_bytes;
};

#define ALKA_PLACE_INTEGERS 6u
#define ALKA_PLACE_VECTORS 8u

static inline struct alka_place alka_place_next(struct alka_places *places, alka_valtype type) {
    if (alka_valtype_is_vector(type)) {
        if (places->vectors < ALKA_PLACE_VECTORS)
            return (struct alka_place){ALKA_PLACE_VECTOR, places->vectors++};
    } else if (places->integers < ALKA_PLACE_INTEGERS) {
        return (struct alka_place){ALKA_PLACE_INTEGER, places->integers++};
    }
    uint32_t bytes = alka_valtype_kind(type) == ALKA_KIND_V128 ? 16 : 8;
    uint32_t at = (places->stack_bytes + bytes - 1) & ~(bytes - 1);
    places->stack_bytes = at + bytes;
    return (struct alka_place){ALKA_PLACE_STACK, at};
}

/* Bytes of the data stack that hold the parameters, or the results, which do not fit into
 * registers: a multiple of 16. */
static inline uint32_t alka_stack_area_bytes(const alka_valtype *types, uint32_t count) {
    if (count <= ALKA_PLACE_INTEGERS)
        return 0;
    struct alka_places places = {0};
    for (uint32_t i = 0; i < count; i++)
        (void)alka_place_next(&places, types[i]);
    return (places.stack_bytes + 15) & ~UINT32_C(15);
}

#endif
