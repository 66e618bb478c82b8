/*
 * Room: codegen. The operand stack (stack.h): who owns which register, what is an operand as it
 * stands, and what must be settled before something changes. values.c makes pending values real,
 * results.c finds a place for what comes out. Comes in: entries that lowerings pushed. Goes out:
 * registers and r/m operands that hold their values. Must never know an opcode.
 *
 * Everything that scans the stack looks at its topmost EMIT_WINDOW entries only: below e->settled
 * there are just constants and slots, so no step depends on the depth.
 */
#include "index.h"

/* --- Registers ---------------------------------------------------------------------------------*/

bool value_owns(const struct value *value, unsigned reg) {
    switch ((enum value_kind)value->kind) {
    case VALUE_REG:
    case VALUE_LOAD:
        return value->base == reg && value->base_web == NO_WEB;
    case VALUE_ADDRESS:
        return (value->base == reg && value->base_web == NO_WEB) ||
               (value->index != REG_NONE && value->index == reg && value->index_web == NO_WEB);
    case VALUE_CONST:
    case VALUE_LOCAL:
    case VALUE_SLOT:
    case VALUE_FLAGS:
        break;
    }
    return false;
}

reg_set value_owned(const struct value *value) {
    reg_set owned = 0;
    if (value->kind != VALUE_REG && value->kind != VALUE_LOAD && value->kind != VALUE_ADDRESS)
        return 0;
    if (value->base != REG_NONE && value->base_web == NO_WEB)
        owned |= REG_BIT(value->base);
    if (value->kind == VALUE_ADDRESS && value->index != REG_NONE && value->index_web == NO_WEB)
        owned |= REG_BIT(value->index);
    return owned;
}

uint32_t value_refs(const struct value *value, uint32_t web) {
    switch ((enum value_kind)value->kind) {
    case VALUE_LOCAL:
    case VALUE_REG:
    case VALUE_LOAD:
        return value->base_web == web;
    case VALUE_ADDRESS:
        return (uint32_t)(value->base_web == web) + (value->index_web == web);
    case VALUE_CONST:
    case VALUE_SLOT:
    case VALUE_FLAGS:
        break;
    }
    return 0;
}

void stack_free(struct emit *e, unsigned reg) {
    EMIT_ASSERT(!(e->free & REG_BIT(reg)) && !(e->live_homes & REG_BIT(reg)));
    e->free |= REG_BIT(reg);
}

/* REG_NONE is no register: a bit that the set does not have. */
static reg_set reg_bit_or_none(unsigned reg) { return (reg_set)(UINT64_C(1) << (reg & 63)); }

void value_release_parts(struct emit *e, const struct value *value, reg_set keep) {
    if (value->kind == VALUE_LOAD) {
        e->pending_loads--;
        if (value->base_web != NO_WEB)
            web_unref(e, value->base_web);
        else
            e->free |= reg_bit_or_none(value->base) & ~keep;
        return;
    }
    reg_set owned = value_owned(value) & ~keep;
    EMIT_ASSERT(!(e->free & owned));
    e->free |= owned;
    if (value->base_web != NO_WEB)
        web_unref(e, value->base_web);
    if (value->kind == VALUE_ADDRESS && value->index_web != NO_WEB)
        web_unref(e, value->index_web);
}

/* Spilling and loading call each other, two deep at most: what is spilled owns a register already,
 * so that bringing it into one takes no other. */
/* NOLINTBEGIN(misc-no-recursion) */
static void stack_spill(struct emit *e, reg_set among) {
    for (uint32_t i = e->settled; i < e->depth; i++) {
        struct value *value = &e->stack[i];
        reg_set owned = value_owned(value);
        if ((owned & among) && !(owned & e->pinned)) {
            stack_settle(e, value);
            return;
        }
    }
    /* A lowering holds more registers than there are scratch registers. */
    EMIT_ASSERT(false);
    emit_fail(e, ALKA_E_INTERNAL);
    e->free |= among & (REG_SCRATCH_GENERAL | REG_SCRATCH_VECTOR);
}

unsigned stack_alloc(struct emit *e, reg_set among) {
    if (!(e->free & among))
        stack_spill(e, among);
    reg_set free = e->free & among, unused = index_unused(e, free);
    unsigned reg = (unsigned)__builtin_ctz(unused ? unused : free);
    stack_claim(e, reg);
    e->pinned |= REG_BIT(reg);
    return reg;
}

/* The entry that owns `reg` gets another register, or its slot. */
static void stack_evict_owner(struct emit *e, unsigned reg) {
    uint32_t i = e->depth;
    while (i-- > e->settled && !value_owns(&e->stack[i], reg)) {
    }
    EMIT_ASSERT(i + 1 > e->settled);
    struct value *value = &e->stack[i];
    reg_set same_class = reg_is_vector(reg) ? REG_VECTOR : REG_GENERAL;
    if (!(e->free & same_class)) {
        stack_settle(e, value);
        return;
    }
    bool is_pinned = e->pinned & REG_BIT(reg);
    unsigned other = stack_alloc(e, same_class);
    if (!is_pinned)
        e->pinned &= ~REG_BIT(other);
    value_move(e, reg_is_vector(reg) ? ALKA_KIND_V128 : ALKA_KIND_I64, other, reg);
    if (value->base == reg)
        value->base = (uint8_t)other;
    if (value->kind == VALUE_ADDRESS && value->index == reg)
        value->index = (uint8_t)other;
    stack_free(e, reg);
    if (!(e->pinned & REG_BIT(reg))) /* no operand of this opcode: it may move again */
        e->pinned &= ~REG_BIT(other);
}

void stack_take(struct emit *e, unsigned reg) {
    if (e->live_homes & REG_BIT(reg)) {
        EMIT_ASSERT(e->homes[e->home_web[reg]].state == HOME_ENDED);
        stack_detach_web(e, e->home_web[reg], NULL);
    }
    if (!(e->free & REG_BIT(reg)))
        stack_evict_owner(e, reg);
    EMIT_ASSERT(e->free & REG_BIT(reg));
    stack_claim(e, reg);
    e->pinned |= REG_BIT(reg);
}

/* --- Pushing and popping -----------------------------------------------------------------------*/

void stack_settle_deepest(struct emit *e) {
    struct value *deepest = &e->stack[e->settled++];
    if (!value_is_const(deepest))
        stack_settle(e, deepest);
}

void stack_push_reg(struct emit *e, unsigned kind, unsigned reg) {
    stack_claim(e, reg);
    stack_push(e, value_reg(kind, reg));
}

void stack_push_flags(struct emit *e, unsigned cond) {
    uint64_t head = value_head(VALUE_FLAGS, ALKA_KIND_I32, 0) | (uint64_t)cond << 40;
    stack_push(e, (struct value){.head = head});
    e->has_flags = true;
}

/* --- Operands ----------------------------------------------------------------------------------*/

static void value_pin(struct emit *e, const struct value *value) {
    e->pinned |= value_owned(value);
}

struct operand stack_operand(struct emit *e, struct value *value, uint32_t loads) {
    struct operand operand = {.wasm_off = NO_OFF};
    if (value->kind == VALUE_SLOT) {
        operand.rm = slot_mem(e, value);
    } else if (value->kind == VALUE_LOCAL && e->homes[value->base_web].reg == REG_NONE) {
        operand.rm = frame_mem(e, e->homes[value->base_web].slot);
    } else if (value->kind == VALUE_LOAD && (loads >> value->load & 1)) {
        value_pin(e, value);
        operand.rm = load_mem(e, value);
        operand.wasm_off = value->wasm_off;
    } else if (value_is_const(value) && kind_is_vector(value->type) && value->bits != 0) {
        operand.is_rodata = true;
        operand.rodata_off = value_rodata(e, value).off;
        operand.rm = x64_mem_rip(0);
    } else {
        operand.rm = reg_rm(stack_reg(e, value));
    }
    return operand;
}

void operand_emit(struct emit *e, x64_op op, unsigned reg, const struct operand *operand) {
    if (operand->wasm_off != NO_OFF)
        emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, operand->wasm_off);
    operand_put(e, op, reg, operand->rm);
    if (operand->is_rodata)
        rodata_use(e, (struct rodata){operand->rodata_off}, 0);
}

void operand_emit_vex(struct emit *e, x64_op op, unsigned reg, unsigned more,
                      const struct operand *operand) {
    if (operand->wasm_off != NO_OFF)
        emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, operand->wasm_off);
    x64_put_vex(&e->x, op, reg & 15, more & 15, operand->rm);
    if (operand->is_rodata)
        rodata_use(e, (struct rodata){operand->rodata_off}, 0);
}

void operand_emit_i8(struct emit *e, x64_op op, unsigned reg, const struct operand *operand,
                     unsigned imm) {
    if (operand->wasm_off != NO_OFF)
        emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, operand->wasm_off);
    operand_put(e, op, reg, operand->rm);
    x64_u8(&e->x, imm);
    if (operand->is_rodata)
        rodata_use(e, (struct rodata){operand->rodata_off}, 1);
}

/* --- Settling ----------------------------------------------------------------------------------*/

static void stack_settle_const(struct emit *e, const struct value *value) {
    struct x64_rm slot = slot_mem(e, value);
    int64_t bits = (int64_t)value->bits;
    if (!kind_is_wide(value->type)) {
        x64_n_i32(&e->x, X64_MOV_IMM, 0, slot, (int32_t)bits);
    } else if (x64_fits_i32(bits)) {
        x64_n_i32(&e->x, X64_MOV_IMM | X64_W, 0, slot, (int32_t)bits);
    } else {
        int32_t disp = slot_disp(e, (uint32_t)(value - e->stack));
        x64_n_i32(&e->x, X64_MOV_IMM, 0, slot, (int32_t)bits);
        x64_n_i32(&e->x, X64_MOV_IMM, 0, frame_mem(e, disp + 4), (int32_t)(bits >> 32));
    }
}

void stack_settle(struct emit *e, struct value *value) {
    if (value->kind == VALUE_SLOT)
        return;
    unsigned kind = value->type;
    if (value_is_const(value) && kind != ALKA_KIND_V128) {
        stack_settle_const(e, value);
    } else {
        reg_set pinned = e->pinned;
        unsigned reg = stack_reg(e, value);
        value_store(e, kind, slot_mem(e, value), reg);
        value_release(e, value, 0);
        e->pinned = pinned;
    }
    uint64_t zero_bits = (uint64_t)value->zero_bits << 32;
    value_put(value, (struct value){.head = value_head(VALUE_SLOT, kind, 0) | zero_bits});
}

/* NOLINTEND(misc-no-recursion) */

void stack_flush(struct emit *e, uint32_t keep) {
    while (e->settled + keep < e->depth) {
        struct value *value = &e->stack[e->settled++];
        if (!value_is_const(value))
            stack_settle(e, value);
    }
}

/* For entries that are no operands: the next one may spill them. */
static void stack_own_unheld(struct emit *e, struct value *value) {
    reg_set pinned = e->pinned;
    stack_own(e, value);
    e->pinned = pinned;
}

void stack_own_loads(struct emit *e) {
    for (uint32_t i = e->settled; e->pending_loads && i < e->depth; i++)
        if (e->stack[i].kind == VALUE_LOAD)
            stack_own_unheld(e, &e->stack[i]);
}

void stack_detach_web(struct emit *e, uint32_t web, const struct value *except) {
    const struct home *home = &e->homes[web];
    uint32_t keep = except ? value_refs(except, web) : 0;
    for (uint32_t i = e->depth; home->refs > keep && i-- > e->settled;)
        if (&e->stack[i] != except && value_refs(&e->stack[i], web))
            stack_own_unheld(e, &e->stack[i]);
    EMIT_ASSERT(home->refs <= keep);
}
