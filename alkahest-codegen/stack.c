/*
 * Room: codegen. The operand stack (stack.h): who owns which register, and how a pending value
 * becomes a real one. Comes in: entries that lowerings pushed. Goes out: registers and r/m operands
 * that hold their values. Must never know an opcode.
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

static reg_set value_owned(const struct value *value) {
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

/* --- From pending to real ----------------------------------------------------------------------*/

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

/* --- Results that go straight into a local -----------------------------------------------------*/

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
