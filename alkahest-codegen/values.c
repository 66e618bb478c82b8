/*
 * Room: codegen. Values (stack.h): how a pending one becomes a real one. Comes in: entries of the
 * operand stack. Goes out: instructions that load, store or move them. Must never know an opcode.
 */
#include "index.h"

/* Kept out of value_load, which would save registers for all of them each time. */
#define VALUE_LOAD_CASE static __attribute__((noinline)) void

void value_move(struct emit *e, unsigned kind, unsigned to, unsigned from) {
    if (to == from)
        return;
    if (!kind_is_vector(kind))
        x64_gg(&e->x, X64_MOV | kind_w(kind), reg_gpr(to), reg_gpr(from));
    else
        x64_xx(&e->x, X64_MOVAPS, reg_xmm(to), reg_xmm(from));
}

VALUE_LOAD_CASE value_load_const(struct emit *e, const struct value *value, unsigned reg) {
    if (!reg_is_vector(reg)) {
        if (value->bits == 0 && !e->has_flags)
            x64_gg(&e->x, X64_XOR, reg_gpr(reg), reg_gpr(reg));
        else
            x64_mov_imm(&e->x, reg_gpr(reg), value->bits);
        return;
    }
    if (value->bits == 0) {
        x64_xx(&e->x, X64_XORPS, reg_xmm(reg), reg_xmm(reg));
        return;
    }
    struct rodata constant = value_rodata(e, value);
    value_fetch(e, value->type, x64_mem_rip(0), reg);
    rodata_use(e, constant, 0);
}

void value_fetch(struct emit *e, unsigned kind, struct x64_rm rm, unsigned reg) {
    if (kind == ALKA_KIND_F32)
        x64_x(&e->x, X64_MOVSS, reg_xmm(reg), rm);
    else if (kind == ALKA_KIND_F64)
        x64_x(&e->x, X64_MOVSD, reg_xmm(reg), rm);
    else if (kind == ALKA_KIND_V128)
        x64_x(&e->x, X64_MOVUPS, reg_xmm(reg), rm);
    else
        x64_g(&e->x, X64_MOV | kind_w(kind), reg_gpr(reg), rm);
}

void value_store(struct emit *e, unsigned kind, struct x64_rm rm, unsigned reg) {
    if (kind == ALKA_KIND_F32)
        x64_x(&e->x, X64_MOVSS_STORE, reg_xmm(reg), rm);
    else if (kind == ALKA_KIND_F64)
        x64_x(&e->x, X64_MOVSD_STORE, reg_xmm(reg), rm);
    else if (kind == ALKA_KIND_V128)
        x64_x(&e->x, X64_MOVUPS_STORE, reg_xmm(reg), rm);
    else
        x64_g(&e->x, X64_MOV_STORE | kind_w(kind), reg_gpr(reg), rm);
}

VALUE_LOAD_CASE value_load_flags(struct emit *e, const struct value *value, unsigned reg) {
    struct x64_gpr to = reg_gpr(reg);
    if (value->cond < FLAG_FLOAT_EQ) {
        x64_n(&e->x, X64_SETCC + value->cond, 0, x64_rm_gpr(to));
    } else {
        bool eq = value->cond == FLAG_FLOAT_EQ;
        unsigned parity = stack_alloc(e, REG_GENERAL);
        x64_n(&e->x, X64_SETCC + (eq ? X64_NP : X64_P), 0, reg_rm(parity));
        x64_n(&e->x, X64_SETCC + (eq ? X64_E : X64_NE), 0, x64_rm_gpr(to));
        x64_gg(&e->x, eq ? X64_AND : X64_OR, to, reg_gpr(parity));
        stack_free(e, parity);
    }
    x64_gg(&e->x, X64_MOVZX8, to, to);
    e->has_flags = false;
}

/* lea, or the shorter instruction that does the same. */
VALUE_LOAD_CASE value_load_address(struct emit *e, const struct value *value, unsigned reg) {
    x64_op w = kind_w(value->type);
    struct x64_gpr to = reg_gpr(reg);
    if (value->index == REG_NONE) {
        if (value->base == reg && !e->has_flags) {
            x64_alu_imm(&e->x, X64_ADD | w, x64_rm_gpr(to), value->disp);
            emit_zero_known(e, reg, w);
        } else {
            x64_g(&e->x, X64_LEA | w, to, x64_mem(reg_gpr(value->base), value->disp));
        }
        return;
    }
    struct x64_gpr index = reg_gpr(value->index);
    if (value->base == REG_NONE) {
        if (value->index == reg && value->disp == 0 && !e->has_flags)
            x64_n_i8(&e->x, X64_SHIFT_IMM | w, X64_SHL, x64_rm_gpr(to), value->scale);
        else if (value->scale == 1)
            x64_g(&e->x, X64_LEA | w, to, x64_mem_index(index, index, 0, value->disp));
        else
            x64_g(&e->x, X64_LEA | w, to, x64_mem_scaled(index, value->scale, value->disp));
        return;
    }
    struct x64_gpr base = reg_gpr(value->base);
    bool is_add = value->disp == 0 && value->scale == 0 && !e->has_flags;
    if (is_add && (value->base == reg || value->index == reg)) {
        x64_gg(&e->x, X64_ADD | w, to, value->base == reg ? index : base);
        emit_zero_known(e, reg, w);
    } else {
        x64_g(&e->x, X64_LEA | w, to, x64_mem_index(base, index, value->scale, value->disp));
    }
}

void operand_put(struct emit *e, x64_op op, unsigned reg, struct x64_rm rm) {
    x64_put(&e->x, op, reg & 15, rm);
}

static void value_load_pending(struct emit *e, const struct value *value, unsigned reg) {
    emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, value->wasm_off);
    operand_put(e, load_forms[value->load].op, reg, load_mem(e, value));
}

void value_load(struct emit *e, const struct value *value, unsigned reg) {
    switch ((enum value_kind)value->kind) {
    case VALUE_CONST:
        value_load_const(e, value, reg);
        return;
    case VALUE_LOCAL: {
        const struct home *home = &e->homes[value->base_web];
        if (home->reg != REG_NONE)
            value_move(e, value->type, reg, home->reg);
        else
            value_fetch(e, value->type, frame_mem(e, home->slot), reg);
        return;
    }
    case VALUE_REG:
        value_move(e, value->type, reg, value->base);
        return;
    case VALUE_SLOT:
        value_fetch(e, value->type, slot_mem(e, value), reg);
        return;
    case VALUE_FLAGS:
        value_load_flags(e, value, reg);
        return;
    case VALUE_ADDRESS:
        value_load_address(e, value, reg);
        return;
    case VALUE_LOAD:
        value_load_pending(e, value, reg);
        return;
    }
}

unsigned value_zero_bits(const struct value *value) {
    if (value->kind == VALUE_CONST)
        return value->type == ALKA_KIND_I32 && value->bits
                   ? (unsigned)__builtin_clz((uint32_t)value->bits)
                   : 0;
    if (value->kind == VALUE_FLAGS)
        return 31;
    if (value->kind == VALUE_LOAD && value->type == ALKA_KIND_I32)
        return value->load == LOAD_8_U ? 24 : value->load == LOAD_16_U ? 16 : 0;
    return value->kind == VALUE_ADDRESS && value->disp ? 0 : value->zero_bits;
}

/* The entry is now in `reg`, which it owns. */
static void value_become_reg(struct emit *e, struct value *value, unsigned reg) {
    unsigned kind = value->type, zero_bits = value_zero_bits(value);
    index_forget(e, reg);
    value_release(e, value, REG_BIT(reg));
    value_put(value, value_reg(kind, reg));
    value->zero_bits = (uint8_t)zero_bits;
    e->pinned |= REG_BIT(reg);
}

/* The last reference to a web that was read for the last time inherits its register. */
static bool value_inherit(struct emit *e, struct value *value) {
    if (!value_is_home_reg(e, value))
        return false;
    struct home *home = &e->homes[value->base_web];
    if (home->state != HOME_ENDED || home->refs != 1)
        return false;
    home->refs = 0;
    home->state = HOME_IDLE;
    e->live_homes &= ~REG_BIT(home->reg);
    e->pinned |= REG_BIT(home->reg);
    value->kind = VALUE_REG;
    value->base = home->reg;
    value->base_web = NO_WEB;
    return true;
}

/* The two most common kinds of entries to become a register, in a straight line. */
static unsigned own_local(struct emit *e, struct value *value) {
    uint32_t web = value->base_web;
    unsigned kind = value->type, from = e->homes[web].reg, reg = stack_alloc(e, reg_class(kind));
    if (from != REG_NONE)
        value_move(e, kind, reg, from);
    else
        value_fetch(e, kind, frame_mem(e, e->homes[web].slot), reg);
    web_unref(e, web);
    value->kind = VALUE_REG;
    value->base = (uint8_t)reg;
    value->base_web = NO_WEB;
    return reg;
}

static unsigned own_load(struct emit *e, struct value *value) {
    unsigned kind = value->type, base = value->base, reg = base;
    bool is_own = base != REG_NONE && value->base_web == NO_WEB;
    if (!is_own || kind_is_vector(kind) || index_is_kept(e, base))
        reg = stack_alloc(e, reg_class(kind));
    value_load_pending(e, value, reg);
    value_become_reg(e, value, reg);
    return reg;
}

unsigned stack_become_own(struct emit *e, struct value *value) {
    if (value_inherit(e, value)) {
        index_forget(e, value->base);
        return value->base;
    }
    if (value->kind == VALUE_LOCAL)
        return own_local(e, value);
    if (value->kind == VALUE_LOAD)
        return own_load(e, value);
    reg_set class = reg_class(value->type), own = value_owned(value) & class;
    unsigned reg = own ? (unsigned)__builtin_ctz(own) : stack_alloc(e, class);
    value_load(e, value, reg);
    value_become_reg(e, value, reg);
    return reg;
}

/* The value is computed from the web that lived in the register. */
static bool value_reads_home(const struct emit *e, const struct value *value, unsigned reg) {
    return (e->live_homes & REG_BIT(reg)) && value_refs(value, e->home_web[reg]);
}

void stack_into(struct emit *e, struct value *value, unsigned reg) {
    value_inherit(e, value);
    if (value_is_owned_reg(value) && value->base == reg) {
        e->pinned |= REG_BIT(reg);
        index_forget(e, reg);
        return;
    }
    if (value_reads_home(e, value, reg)) { /* which ends with this */
        stack_detach_web(e, e->home_web[reg], value);
        value_load(e, value, reg);
        value_become_reg(e, value, reg);
        e->free &= ~REG_BIT(reg);
        return;
    }
    if (!value_owns(value, reg))
        stack_take(e, reg);
    value_load(e, value, reg);
    value_become_reg(e, value, reg);
}
