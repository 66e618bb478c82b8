/*
 * What one walk of the validator learns about a function body for the walk that emits it. Lives in
 * scratch memory until the function is emitted. Knows no x86.
 *
 * A local is not one variable: the compiler that made the module reused its number. A *definition*
 * is the local's initial value or one local.set or local.tee of it; a *web* is a run of definitions
 * of one local that a read may see together. Webs of one local never hold live values at the same
 * time, so each may live somewhere else.
 *
 * Both walks number alike, and leave out code that no path reaches (what stands between br, return,
 * br_table or unreachable and the end of its block, and what follows a block whose end nothing
 * reaches): definitions 0 … local_count - 1 are the initial values, then one per set or tee in the
 * order of the bytes; blocks: 0 is the body, then one per block, loop, if and else, try_table, try
 * and its arms. The definition
 * that a local.get reads is the latest of its local, in the order of the bytes.
 */
#ifndef ALKAHEST_SUMMARY_H
#define ALKAHEST_SUMMARY_H

#include <alkahest/module.h>

/* Weights count uses, each 8^loop depth times; they saturate. */
struct alka_web {
    alka_valtype type;
    uint32_t local;
    uint32_t weight;       /* reads and writes */
    uint32_t write_weight; /* of which writes */
    uint32_t call_weight;  /* calls between the first write and the last read */
    /* Module offsets: of the instruction that writes it first, 0 if it holds an initial value; of
     * the last instruction that reads it, or of the end of a loop that it is carried around. */
    uint32_t first_off, last_off;
    /* The same counted in steps: 0 is the function's start, then one per set or tee. Webs with
     * disjoint ranges of steps are never live at once. */
    uint32_t first_step, last_step;
    bool is_initial; /* holds the local's initial value: the parameter, or zero */
};

struct alka_block_facts {
    uint32_t end_off; /* module offset of its `end` */
    bool is_loop, is_innermost;
    bool is_rethrown; /* an arm of the older try whose exception is thrown again */
};

struct alka_body_summary {
    uint32_t func_idx;
    struct alka_piece code; /* the expression, behind the local declarations, `end` included */
    uint32_t param_count, local_count; /* locals include parameters */
    const alka_valtype *local_types;
    const uint32_t *def_webs; /* per definition its web; ALKA_NO_INDEX: nobody reads it */
    const struct alka_web *webs;
    const struct alka_block_facts *blocks;
    uint32_t def_count, web_count, block_count;
    uint32_t max_operands; /* deepest operand stack */
    uint32_t max_nesting;  /* deepest control stack, the function's own frame included */
    uint32_t call_count; /* calls of any kind but tail calls, memory.grow and other runtime helpers
                            included */
    uint32_t max_call_params,
        max_call_results; /* of any one call; tail calls have only the first */
    uint32_t loop_count;
};

#endif
