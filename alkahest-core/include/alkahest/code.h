/*
 * Machine code as the code generator leaves it: position-independent but for relocations, the same
 * bytes in memory and in an .alk file. `text` holds the functions one after the other, then 16-byte
 * aligned read-only data.
 */
#ifndef ALKAHEST_CODE_H
#define ALKAHEST_CODE_H

#include <alkahest/abi.h>

enum alka_memory_model { ALKA_MEMORY_GUARD, ALKA_MEMORY_CHECKED, ALKA_MEMORY_WRAP };

enum alka_cpu_feature {
    ALKA_CPU_SSE3 = 1 << 0,
    ALKA_CPU_SSSE3 = 1 << 1,
    ALKA_CPU_SSE41 = 1 << 2,
    ALKA_CPU_SSE42 = 1 << 3,
    ALKA_CPU_POPCNT = 1 << 4,
    ALKA_CPU_AVX = 1 << 5,
    ALKA_CPU_AVX2 = 1 << 6,
    ALKA_CPU_BMI1 = 1 << 7,
    ALKA_CPU_BMI2 = 1 << 8,
    ALKA_CPU_LZCNT = 1 << 9,
    ALKA_CPU_FMA = 1 << 10,
    ALKA_CPU_X86_64_V1 = 0,
    ALKA_CPU_X86_64_V2 =
        ALKA_CPU_SSE3 | ALKA_CPU_SSSE3 | ALKA_CPU_SSE41 | ALKA_CPU_SSE42 | ALKA_CPU_POPCNT,
    ALKA_CPU_X86_64_V3 = ALKA_CPU_X86_64_V2 | ALKA_CPU_AVX | ALKA_CPU_AVX2 | ALKA_CPU_BMI1 |
                         ALKA_CPU_BMI2 | ALKA_CPU_LZCNT | ALKA_CPU_FMA,
};
typedef uint32_t alka_cpu_set;

/* Runtime helpers that code calls: plain System V functions, whose parameters are the operands in
 * order, then the immediates, then the caller's context. */
/* HELPER(id, C symbol, parameters without the context, i32 result: 1; 2: its own routine) */
/* clang-format off */
#define ALKA_HELPERS(HELPER)                                                                      \
    HELPER(MEMORY_GROW, alka_helper_memory_grow, 2, 0) /* (delta, memory) → u64 old pages, -1 */  \
    HELPER(MEMORY_COPY, alka_helper_memory_copy, 5, 0) /* (to, from, bytes, memories to, from) */ \
    HELPER(MEMORY_FILL, alka_helper_memory_fill, 4, 0) /* (to, byte, bytes, memory) */            \
    HELPER(MEMORY_INIT, alka_helper_memory_init, 5, 0) /* (to, from, bytes, segment, memory) */   \
    HELPER(DATA_DROP, alka_helper_data_drop, 1, 0)     /* (segment) */                            \
    HELPER(TABLE_SET, alka_helper_table_set, 3, 0)     /* (index, reference, table) */            \
    HELPER(TABLE_GROW, alka_helper_table_grow, 3, 0)   /* (ref, delta, table) → u64 old size, -1 */ \
    HELPER(TABLE_FILL, alka_helper_table_fill, 4, 0)   /* (to, reference, count, table) */        \
    HELPER(TABLE_COPY, alka_helper_table_copy, 5, 0)   /* (to, from, count, tables to, from) */   \
    HELPER(TABLE_INIT, alka_helper_table_init, 5, 0)   /* (to, from, count, segment, table) */    \
    HELPER(ELEM_DROP, alka_helper_elem_drop, 1, 0)     /* (segment) */                            \
    HELPER(GLOBAL_SET, alka_helper_global_set, 2, 0)   /* (funcref, global) */                    \
    HELPER(NOTIFY, alka_helper_notify, 4, 1)           /* (index, count, offset, memory) */       \
    HELPER(WAIT32, alka_helper_wait32, 5, 1) /* (index, expected, timeout, offset, memory) */     \
    HELPER(WAIT64, alka_helper_wait64, 5, 1) /* the same */                                       \
    HELPER(THROW, alka_helper_throw, tag, 2) /* the tag's parameters, the tag itself in eax */    \
    HELPER(THROW_REF, alka_helper_throw, ref, 2) /* (exception) */ \
    HELPER(REF_TEST, alka_helper_ref_test, 2, 1)       /* (reference, valtype) → has it the type? */ \
    HELPER(REF_CAST, alka_helper_ref_cast, 2, 0)       /* (reference, valtype) → the reference */
/* clang-format on */

enum alka_helper {
#define ALKA_HELPER_ID(id, symbol, params, is_i32) ALKA_HELPER_##id,
    ALKA_HELPERS(ALKA_HELPER_ID)
#undef ALKA_HELPER_ID
        ALKA_HELPER_COUNT
};

enum alka_reloc_kind {
    ALKA_RELOC_IMPORT_CALL,  /* rel32: the thunk of imported function `index`, for tail calls */
    ALKA_RELOC_HELPER_CALL,  /* rel32: the thunk of enum alka_helper `index` */
    ALKA_RELOC_FOREIGN_CALL, /* rel32: the thunk that calls the alka_table_entry in r11, whose
                                context is not r15 */
    ALKA_RELOC_TYPE_ID,      /* imm32: canonical id of function type `index` */
};

struct alka_reloc {
    uint32_t code_off; /* of the four bytes to patch */
    uint32_t kind : 8, index : 24;
};

/*
 * Where exceptions go. These tables end the read-only data, and are looked at only when something
 * is thrown: a function's frame by its number, the handlers around a call by its return address.
 */
struct alka_unwind {
    /* Offsets in the text: a word per defined function (alka_unwind_frame_bytes, _saved), and the
     * three tables below. */
    uint32_t frames_off, sites_off, tries_off, clauses_off;
    uint32_t site_count, try_count, clause_count;
};

/* Bytes of data stack, a multiple of 16, and which callee-saved registers the prologue pushed, from
 * the lowest bit on: rbx r12 r13 r14. */
static inline uint32_t alka_unwind_frame_bytes(uint32_t frame) { return frame & ~UINT32_C(15); }
static inline uint32_t alka_unwind_frame_saved(uint32_t frame) { return frame & 15; }

/* A call inside of a try; sorted by code_off. */
struct alka_call_site {
    uint32_t code_off; /* behind the call */
    uint32_t try_idx;  /* the innermost */
};

struct alka_try {
    uint32_t outer;        /* who is asked next; ALKA_NO_INDEX: the caller */
    uint32_t first_clause; /* ALKA_NO_INDEX: there is none */
};

/*
 * A handler. At its pad the exception's values are where results of a call would be, and behind
 * them a reference to the exception if it wants one; callee-saved registers and rbp are as at the
 * call.
 */
struct alka_clause {
    uint32_t tag_idx; /* ALKA_NO_INDEX: any */
    uint32_t next;    /* of the same try, or ALKA_NO_INDEX */
    uint32_t pad_off, with_ref;
};

struct alka_code {
    const uint8_t *text; /* functions, then read-only data */
    uint32_t text_bytes, functions_bytes;
    uint32_t unwind_off;           /* of struct alka_unwind, in the text */
    const uint32_t *function_offs; /* per defined function: first byte; one more: functions_bytes */
    const struct alka_trap_site *trap_sites; /* sorted by code_off */
    const struct alka_reloc *relocs;         /* sorted by code_off */
    uint32_t function_count, trap_site_count, reloc_count;
    enum alka_memory_model memory_model;
    alka_cpu_set cpu_required;
};

#endif
