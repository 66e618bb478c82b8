/*
 * Room: codegen. Blocks: opening, else, end. Comes in: structured control. Goes out: labels with
 * their places for values. Must keep every step independent of how many blocks, branches and locals
 * there are: homes do not move, so all that a merge does is to put the block's results in place.
 *
 * At each label, entries below the block's own are constants or in their slots, and temporaries are
 * free. The label's values: a single one in rax or xmm0, several in their slots; a loop's always in
 * slots; the function's results where the ABI wants them.
 */
#include "control.h"
#include "frame.h"

static void block_types_single(struct block *block, alka_valtype type) {
    block->single = type;
    block->results = &block->single;
    block->result_count = 1;
}

static alka_valtype block_value_type(int64_t code) {
    switch (code & 0x7F) {
    case 0x7F:
        return ALKA_I32;
    case 0x7E:
        return ALKA_I64;
    case 0x7D:
        return ALKA_F32;
    case 0x7C:
        return ALKA_F64;
    case 0x7B:
        return ALKA_V128;
    default: /* a reference: which one makes no difference here */
        return ALKA_EXTERNREF;
    }
}

static void block_read_type(struct emit *e, struct block *block) {
    int64_t code = emit_take_valtype(e);
    if (code >= 0) {
        const struct alka_functype *type = &e->gen->module->types[code];
        block->params = type->params;
        block->param_count = type->param_count;
        block->results = type->results;
        block->result_count = type->result_count;
    } else if (code != -64) {
        block_types_single(block, block_value_type(code));
    }
}

/* The place of a label's only value. */
static uint8_t block_single_reg(alka_valtype type) {
    return alka_valtype_is_vector(type) ? REG_XMM0 : X64_RAX;
}

static struct block *block_open(struct emit *e, enum block_kind kind) {
    struct block *block = &e->blocks[e->block_count++];
    /* One by one: a whole block in one piece is cleared by a loop. */
    block->kind = (uint8_t)kind;
    block->is_reached = false;
    block->result_reg = REG_NONE;
    block->params = block->results = NULL;
    block->param_count = block->result_count = block->base = 0;
    block->label_off = block->else_off = block->stub_table = NO_OFF;
    block->table_chain = block->clause_chain = 0;
    block->outer_try = e->try_idx;
    block->own_try = NO_OFF;
    block->is_table = block->keeps_exception = false;
    return block;
}

void control_begin(struct emit *e) {
    const struct alka_functype *type = alka_function_type(e->gen->module, e->summary->func_idx);
    struct block *block = block_open(e, BLOCK_BODY);
    block->results = type->results;
    block->result_count = type->result_count;
    if (type->result_count == 1)
        block->result_reg = block_single_reg(type->results[0]);
}

/* Everything below, and the parameters, into slots: constants below stay, parameters do not. */
static void block_settle(struct emit *e, struct block *block) {
    block->base = e->depth - block->param_count;
    stack_flush(e, 0);
    for (uint32_t i = block->base; i < e->depth; i++)
        stack_settle(e, &e->stack[i]);
}

struct block *block_start(struct emit *e, enum block_kind kind) {
    struct block *block = block_open(e, kind);
    block_read_type(e, block);
    if (!emit_reserve(e, EMIT_OP_BYTES + (size_t)block->param_count * 2 * X64_MOST_BYTES))
        return block;
    block_settle(e, block);
    if (block->result_count == 1 && kind != BLOCK_LOOP)
        block->result_reg = block_single_reg(block->results[0]);
    e->next_block++;
    return block;
}

void low_block(struct emit *e, const struct lowering *how) {
    (void)how;
    block_start(e, BLOCK_BLOCK);
}

void low_loop(struct emit *e, const struct lowering *how) {
    (void)how;
    bool is_innermost = e->summary->blocks[e->next_block].is_innermost;
    struct block *block = block_start(e, BLOCK_LOOP);
    if (is_innermost)
        x64_nop(&e->x, -emit_off(e) & 15);
    block->label_off = emit_off(e);
    emit_label(e);
}

void low_if(struct emit *e, const struct lowering *how) {
    (void)how;
    unsigned cond = stack_pop_condition(e);
    struct block *block = block_start(e, BLOCK_IF);
    /* The else arm is a label of its own: borrow the chain of the end for the jump. */
    label_jump(e, block, cond ^ 1);
    block->else_off = block->label_off;
    block->label_off = NO_OFF;
    block->is_reached = false;
}

void stack_drop_to(struct emit *e, uint32_t depth) {
    while (e->depth > depth) {
        if (stack_top(e, 0)->kind == VALUE_FLAGS)
            e->has_flags = false;
        stack_pop(e);
    }
    e->settled = e->settled < e->depth ? e->settled : e->depth;
}

void control_die(struct emit *e) {
    stack_drop_to(e, control_label(e, 0)->base);
    e->halt |= EMIT_DEAD;
}

static void push_slots(struct emit *e, const alka_valtype *types, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        e->stack[e->depth++] =
            (struct value){.kind = VALUE_SLOT, .type = (uint8_t)alka_valtype_kind(types[i])};
    e->settled = e->depth;
}

void low_else(struct emit *e, const struct lowering *how) {
    (void)how;
    struct block *block = control_label(e, 0);
    if (!emit_is_dead(e)) {
        label_place(e, block);
        label_jump(e, block, JUMP_ALWAYS);
    }
    stack_drop_to(e, block->base);
    emit_patch_chain(e, block->else_off, emit_off(e));
    emit_label(e);
    block->else_off = NO_OFF;
    block->kind = BLOCK_ELSE;
    push_slots(e, block->params, block->param_count);
    e->halt &= (uint8_t)~EMIT_DEAD;
    e->next_block++;
}

/* Code at the end of the innermost block is reached by jumps, and maybe by falling through. */
static void block_merge(struct emit *e, struct block *block) {
    if (!emit_is_dead(e))
        label_place(e, block);
    stack_drop_to(e, block->base);
    label_bind(e, block);
    if (block->result_reg != REG_NONE)
        stack_push_reg(e, alka_valtype_kind(block->results[0]), block->result_reg);
    else
        push_slots(e, block->results, block->result_count);
    e->halt &= (uint8_t)~EMIT_DEAD;
}

static void function_end(struct emit *e, struct block *block) {
    if (!emit_is_dead(e))
        label_place(e, block);
    if (!emit_is_dead(e) || block->is_reached) {
        label_bind(e, block);
        frame_leave(e);
    }
    stack_drop_to(e, 0);
    e->halt |= EMIT_DONE;
}

void low_end(struct emit *e, const struct lowering *how) {
    struct block *block = control_label(e, 0);
    if (block->kind == BLOCK_BODY) {
        function_end(e, block);
        return;
    }
    if (block->own_try != NO_OFF)
        try_end(e, block);
    if (block->kind == BLOCK_IF && block->param_count) { /* an else arm that hands them through */
        low_else(e, how);
        e->next_block--; /* it is not one of the summary's */
    }
    if (block->kind == BLOCK_IF) {
        emit_patch_chain(e, block->else_off, emit_off(e));
        label_bind(e, block);
        stack_drop_to(e, block->base);
        e->halt &= (uint8_t)~EMIT_DEAD;
    } else if (block->kind == BLOCK_LOOP) {
        webs_expire(e, e->op_off);
        if (emit_is_dead(e))
            stack_drop_to(e, block->base);
    } else if (block->is_reached || (block->keeps_exception && !emit_is_dead(e))) {
        block_merge(e, block);
    }
    e->block_count--;
}

void low_unreachable(struct emit *e, const struct lowering *how) {
    (void)how;
    stack_settle_loads(e);
    emit_site(e, ALKA_TRAP_UNREACHABLE, e->op_off);
    x64_ud2(&e->x);
    control_die(e);
}

void low_nop(struct emit *e, const struct lowering *how) {
    (void)e;
    (void)how;
}

/* Validated, but not built: structs, arrays and branches on casts. */
void low_unbuilt(struct emit *e, const struct lowering *how) {
    (void)how;
    emit_fail(e, ALKA_E_OBJECTS_UNBUILT);
}
