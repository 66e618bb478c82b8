/*
 * The validator's state (specification, appendix A.3): an operand stack of types and a stack of
 * control frames, advanced one instruction at a time. check.c has the instructions with a fixed
 * signature, check_control.c and check_special.c have the others, one short function each;
 * check_fast.c goes over the common ones again, in one loop; check_run.c drives them all.
 */
#ifndef PARSE_CHECK_H
#define PARSE_CHECK_H

#include "input.h"
#include "summarize.h"

struct check_frame {
    const struct alka_functype *type; /* borrowed: of the module, or static */
    uint32_t floor;                   /* height of the operand stack below the parameters */
    uint32_t op; /* BLOCK, LOOP, IF, ELSE, TRY, CATCH, CATCH_ALL; BLOCK for the function itself */
    uint32_t set_count; /* check.set_count when it was opened */
    bool is_unreachable;
};

struct check {
    struct input in;          /* its arena is the scratch arena */
    const uint8_t *code, *at; /* first byte of the expression, and of the instruction */

    /* Two readable slots lie below `stack`. `stack_end` leaves room for one push beyond the limit.
     */
    alka_valtype *stack, *sp, *stack_end;
    alka_valtype *floor;   /* of the innermost frame */
    alka_valtype *deepest; /* sp never was higher */

    struct check_frame *frames;
    uint32_t depth, frame_room, deepest_frame;
    uint32_t arms, deepest_arms; /* open catch arms of the older kind */

    const struct alka_functype *type; /* of the function */
    struct alka_functype body_type;   /* of its body as a block: the parameters are locals */
    const alka_valtype *locals;       /* parameters first */
    uint32_t local_count;
    /* Locals that have no value before they are set (3.4.1): those set so far, in their order, and
     * which they are. NULL: every local has a value from the start. */
    uint32_t *set_locals, set_count;
    uint8_t *is_set;
    bool has_memory32;  /* memory 0 exists and has 32-bit addresses */
    bool is_summarized; /* whether anybody wants to know what summarize.h finds out: out_summary */
    struct alka_body_summary *out_summary;
    struct summarize sum;
};

static inline struct check_frame *check_top(struct check *check) {
    return &check->frames[check->depth - 1];
}

/* Records a failure of the instruction at hand. */
IN_COLD alka_status check_fail(const struct check *check, alka_status code, uint64_t arg0,
                               uint64_t arg1);

/* Room for `count` pushes. ALKA_E_LIMIT_OPERANDS. */
ALKA_MUST_CHECK alka_status check_grow(struct check *check, uint32_t count);
ALKA_MUST_CHECK static inline alka_status check_room(struct check *check, uint32_t count) {
    if (IN_LIKELY((size_t)(check->stack_end - check->sp) > count))
        return ALKA_OK;
    return check_grow(check, count);
}

ALKA_MUST_CHECK alka_status check_push(struct check *check, alka_valtype type);
ALKA_MUST_CHECK alka_status check_pop(struct check *check, alka_valtype type);
ALKA_MUST_CHECK alka_status check_pop_any(struct check *check, alka_valtype *out_type);
ALKA_MUST_CHECK alka_status check_push_types(struct check *check, const alka_valtype *types,
                                             uint32_t count);
/* Whether the topmost values have exactly these types. */
bool check_holds(const struct check *check, const alka_valtype *types, uint32_t count);
ALKA_MUST_CHECK alka_status check_pop_types(struct check *check, const alka_valtype *types,
                                            uint32_t count);

/* An index that must be below `count`, else `unknown`. */
ALKA_MUST_CHECK alka_status check_index(struct check *check, uint32_t count, alka_status unknown,
                                        uint32_t *out_index);
/* The index of a memory: a zero byte unless there may be several (5.4.6). */
ALKA_MUST_CHECK alka_status check_memory_index(struct check *check, uint32_t *out_memory_idx);
static inline alka_valtype check_address_type(const struct alka_range *range) {
    return range->is_64 ? ALKA_I64 : ALKA_I32;
}

/* Nothing behind the instruction is reachable in its block. */
void check_unreachable(struct check *check);
/* A control frame without its parameters; there is room for it. */
static inline void check_open_frame(struct check *check, uint32_t op,
                                    const struct alka_functype *type) {
    check->frames[check->depth++] = (struct check_frame){
        .type = type,
        .floor = (uint32_t)(check->sp - check->stack),
        .op = op,
        .set_count = check->set_count,
    };
    if (check->depth > check->deepest_frame)
        check->deepest_frame = check->depth;
    check->floor = check->sp;
}
ALKA_MUST_CHECK alka_status check_push_frame(struct check *check, uint32_t op,
                                             const struct alka_functype *type);
static inline void check_summarize_frame(struct check *check, uint32_t op) {
    if (!check->is_summarized)
        return;
    if (op == ALKA_OP_BLOCK)
        summarize_block(&check->sum);
    if (op == ALKA_OP_LOOP)
        summarize_loop(&check->sum);
    if (op == ALKA_OP_IF)
        summarize_if(&check->sum);
}

static inline bool check_is_set(const struct check *check, uint32_t local_idx) {
    return !check->is_set || check->is_set[local_idx];
}
static inline void check_note_set(struct check *check, uint32_t local_idx) {
    if (check_is_set(check, local_idx))
        return;
    check->is_set[local_idx] = 1;
    check->set_locals[check->set_count++] = local_idx;
}
/* What was set in the innermost frame is not set behind it. */
static inline void check_forget_sets(struct check *check) {
    while (check->set_count > check_top(check)->set_count)
        check->is_set[check->set_locals[--check->set_count]] = 0;
}

/* What a label takes. */
struct check_label {
    const alka_valtype *types;
    uint32_t count;
};
/* Reads the index of a label; tells the summary of the branch once it is known to be right. */
ALKA_MUST_CHECK alka_status check_read_label(struct check *check, uint32_t *out_depth,
                                             struct check_label *out_label);
void check_branch(struct check *check, uint32_t depth);
/* Parameters are popped, results pushed; a tail call's results are the function's. */
ALKA_MUST_CHECK alka_status check_apply(struct check *check, const struct alka_functype *type,
                                        bool is_tail);

/* The instructions whose types depend on more than the opcode; its immediates are next. */
ALKA_MUST_CHECK alka_status check_control(struct check *check, uint32_t op);
ALKA_MUST_CHECK alka_status check_special(struct check *check, uint32_t op);
/* Typed references; objects. */
ALKA_MUST_CHECK alka_status check_reference(struct check *check, uint32_t op);
ALKA_MUST_CHECK alka_status check_object(struct check *check, uint32_t op);
ALKA_MUST_CHECK alka_status check_exceptions(struct check *check, uint32_t op);

/* check_control.c: a block type; the end of a block or of one of its arms, whose results and
 * nothing but them are there. */
ALKA_MUST_CHECK alka_status check_block_type(struct check *check,
                                             const struct alka_functype **out_type);
ALKA_MUST_CHECK alka_status check_finish_arm(struct check *check);
ALKA_MUST_CHECK alka_status check_end(struct check *check);

/* Advances over common instructions up to one that it leaves to check_step. */
void check_fast(struct check *check);
/* Ready for the first instruction of a defined function. */
ALKA_MUST_CHECK alka_status check_begin(struct check *check, struct alka_module *module,
                                        uint32_t func_idx, struct alka_arena *scratch,
                                        struct alka_diag *diag);
/* One instruction, whose opcode is at the cursor. */
ALKA_MUST_CHECK alka_status check_step(struct check *check);

/* Validates the first `count` defined functions; `scratch` is reset after each. */
ALKA_MUST_CHECK alka_status check_bodies(struct alka_module *module, uint32_t count,
                                         struct alka_arena *scratch, struct alka_diag *out_diag);

#endif
