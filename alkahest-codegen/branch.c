/*
 * Room: codegen. Branches: br, br_if, br_table, return. Comes in: labels by depth. Goes out: jumps,
 * straight to the target wherever the label's values are in place already. Must touch nothing that
 * the path that does not branch still needs.
 */
#include "control.h"
#include "frame.h"

uint32_t label_arity(const struct block *block) {
    return block->kind == BLOCK_LOOP ? block->param_count : block->result_count;
}

/* --- Jumps -------------------------------------------------------------------------------------*/

static void jump_one(struct emit *e, struct block *block, unsigned cond) {
    if (block->kind == BLOCK_LOOP) {
        const uint8_t *head = emit_at(e, block->label_off);
        if (cond == JUMP_ALWAYS)
            x64_jmp_back(&e->x, head);
        else
            x64_jcc_back(&e->x, (enum x64_cond)cond, head);
        return;
    }
    if (cond == JUMP_ALWAYS)
        x64_jmp(&e->x, block->label_off);
    else
        x64_jcc(&e->x, (enum x64_cond)cond, block->label_off);
    block->label_off = emit_off(e) - 4;
    block->is_reached = true;
}

void label_jump(struct emit *e, struct block *block, unsigned cond) {
    if (cond == FLAG_FLOAT_EQ) {
        uint8_t *unordered = x64_jcc_short(&e->x, X64_P);
        jump_one(e, block, X64_E);
        x64_land(&e->x, unordered);
    } else if (cond == FLAG_FLOAT_NE) {
        jump_one(e, block, X64_P);
        jump_one(e, block, X64_NE);
    } else {
        jump_one(e, block, cond);
    }
    e->has_flags = false;
}

void label_bind(struct emit *e, struct block *block) {
    uint32_t here = emit_off(e);
    emit_label(e);
    emit_patch_chain(e, block->label_off, here);
    while (block->clause_chain) {
        struct alka_clause *clause = emit_clause_at(e, block->clause_chain - 1);
        block->clause_chain = clause->pad_off;
        clause->pad_off = here;
    }
    while (block->table_chain) {
        uint32_t *word = rodata_word(e, block->table_chain - 1);
        block->table_chain = *word;
        *word = here;
    }
}

/* --- Values ------------------------------------------------------------------------------------*/

static void copy_slot(struct emit *e, const struct value *from, int32_t to_disp, unsigned temp) {
    frame_copy(e, from->type, to_disp, slot_disp(e, (uint32_t)(from - e->stack)), temp);
}

/* The topmost values, all in their slots, to the slots of the label: upwards, since a label never
 * lies deeper than what branches to it. */
static void place_in_slots(struct emit *e, uint32_t count, uint32_t base) {
    uint32_t first = e->depth - count;
    if (first == base || count == 0)
        return;
    unsigned temp = stack_alloc(e, REG_GENERAL);
    for (uint32_t i = 0; i < count; i++)
        copy_slot(e, &e->stack[first + i], slot_disp(e, base + i), temp);
    stack_free(e, temp);
}

static void settle_top(struct emit *e, uint32_t count) {
    stack_flush(e, 0);
    for (uint32_t i = e->depth - count; i < e->depth; i++)
        stack_settle(e, &e->stack[i]);
}

/* Several results of the function, all in their slots: first what goes to the caller's frame. */
static void place_results(struct emit *e, const struct block *block) {
    uint32_t first = e->depth - block->result_count;
    struct alka_places places = {0};
    for (uint32_t i = 0; i < block->result_count; i++) {
        struct alka_place place = alka_place_next(&places, block->results[i]);
        if (place.kind == ALKA_PLACE_STACK)
            copy_slot(e, &e->stack[first + i], e->top_disp + (int32_t)place.index, X64_RAX);
    }
    places = (struct alka_places){0};
    for (uint32_t i = 0; i < block->result_count; i++) {
        struct alka_place place = alka_place_next(&places, block->results[i]);
        if (place.kind != ALKA_PLACE_STACK)
            value_load(e, &e->stack[first + i], abi_result_reg(place));
    }
}

/* Values in slots go to the label's places; leaves the operand stack as it is. */
static void place_settled(struct emit *e, struct block *block) {
    if (block->kind == BLOCK_BODY)
        place_results(e, block);
    else
        place_in_slots(e, label_arity(block), block->base);
}

void label_place(struct emit *e, struct block *block) {
    uint32_t arity = label_arity(block);
    if (arity == 0)
        return;
    if (block->result_reg != REG_NONE) {
        struct value *top = stack_top(e, 0);
        if (!value_is_owned_reg(top) || top->base != block->result_reg)
            value_load(e, top, block->result_reg);
        return;
    }
    if (!emit_reserve(e, EMIT_OP_BYTES + (size_t)arity * 4 * X64_MOST_BYTES))
        return;
    settle_top(e, arity);
    place_settled(e, block);
}

/* --- Opcodes -----------------------------------------------------------------------------------*/

static void branch_to(struct emit *e, struct block *block) {
    stack_settle_loads(e);
    label_place(e, block);
    if (block->kind == BLOCK_BODY && frame_is_bare(e))
        x64_ret(&e->x);
    else
        label_jump(e, block, JUMP_ALWAYS);
    control_die(e);
}

void low_br(struct emit *e, const struct lowering *how) {
    (void)how;
    branch_to(e, control_label(e, emit_take_u32(e)));
}

void low_return(struct emit *e, const struct lowering *how) {
    (void)how;
    branch_to(e, &e->blocks[0]);
}

static bool branch_reserve(struct emit *e, const struct block *block) {
    return emit_reserve(e, EMIT_OP_BYTES + (size_t)label_arity(block) * 4 * X64_MOST_BYTES);
}

/* With the flags pending. What is moved to the label's places stays where it was, too. */
static void branch_if(struct emit *e, struct block *block, unsigned cond) {
    uint32_t arity = label_arity(block);
    if (arity == 0) {
        label_jump(e, block, cond);
        return;
    }
    if (block->result_reg != REG_NONE) {
        stack_into(e, stack_top(e, 0), block->result_reg);
        label_jump(e, block, cond);
        return;
    }
    settle_top(e, arity);
    if (block->kind != BLOCK_BODY && block->base == e->depth - arity) {
        label_jump(e, block, cond);
        return;
    }
    /* Over the moves, unless it branches. */
    struct block over = {.kind = BLOCK_BLOCK, .label_off = NO_OFF};
    label_jump(e, &over, cond ^ 1);
    place_settled(e, block);
    label_jump(e, block, JUMP_ALWAYS);
    label_bind(e, &over);
}

void low_br_if(struct emit *e, const struct lowering *how) {
    (void)how;
    struct block *block = control_label(e, emit_take_u32(e));
    if (!branch_reserve(e, block))
        return;
    unsigned cond = stack_pop_condition(e);
    stack_settle_loads(e); /* moves only: the flags survive */
    branch_if(e, block, cond);
}

static void branch_test(struct emit *e, unsigned reg) {
    x64_gg(&e->x, X64_TEST | X64_W, reg_gpr(reg), reg_gpr(reg));
    e->has_flags = true;
}

/* The reference is held apart while the label's values below it are put in place. */
void low_br_on_null(struct emit *e, const struct lowering *how) {
    (void)how;
    struct block *block = control_label(e, emit_take_u32(e));
    if (!branch_reserve(e, block))
        return;
    stack_settle_loads(e);
    unsigned reg = stack_alloc(e, REG_GENERAL & ~REG_BIT(X64_RAX)); /* a label's place */
    value_load(e, stack_top(e, 0), reg);
    stack_pop(e);
    branch_test(e, reg);
    branch_if(e, block, X64_E);
    stack_push_reg(e, ALKA_KIND_REF, reg);
}

void low_br_on_non_null(struct emit *e, const struct lowering *how) {
    (void)how;
    struct block *block = control_label(e, emit_take_u32(e));
    if (!branch_reserve(e, block))
        return;
    stack_settle_loads(e);
    branch_test(e, stack_reg(e, stack_top(e, 0)));
    branch_if(e, block, X64_NE);
    stack_pop(e);
}

/* --- br_table ----------------------------------------------------------------------------------*/

enum { TABLE_LEAST_ARMS = 5 };

/* A label, or a stub that moves the values and jumps there. */
static uint32_t table_target_word(struct block *block, uint32_t word) {
    if (block->kind == BLOCK_LOOP)
        return block->label_off;
    uint32_t link = block->table_chain;
    block->table_chain = word + 1;
    block->is_reached = true;
    return link;
}

static void table_of_labels(struct emit *e, uint32_t count, unsigned index) {
    const uint8_t *labels = e->pc;
    for (uint32_t i = 0; i < count; i++)
        emit_take_u32(e);
    struct block *otherwise = control_label(e, emit_take_u32(e));
    const uint8_t *behind = e->pc;
    e->pc = labels;
    if (count < TABLE_LEAST_ARMS) {
        for (uint32_t i = 0; i < count; i++) {
            x64_alu_imm(&e->x, X64_CMP, reg_rm(index), (int32_t)i);
            label_jump(e, control_label(e, emit_take_u32(e)), X64_E);
        }
        label_jump(e, otherwise, JUMP_ALWAYS);
    } else {
        unsigned base = stack_alloc(e, REG_GENERAL);
        struct rodata table = rodata_jump_table(e, count);
        x64_alu_imm(&e->x, X64_CMP, reg_rm(index), (int32_t)count);
        label_jump(e, otherwise, X64_AE);
        x64_g(&e->x, X64_LEA | X64_W, reg_gpr(base), x64_mem_rip(0));
        rodata_use(e, table, 0);
        x64_g(&e->x, X64_MOVSXD, reg_gpr(index),
              x64_mem_index(reg_gpr(base), reg_gpr(index), 2, 0));
        x64_gg(&e->x, X64_ADD | X64_W, reg_gpr(index), reg_gpr(base));
        x64_n(&e->x, X64_GROUP5, 4, reg_rm(index));
        stack_free(e, base);
        for (uint32_t i = 0; i < count && !e->status; i++) {
            uint32_t word = table.off / 4 + i;
            uint32_t value = table_target_word(control_label(e, emit_take_u32(e)), word);
            *rodata_word(e, word) = value;
        }
    }
    e->pc = behind;
}

/* Labels whose values lie in different places: each label of this table gets one stub, and the
 * table leads to the stubs. */
static void table_of_stubs(struct emit *e, uint32_t count, unsigned index) {
    unsigned base = stack_alloc(e, REG_GENERAL);
    struct rodata table = rodata_jump_table(e, count + 1);
    x64_mov_imm(&e->x, reg_gpr(base), count);
    x64_gg(&e->x, X64_CMP, reg_gpr(index), reg_gpr(base));
    x64_gg(&e->x, X64_CMOV + X64_A, reg_gpr(index), reg_gpr(base));
    x64_g(&e->x, X64_LEA | X64_W, reg_gpr(base), x64_mem_rip(0));
    rodata_use(e, table, 0);
    x64_g(&e->x, X64_MOVSXD, reg_gpr(index), x64_mem_index(reg_gpr(base), reg_gpr(index), 2, 0));
    x64_gg(&e->x, X64_ADD | X64_W, reg_gpr(index), reg_gpr(base));
    x64_n(&e->x, X64_GROUP5, 4, reg_rm(index));
    stack_free(e, base);
    for (uint32_t i = 0; i <= count; i++) {
        struct block *block = control_label(e, emit_take_u32(e));
        size_t bytes = EMIT_OP_BYTES + (size_t)label_arity(block) * 4 * X64_MOST_BYTES;
        if (!emit_reserve(e, bytes) || e->status)
            return;
        if (block->stub_table != e->op_off) {
            block->stub_table = e->op_off;
            block->stub_off = emit_off(e);
            if (block->result_reg != REG_NONE)
                value_load(e, stack_top(e, 0), block->result_reg);
            else
                place_settled(e, block);
            label_jump(e, block, JUMP_ALWAYS);
        }
        *rodata_word(e, table.off / 4 + i) = block->stub_off;
    }
}

/* Do all labels take their values in the same places? */
static bool table_is_uniform(struct emit *e, uint32_t count) {
    const uint8_t *labels = e->pc;
    bool uniform = true;
    for (uint32_t i = 0; i <= count; i++) {
        const struct block *block = control_label(e, emit_take_u32(e));
        uniform &= label_arity(block) == 0 || block->result_reg != REG_NONE;
    }
    e->pc = labels;
    return uniform;
}

void low_br_table(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t count = emit_take_u32(e);
    stack_settle_loads(e);
    const uint8_t *labels = e->pc;
    struct block *first = control_label(e, emit_take_u32(e));
    e->pc = labels;
    uint32_t arity = label_arity(first);
    bool is_uniform = arity <= 1 && table_is_uniform(e, count);
    if (arity && is_uniform) {
        stack_into(e, stack_top(e, 1), first->result_reg);
    } else if (arity) {
        stack_flush(e, 1);
        for (uint32_t i = 0; i < arity; i++)
            stack_settle(e, stack_top(e, 1 + i));
    }
    unsigned index = stack_own(e, stack_top(e, 0));
    if (is_uniform) {
        table_of_labels(e, count, index);
    } else {
        stack_pop(e);
        stack_claim(e, index);
        table_of_stubs(e, count, index);
        stack_free(e, index);
    }
    control_die(e);
}
