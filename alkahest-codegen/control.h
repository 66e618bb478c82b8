/*
 * Blocks and branches.
 */
#ifndef ALKAHEST_CODEGEN_CONTROL_H
#define ALKAHEST_CODEGEN_CONTROL_H

#include "lowerings.h"

/* Opens the block that is the function's body. */
void control_begin(struct emit *e);

/* The block that a label names; 0 is the innermost. */
static inline struct block *control_label(struct emit *e, uint32_t depth) {
    return &e->blocks[e->block_count - 1 - depth];
}

/* branch.c: values that a label takes, and how many. */
uint32_t label_arity(const struct block *block);
/* Brings the topmost values to the label's places; no code follows that needs the stack as it was.
 */
void label_place(struct emit *e, struct block *block);
/* Jumps to the label; `cond` from stack_pop_condition or JUMP_ALWAYS. */
enum { JUMP_ALWAYS = 32 };
void label_jump(struct emit *e, struct block *block, unsigned cond);
/* Everything that jumps to the block's end arrives here. */
void label_bind(struct emit *e, struct block *block);

/* Opens a block whose type comes next: everything into slots, for a label may follow. */
struct block *block_start(struct emit *e, enum block_kind kind);
void stack_drop_to(struct emit *e, uint32_t depth);

/* try.c: the body of the block's try ends. */
void try_end(struct emit *e, struct block *block);

/* No path leads to what follows: forgets the innermost block's operands. */
void control_die(struct emit *e);

#endif
