/*
 * What one walk of the validator learns about a function body for the walk that emits it. Lives in
 * scratch memory until the function is emitted. Knows no x86.
 */
#ifndef ALKAHEST_SUMMARY_H
#define ALKAHEST_SUMMARY_H

#include <alkahest/module.h>

/* Uses of one local (parameters included), weighted by 8^loop depth, saturating. */
struct alka_local_use {
    alka_valtype type;
    uint32_t weight;
    uint32_t first_off,
        last_off;  /* module offsets of the first and last use, widened to the loops around them */
    uint32_t sets; /* local.set and local.tee */
};

struct alka_body_summary {
    uint32_t func_idx;
    struct alka_piece code; /* the expression, behind the local declarations, `end` included */
    uint32_t param_count, local_count; /* locals include parameters */
    struct alka_local_use *locals;
    uint32_t max_operands; /* deepest operand stack */
    uint32_t max_nesting;  /* deepest control stack, the function's own frame included */
    uint32_t call_count;   /* calls of any kind, memory.grow and other runtime helpers included */
    uint32_t loop_count;
    bool uses_memory;
    /* Grows with the register allocator: intervals, webs, loops. */
};

#endif
