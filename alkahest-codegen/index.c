/*
 * Room: codegen. Indices that accesses share (index.h). Comes in: sums that are about to be used as
 * an index. Goes out: the register of an index nearby, and a displacement. Must never use a
 * register that has changed since its access, nor add more than index_spare to it.
 */
#include "index.h"

/* Sums of this base are not known as such any more. */
static void index_forget_sums(struct index_facts *index, unsigned base) {
    index->bases &= ~REG_BIT(base);
    for (reg_set left = index->sums; left; left &= left - 1) {
        unsigned sum = (unsigned)__builtin_ctz(left);
        if (index->base[sum] == base)
            index->sums &= ~REG_BIT(sum);
    }
}

void index_forget_known(struct emit *e, unsigned reg) {
    struct index_facts *index = &e->index;
    index->used &= ~REG_BIT(reg);
    index->sums &= ~REG_BIT(reg);
    if (index->bases & REG_BIT(reg))
        index_forget_sums(index, reg);
}

void index_use_sum(struct emit *e, unsigned reg, struct index_sum sum) {
    struct index_facts *index = &e->index;
    if (sum.base == reg) /* which it was, and is no more */
        return;
    index->used |= REG_BIT(reg);
    if (index->bases & REG_BIT(sum.base)) /* the last one is enough */
        index_forget_sums(index, sum.base);
    index->sums |= REG_BIT(reg);
    index->bases |= REG_BIT(sum.base);
    index->base[reg] = (uint8_t)sum.base;
    index->disp[reg] = sum.disp;
}

/* The entry that owns the register: a pending load, which needs it for its own index. */
static struct value *index_owner(struct emit *e, unsigned reg) {
    for (uint32_t i = e->depth; i-- > e->settled;)
        if (value_owns(&e->stack[i], reg))
            return &e->stack[i];
    return NULL;
}

/* The register becomes the caller's, with what it holds. A pending load that owns it is made now,
 * if there is a register for what it loads. */
static bool index_take(struct emit *e, unsigned reg) {
    if (!(e->free & REG_BIT(reg))) {
        struct value *owner = index_owner(e, reg);
        if (!owner || owner->kind != VALUE_LOAD)
            return false;
        bool has_room = kind_is_vector(owner->type) ? e->free & REG_VECTOR : index_is_kept(e, reg);
        if (!has_room)
            return false;
        reg_set pinned = e->pinned;
        stack_own(e, owner);
        e->pinned = pinned;
    }
    EMIT_ASSERT(e->index.used & e->free & REG_BIT(reg));
    e->free &= ~REG_BIT(reg);
    return true;
}

/* A register that is at most `room` below the sum. */
static unsigned index_find(const struct emit *e, struct index_sum sum, uint32_t room) {
    const struct index_facts *index = &e->index;
    if ((index->used & REG_BIT(sum.base)) && sum.disp <= room)
        return sum.base;
    if (!(index->bases & REG_BIT(sum.base)))
        return REG_NONE;
    for (reg_set left = index->sums; left; left &= left - 1) {
        unsigned reg = (unsigned)__builtin_ctz(left);
        if (index->base[reg] == sum.base && sum.disp - index->disp[reg] <= room)
            return reg;
    }
    return REG_NONE;
}

bool index_find_near(struct emit *e, struct value *address, uint32_t offset) {
    struct index_sum sum = {address->base, (uint32_t)address->disp};
    uint32_t room = INT32_MAX - offset, spare = e->gen->index_spare;
    unsigned reg = index_find(e, sum, room < spare ? room : spare);
    if (reg == REG_NONE)
        return false;
    if (reg != sum.base) {
        if (!index_take(e, reg))
            return false;
        value_release(e, address, 0);
        sum.disp -= e->index.disp[reg];
        address->base = (uint8_t)reg;
        address->base_web = NO_WEB;
    }
    address->kind = VALUE_LOAD;
    address->index = 0;
    address->disp = (int32_t)(sum.disp + offset);
    address->wasm_off = e->op_off;
    e->pending_loads++;
    return true;
}
