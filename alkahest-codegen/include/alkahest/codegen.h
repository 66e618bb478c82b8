/*
 * The code generator: validated bodies → x86-64, one forward walk each, no IR (design:
 * docs/one-function.md). Use: alka_codegen_begin, then alka_codegen_function for each defined
 * function in order, right after it was validated, then alka_codegen_finish.
 */
#ifndef ALKAHEST_CODEGEN_H
#define ALKAHEST_CODEGEN_H

#include <alkahest/arena.h>
#include <alkahest/code.h>
#include <alkahest/summary.h>

/* What `-d regs,emit` and the disassembler show: codegen_trace.h. */
struct alka_codegen_trace;

struct alka_codegen_options {
    enum alka_memory_model memory_model;
    alka_cpu_set cpu;        /* features the code may use */
    uint32_t register_limit; /* allocatable general registers at most; 0: all (stress testing) */
    const struct alka_codegen_trace *trace; /* NULL: none */
};

/* Opaque; lives in the session's arena. */
struct alka_codegen;

/*
 * `module` and its tables are borrowed until finish. `text_base` is address space from the
 * Crucible's code_reserve of `text_reserve_bytes`, committed by the code generator as it fills;
 * tables (offsets, trap sites, relocations) are made with pages of the Crucible.
 */
ALKA_MUST_CHECK alka_status alka_codegen_begin(const struct alka_module *module,
                                               const struct alka_codegen_options *options,
                                               const struct alka_crucible *crucible,
                                               struct alka_arena *arena, void *text_base,
                                               size_t text_reserve_bytes,
                                               struct alka_codegen **out_codegen);

/* ALKA_E_CODE_TOO_LARGE, ALKA_E_FRAME_TOO_LARGE, ALKA_E_VECTORS_NEED_SSE42, ALKA_E_OUT_OF_MEMORY.
 * `scratch` is reset by the caller after each function. */
ALKA_MUST_CHECK alka_status alka_codegen_function(struct alka_codegen *codegen,
                                                  const struct alka_body_summary *summary,
                                                  struct alka_arena *scratch,
                                                  struct alka_diag *out_diag);

/* The result borrows from the code generator until alka_codegen_drop. */
ALKA_MUST_CHECK alka_status alka_codegen_finish(struct alka_codegen *codegen,
                                                struct alka_code *out_code);

/* How much of text_base it has committed: a multiple of pages, at least text_bytes. Whoever puts
 * thunks behind the text commits from there on. */
size_t alka_codegen_committed_bytes(const struct alka_codegen *codegen);

/* Gives back the pages it took (not the text). */
void alka_codegen_drop(struct alka_codegen *codegen);

/* Upper bound of address space that the text of a module can need; for code_reserve. */
size_t alka_codegen_reserve_bytes(const struct alka_module *module);

#endif
