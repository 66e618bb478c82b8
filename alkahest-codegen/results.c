/*
 * Room: codegen. Where a result goes (stack.h): straight into the local that the next instruction
 * sets, over an operand that is used up, or into a free register. Comes in: the operands, and the
 * bytes ahead. Goes out: a register. Must never write over what somebody still reads.
 */
#include "index.h"

/* Entries that the operand stack counts as readers of the web. */
static uint32_t hint_refs(const struct value *value, uint32_t web) {
    return value && value->kind != VALUE_REG ? value_refs(value, web) : 0;
}

/* The home of the web that a local.set or local.tee comes next for. */
static unsigned hint_home(struct emit *e, const struct value *a, const struct value *b) {
    uint32_t web = e->summary->def_webs[e->next_def];
    if (web == NO_WEB || e->homes[web].reg == REG_NONE)
        return REG_NONE;
    struct home *home = &e->homes[web];
    if (home->state == HOME_IDLE) {
        if (!(e->free & REG_BIT(home->reg)))
            return REG_NONE;
        web_start(e, web);
        return home->reg;
    }
    uint32_t own = hint_refs(a, web) + hint_refs(b, web);
    if (home->state != HOME_LIVE || home->refs != own)
        return REG_NONE;
    index_forget(e, home->reg);
    return home->reg;
}

/* Integer arithmetic that changes its first operand in place. */
static bool hint_is_arithmetic(uint8_t op) {
    return (op >= 0x6A && op <= 0x6C) || (op >= 0x71 && op <= 0x78) || (op >= 0x7C && op <= 0x7E) ||
           (op >= 0x83 && op <= 0x8A);
}

/* Past the operand that the arithmetic needs beside the result: a constant, a local that is not of
 * the web that will be set, or one that is on the stack already. NULL: something else. */
static const uint8_t *hint_skip_operand(const struct emit *e, const uint8_t *pc) {
    uint8_t op = *pc;
    if (op == 0x41 || op == 0x42) { /* i32.const, i64.const */
        while (*++pc & 0x80) {
        }
        return pc + 1;
    }
    if (op == 0x20) { /* local.get */
        pc++;
        uint32_t local = alka_leb_take_u32(&pc);
        uint32_t web = e->local_webs[local];
        return web != e->summary->def_webs[e->next_def] ? pc : NULL;
    }
    return pc;
}

/* A local is set a few operations ahead, and they go on with this result: it may be made in the
 * local's home, which nothing reads on the way. */
static unsigned hint_ahead(struct emit *e, const struct value *a, const struct value *b) {
    enum { HINT_STEPS = 3 };
    if (e->next_def == e->summary->def_count)
        return REG_NONE;
    const uint8_t *pc = e->pc;
    for (unsigned i = 0; i < HINT_STEPS; i++) {
        pc = hint_skip_operand(e, pc);
        if (!pc || !hint_is_arithmetic(*pc++))
            return REG_NONE;
        if (*pc == 0x21 || *pc == 0x22)
            return hint_home(e, a, b);
    }
    return REG_NONE;
}

/* The place of the result of the block that ends next. */
static unsigned hint_place(struct emit *e, const struct block *block) {
    unsigned reg = block->result_reg;
    if (reg == REG_NONE || !(e->free & REG_BIT(reg)))
        return REG_NONE;
    stack_claim(e, reg);
    e->pinned |= REG_BIT(reg);
    return reg;
}

bool stack_is_set_next(const struct emit *e, const struct value *value) {
    return value->kind == VALUE_LOCAL && (*e->pc == 0x21 || *e->pc == 0x22) &&
           e->summary->def_webs[e->next_def] == value->base_web;
}

unsigned stack_hint(struct emit *e, unsigned kind, const struct value *a, const struct value *b) {
    unsigned reg = REG_NONE;
    switch (*e->pc) {
    case 0x21: /* local.set */
    case 0x22: /* local.tee */
        reg = hint_home(e, a, b);
        break;
    case 0x0B: /* end */
        reg = hint_place(e, &e->blocks[e->block_count - 1]);
        break;
    case 0x0F: /* return */
        reg = hint_place(e, &e->blocks[0]);
        break;
    default:
        if (!kind_is_vector(kind))
            reg = hint_ahead(e, a, b);
        break;
    }
    EMIT_ASSERT(reg == REG_NONE || reg_is_vector(reg) == kind_is_vector(kind));
    (void)kind;
    return reg;
}

reg_set value_reads(const struct emit *e, const struct value *value) {
    if (value->kind == VALUE_LOCAL)
        return value_is_home_reg(e, value) ? REG_BIT(e->homes[value->base_web].reg) : 0;
    if (value->kind != VALUE_REG && value->kind != VALUE_LOAD && value->kind != VALUE_ADDRESS)
        return 0;
    reg_set reads = value->base != REG_NONE ? REG_BIT(value->base) : 0;
    if (value->kind == VALUE_ADDRESS && value->index != REG_NONE)
        reads |= REG_BIT(value->index);
    return reads;
}

/* The next opcode moves its result to this register: a home that nothing lives in yet. */
static bool result_is_wanted(const struct emit *e, unsigned reg) {
    if (*e->pc != 0x21 && *e->pc != 0x22)
        return false;
    uint32_t web = e->summary->def_webs[e->next_def];
    return web != NO_WEB && e->homes[web].reg == reg;
}

static bool result_is_own(const struct value *value, unsigned kind) {
    return value && value_is_owned_reg(value) &&
           kind_is_vector(value->type) == kind_is_vector(kind);
}

unsigned stack_result(struct emit *e, unsigned kind, const struct value *a, const struct value *b) {
    unsigned reg = stack_hint(e, kind, a, b);
    if (reg != REG_NONE)
        return reg;
    const struct value *own = result_is_own(a, kind) ? a : result_is_own(b, kind) ? b : NULL;
    if (!own)
        return stack_alloc(e, reg_class(kind));
    if (own == a && result_is_own(b, kind) && result_is_wanted(e, b->base))
        own = b;
    index_forget(e, own->base);
    return own->base;
}

unsigned stack_result_over(struct emit *e, struct value *a, const struct value *b) {
    if (value_is_in_place(a))
        return a->base;
    if (!value_is_owned_reg(a)) {
        unsigned reg = stack_hint(e, a->type, a, b);
        if (reg != REG_NONE && !(b && (value_reads(e, b) & REG_BIT(reg)))) {
            value_load(e, a, reg);
            return reg;
        }
    }
    return stack_own(e, a);
}

void stack_replace(struct emit *e, uint32_t count, unsigned kind, unsigned reg) {
    while (count--)
        stack_pop(e);
    struct value value = value_reg(kind, reg);
    if (e->live_homes & REG_BIT(reg))
        value.base_web = e->home_web[reg];
    else
        stack_claim(e, reg);
    stack_push(e, value);
}
