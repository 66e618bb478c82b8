/*
 * What module code, the linker's thunks and the hosts agree on: stacks, instance context, table
 * entries, functions. Assembly sources repeat these offsets; abi_test.c holds them together.
 *
 *   r15   base of memory 0; the context ends there and is reached as [r15 - n]. In a module that
 * imports memory 0, r15 is the end of its context and r14 the memory's base; in a module without
 * memory r15 is the end of its context. rsp   control stack: return addresses and callee-saved
 * registers. No module store can name it. rbp   data stack: frames of spilled values; [rbp +
 * constant]. Integer parameters rdi rsi rdx rcx r8 r9, vector-class parameters xmm0–7; integer
 * results rax rdx rcx rsi rdi r8, vector-class results xmm0–7. What does not fit lies at [rbp + n]
 * of the callee's entry, the bottom of the caller's frame: 8 bytes each in order, 16 for v128
 * (16-byte aligned); parameters and results share that area. rbp is 16-byte aligned at every call.
 * Callee-saved: rbx r12 r13 r14 (and r15, rbp). DF and AC are clear. MXCSR is at its default
 * (0x1F80).
 */
#ifndef ALKAHEST_ABI_H
#define ALKAHEST_ABI_H

#include <alkahest/module.h>
#include <alkahest/status.h>
#include <alkahest/trap.h>
#include <stddef.h>
#include <stdint.h>

#define ALKA_ABI_VERSION 1u

#define ALKA_WASM_PAGE_BYTES 65536u
/* Address space behind a memory base in the guard model: 4 GiB of index and 4 GiB that static
 * offsets and widths reach. */
#define ALKA_SLOT_BYTES (UINT64_C(8) << 30)

/* Control stacks are this large in address space, aligned to it; struct alka_thread is at the top.
 */
#define ALKA_CONTROL_STACK_BYTES (UINT64_C(1) << 20)
/* Frames up to this size are not probed; so a data stack's guard covers control stack ÷ 8 such
 * frames. */
#define ALKA_FRAME_UNPROBED_BYTES 4096u
#define ALKA_DATA_GUARD_BYTES (ALKA_CONTROL_STACK_BYTES / 8 * ALKA_FRAME_UNPROBED_BYTES)

/* Pushed on the control stack by whoever enters module code; a trap pops to the innermost one. */
struct alka_gate {
    struct alka_gate *outer;
    uint64_t resume; /* where a trap continues, with rsp = this record and eax = enum alka_trap */
    uint64_t data_stack; /* rbp to restore */
    struct alka_context *callee;
};

/* The top of each control stack: (rsp | (ALKA_CONTROL_STACK_BYTES - 1)) + 1 - sizeof(struct
 * alka_thread). */
struct alka_thread {
    struct alka_gate *gate; /* innermost; NULL outside of module code */
    uint64_t control_limit; /* lowest mapped byte of the control stack */
    uint64_t
        host_limit; /* rsp must not be below when host code is called: control_limit + its room */
    uint64_t data_limit; /* lowest mapped byte of the data stack */
    uint64_t data_top;
    uint64_t data_guard_bytes; /* unmapped, below data_limit */
    uint64_t trap_kind, trap_pc,
        trap_address; /* of the last trap: enum alka_trap, machine address, faulting address */
    void *owner;      /* whoever made the stack */
    uint64_t reserved[6];
};

/* What a funcref points to. Immutable while any table or module can name it. */
struct alka_func {
    uint64_t code;     /* entry; callable with r15 = context */
    uint64_t context;  /* struct alka_context *: the address behind the callee's context */
    uint64_t memory;   /* r14 for callees that import memory 0, else 0 */
    uint32_t type_id;  /* canonical: equal ids are equal types, in all modules of one linker */
    uint32_t func_idx; /* in the callee's module */
    struct alka_instance *instance; /* NULL for host functions */
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
    const void *func_refs; /* r15 - 88: struct alka_func of each function index, for ref.func */
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
    uint32_t context_bytes;     /* all of it, fixed part included, multiple of 16 */
    const int32_t *global_disp; /* per global: its cell (8 bytes, v128 16). Imported mutable
                                   globals: 8-byte pointer to the cell */
    int32_t table_views_disp;   /* struct alka_view of table 0; table n: + 16 n */
    int32_t memory_views_disp;  /* struct alka_view of memory 0; memory n: + 16 n */
    bool memory_is_separate;    /* r14 holds the base of memory 0 */
};

struct alka_arena;
ALKA_MUST_CHECK alka_status alka_layout_make(const struct alka_module *module,
                                             struct alka_arena *arena,
                                             struct alka_layout *out_layout);

static inline bool alka_global_is_indirect(const struct alka_global_def *global) {
    return global->imported && global->is_mutable;
}

#endif
