/*
 * Room: codegen. Integer shapes. Comes in: operands on the stack. Goes out: results, often pending:
 * sums and small shifts as addresses, comparisons as flags.
 */
#include "lowerings.h"

static uint32_t loads_of(unsigned kind) {
    return kind == ALKA_KIND_I64 ? 1u << LOAD_64 : 1u << LOAD_32;
}

/* Readable where it is without a register of its own. */
static bool value_is_memory(const struct emit *e, const struct value *value, unsigned kind) {
    if (value->kind == VALUE_LOAD)
        return loads_of(kind) >> value->load & 1;
    return value->kind == VALUE_SLOT ||
           (value->kind == VALUE_LOCAL && e->homes[value->base_web].reg == REG_NONE);
}

static void swap_values(struct value **a, struct value **b) {
    struct value *swap = *a;
    *a = *b;
    *b = swap;
}

void low_const_int(struct emit *e, const struct lowering *how) {
    uint64_t bits = (uint64_t)emit_take_signed(e);
    stack_push(e, value_const(how->kind, how->kind == ALKA_KIND_I32 ? (uint32_t)bits : bits));
}

/* --- Comparisons -------------------------------------------------------------------------------*/

static unsigned cond_swap_operands(unsigned cond) {
    switch (cond) {
    case X64_L:
        return X64_G;
    case X64_G:
        return X64_L;
    case X64_LE:
        return X64_GE;
    case X64_GE:
        return X64_LE;
    case X64_B:
        return X64_A;
    case X64_A:
        return X64_B;
    case X64_BE:
        return X64_AE;
    case X64_AE:
        return X64_BE;
    default:
        return cond;
    }
}

static void cmp_imm(struct emit *e, unsigned kind, struct value *a, int32_t imm) {
    struct operand operand = stack_operand(e, a, loads_of(kind));
    if (imm == 0 && operand_is_reg(&operand)) {
        x64_put(&e->x, X64_TEST | kind_w(kind), x64_rm_register(operand.rm), operand.rm);
        return;
    }
    if (operand.wasm_off != NO_OFF)
        emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, operand.wasm_off);
    x64_alu_imm(&e->x, X64_CMP | kind_w(kind), operand.rm, imm);
}

/* Compares with zero, for equality only: an arithmetic result has set ZF already. */
static void cmp_zero(struct emit *e, unsigned kind, struct value *a) {
    if (value_is_owned_reg(a) || value_is_home_reg(e, a)) {
        unsigned reg = stack_reg(e, a);
        if (e->zero_at == e->x.at && e->zero_reg == reg && e->zero_w == kind_w(kind))
            return;
    }
    cmp_imm(e, kind, a, 0);
}

void low_cmp(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    unsigned cond = how->b, kind = how->kind;
    int32_t imm;
    if (value_is_const(a) || (value_is_memory(e, a, kind) && !value_is_const(b))) {
        swap_values(&a, &b);
        cond = cond_swap_operands(cond);
    }
    if (value_is_imm(b, &imm)) {
        if (imm == 0 && (cond == X64_E || cond == X64_NE))
            cmp_zero(e, kind, a);
        else
            cmp_imm(e, kind, a, imm);
    } else {
        unsigned reg = stack_reg(e, a);
        e->pinned |= REG_BIT(reg);
        struct operand operand = stack_operand(e, b, loads_of(kind));
        operand_emit(e, X64_CMP | kind_w(kind), reg, &operand);
    }
    stack_pop(e);
    stack_pop(e);
    stack_push_flags(e, cond);
}

void low_eqz(struct emit *e, const struct lowering *how) {
    struct value *top = stack_top(e, 0);
    if (top->kind == VALUE_FLAGS) {
        top->cond ^= 1;
        return;
    }
    cmp_zero(e, how->kind, top);
    stack_pop(e);
    stack_push_flags(e, X64_E);
}

/* --- Sums: addresses that lea may compute ------------------------------------------------------*/

/* Turns the entry into an address of one register. */
static void address_of(struct emit *e, struct value *value) {
    if (value->kind == VALUE_ADDRESS)
        return;
    stack_reg(e, value);
    value->zero_bits = (uint8_t)value_zero_bits(value);
    if (value->kind == VALUE_LOCAL)
        value->base = e->homes[value->base_web].reg;
    else if (value_is_in_place(value))
        web_ref(e, value->base_web);
    value->kind = VALUE_ADDRESS;
    value->index = REG_NONE;
    value->index_web = NO_WEB;
    value->scale = 0;
    value->disp = 0;
}

static bool disp_add(unsigned kind, int32_t a, int64_t b, int32_t *out) {
    if (kind == ALKA_KIND_I32) {
        *out = (int32_t)((uint32_t)a + (uint32_t)b);
        return true;
    }
    int64_t sum = a + b;
    *out = (int32_t)sum;
    return x64_fits_i32(b) && x64_fits_i32(sum);
}

static unsigned address_parts(const struct value *value) {
    if (value->kind != VALUE_ADDRESS)
        return 1;
    return (unsigned)(value->base != REG_NONE) + (value->index != REG_NONE);
}

static bool address_is_scaled(const struct value *value) {
    return value->kind == VALUE_ADDRESS && value->index != REG_NONE;
}

/* a + constant, where b is the constant. */
static bool add_imm(struct emit *e, unsigned kind, struct value *a, int64_t imm) {
    int32_t disp;
    if (a->kind == VALUE_ADDRESS && !disp_add(kind, a->disp, imm, &disp))
        stack_own(e, a);
    if (!x64_fits_i32(imm))
        return false;
    address_of(e, a);
    disp_add(kind, a->disp, imm, &a->disp);
    return true;
}

/* Two entries of one register each (and scale and displacement) become one address. */
static void add_addresses(struct emit *e, unsigned kind, struct value *a, struct value *b) {
    int32_t disp;
    if (a->kind == VALUE_ADDRESS && b->kind == VALUE_ADDRESS &&
        !disp_add(kind, a->disp, b->disp, &disp))
        stack_own(e, a);
    if (address_parts(a) == 2)
        stack_own(e, a);
    if (address_parts(b) == 2 || (address_is_scaled(a) && address_is_scaled(b)))
        stack_own(e, b);
    address_of(e, a);
    address_of(e, b);
    if (address_is_scaled(a))
        swap_values(&a, &b);
    /* a is a base now; b is a scaled index, or a base that becomes an index. */
    struct value sum = *a;
    sum.index = address_is_scaled(b) ? b->index : b->base;
    sum.index_web = address_is_scaled(b) ? b->index_web : b->base_web;
    sum.scale = address_is_scaled(b) ? b->scale : 0;
    disp_add(kind, a->disp, b->disp, &sum.disp);
    sum.type = (uint8_t)kind;
    unsigned least = a->zero_bits < b->zero_bits ? a->zero_bits : b->zero_bits;
    sum.zero_bits = (uint8_t)(least ? least - 1 : 0);
    e->depth -= 2;
    if (e->settled > e->depth)
        e->settled = e->depth;
    stack_push(e, sum);
    /* Two scratch registers for one value: one will do. */
    bool both_owned = sum.base_web == NO_WEB && sum.index_web == NO_WEB;
    if (both_owned && sum.scale == 0 && sum.disp == 0)
        stack_own(e, stack_top(e, 0));
}

void low_add(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    unsigned kind = how->kind;
    if (value_is_const(a))
        swap_values(&a, &b);
    if (value_is_const(b)) {
        int64_t imm = kind == ALKA_KIND_I32 ? (int32_t)b->bits : (int64_t)b->bits;
        if (add_imm(e, kind, a, imm)) {
            struct value sum = *a;
            e->depth -= 2;
            if (e->settled > e->depth)
                e->settled = e->depth;
            stack_push(e, sum);
            return;
        }
    }
    if (value_is_memory(e, a, kind) || value_is_memory(e, b, kind) || value_is_const(b)) {
        low_alu(e, how);
        return;
    }
    add_addresses(e, kind, a, b);
}

void low_sub(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    int32_t imm;
    if (value_is_imm(b, &imm) && imm != INT32_MIN && !value_is_const(a) &&
        !value_is_memory(e, a, how->kind)) {
        b->bits = how->kind == ALKA_KIND_I32 ? (uint32_t)-imm : (uint64_t) - (int64_t)imm;
        low_add(e, how);
        return;
    }
    low_alu(e, how);
}

/* --- Two-address arithmetic --------------------------------------------------------------------*/

/* The next opcode only asks whether the result is zero. */
static bool next_tests_zero(const struct emit *e, unsigned kind) {
    uint8_t next = *e->pc;
    if (kind == ALKA_KIND_I64)
        return next == 0x50;                                             /* i64.eqz */
    return next == 0x45 || next == 0x0D || next == 0x04 || next == 0x1B; /* eqz br_if if select */
}

static void alu_test(struct emit *e, unsigned kind, struct value *a, struct value *b) {
    int32_t imm;
    if (value_is_imm(b, &imm)) {
        struct operand operand = stack_operand(e, a, loads_of(kind));
        if (operand.wasm_off != NO_OFF)
            emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, operand.wasm_off);
        x64_n_i32(&e->x, X64_TEST_IMM | kind_w(kind), 0, operand.rm, imm);
    } else {
        unsigned reg = stack_reg(e, b);
        e->pinned |= REG_BIT(reg);
        struct operand operand = stack_operand(e, a, loads_of(kind));
        operand_emit(e, X64_TEST | kind_w(kind), reg, &operand);
    }
    stack_pop(e);
    stack_pop(e);
    stack_push_flags(e, X64_NE);
}

/* The low 8 or 16 bits of what must not be overwritten: one instruction instead of a copy and an
 * and. */
static bool alu_mask(struct emit *e, unsigned kind, struct value *a, int32_t imm) {
    if ((imm != 0xFF && imm != 0xFFFF) || !value_is_home_reg(e, a))
        return false;
    unsigned from = stack_reg(e, a);
    unsigned reg = stack_result(e, kind, a, NULL);
    x64_gg(&e->x, imm == 0xFF ? X64_MOVZX8 : X64_MOVZX16, reg_gpr(reg), reg_gpr(from));
    stack_replace(e, 2, kind, reg);
    stack_top(e, 0)->zero_bits = (uint8_t)(kind != ALKA_KIND_I32 ? 0 : imm == 0xFF ? 24 : 16);
    return true;
}

void low_alu(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    unsigned kind = how->kind;
    x64_op op = how->a | kind_w(kind);
    if (how->a != X64_SUB && !value_is_const(b) &&
        (value_is_const(a) || b->kind == VALUE_REG || value_is_memory(e, a, kind)) &&
        a->kind != VALUE_REG)
        swap_values(&a, &b);
    if (how->a == X64_AND && next_tests_zero(e, kind)) {
        alu_test(e, kind, a, b);
        return;
    }
    int32_t imm;
    unsigned reg, zero_bits = 0;
    if (value_is_imm(b, &imm)) {
        if (how->a == X64_AND && imm > 0)
            zero_bits = (unsigned)__builtin_clz((unsigned)imm);
        if (how->a == X64_AND && alu_mask(e, kind, a, imm))
            return;
        reg = stack_result_over(e, a, NULL);
        x64_alu_imm(&e->x, op, reg_rm(reg), imm);
    } else {
        struct operand operand = stack_operand(e, b, loads_of(kind));
        e->pinned |= value_reads(e, b);
        reg = stack_result_over(e, a, b);
        operand_emit(e, op, reg, &operand);
    }
    emit_zero_known(e, reg, op);
    stack_replace(e, 2, kind, reg);
    stack_top(e, 0)->zero_bits = (uint8_t)(kind == ALKA_KIND_I32 ? zero_bits : 0);
}

void low_mul(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    unsigned kind = how->kind;
    x64_op w = kind_w(kind);
    int32_t imm;
    if (value_is_const(a))
        swap_values(&a, &b);
    if (value_is_imm(b, &imm)) {
        struct operand operand = stack_operand(e, a, loads_of(kind));
        unsigned reg = stack_result(e, kind, a, b);
        bool is_reg = operand_is_reg(&operand);
        if (is_reg && (imm == 3 || imm == 5 || imm == 9)) {
            struct x64_gpr from = {(uint8_t)x64_rm_register(operand.rm)};
            x64_g(&e->x, X64_LEA | w, reg_gpr(reg),
                  x64_mem_index(from, from,
                                imm == 3   ? 1
                                : imm == 5 ? 2
                                           : 3,
                                0));
        } else {
            operand_emit(e, (x64_fits_i8(imm) ? X64_IMUL_IMM8 : X64_IMUL_IMM32) | w, reg, &operand);
            if (x64_fits_i8(imm))
                x64_u8(&e->x, (unsigned)imm & 0xFF);
            else
                x64_u32(&e->x, (uint32_t)imm);
        }
        stack_replace(e, 2, kind, reg);
        return;
    }
    if (a->kind != VALUE_REG && (b->kind == VALUE_REG || value_is_memory(e, a, kind)))
        swap_values(&a, &b);
    struct operand operand = stack_operand(e, b, loads_of(kind));
    e->pinned |= value_reads(e, b);
    unsigned reg = stack_result_over(e, a, b);
    operand_emit(e, X64_IMUL | w, reg, &operand);
    stack_replace(e, 2, kind, reg);
}

/* --- Shifts ------------------------------------------------------------------------------------*/

static unsigned shift_zero_bits(unsigned shift, unsigned zero_bits, unsigned count) {
    if (shift == X64_SHR)
        return zero_bits + count < 32 ? zero_bits + count : 32;
    if (shift == X64_SHL)
        return zero_bits > count ? zero_bits - count : 0;
    return 0;
}

/* rorx, unless the operand may be rotated where it is and the result is wanted nowhere else. */
static bool rotate_into(struct emit *e, const struct lowering *how, struct value *a,
                        unsigned count) {
    unsigned kind = how->kind, bits = kind_is_wide(kind) ? 64 : 32;
    unsigned reg = stack_hint(e, kind, a, NULL);
    if (a->kind == VALUE_REG && (reg == REG_NONE || reg == a->base))
        return false;
    struct operand operand = stack_operand(e, a, loads_of(kind));
    if (reg == REG_NONE)
        reg = value_is_owned_reg(a) ? a->base : stack_alloc(e, REG_GENERAL);
    if (operand.wasm_off != NO_OFF)
        emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, operand.wasm_off);
    x64_put_vex(&e->x, X64_RORX | kind_w(kind), reg, 0, operand.rm);
    x64_u8(&e->x, how->b == X64_ROR ? count : bits - count);
    stack_replace(e, 2, kind, reg);
    return true;
}

static void shift_const(struct emit *e, const struct lowering *how, unsigned count) {
    struct value *a = stack_top(e, 1);
    unsigned kind = how->kind;
    if (count == 0) {
        stack_pop(e);
        return;
    }
    bool in_reg = value_is_owned_reg(a) || value_is_home_reg(e, a);
    if (how->b == X64_SHL && count <= 3 && in_reg) {
        stack_pop(e);
        address_of(e, a);
        a->index = a->base;
        a->index_web = a->base_web;
        a->base = REG_NONE;
        a->base_web = NO_WEB;
        a->scale = (uint8_t)count;
        a->zero_bits = (uint8_t)(a->zero_bits > count ? a->zero_bits - count : 0);
        return;
    }
    bool is_rotate = how->b == X64_ROL || how->b == X64_ROR;
    if (is_rotate && emit_cpu_has(e, ALKA_CPU_BMI2) && rotate_into(e, how, a, count))
        return;
    unsigned zero_bits = shift_zero_bits(how->b, value_zero_bits(a), count);
    unsigned reg = stack_result_over(e, a, NULL);
    x64_n_i8(&e->x, X64_SHIFT_IMM | kind_w(kind), how->b, reg_rm(reg), count);
    emit_zero_known(e, reg, kind_w(kind));
    if (is_rotate)
        emit_zero_unknown(e); /* rotations leave ZF alone */
    stack_replace(e, 2, kind, reg);
    stack_top(e, 0)->zero_bits = (uint8_t)(kind == ALKA_KIND_I32 ? zero_bits : 0);
}

void low_shift(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    unsigned kind = how->kind;
    if (value_is_const(b)) {
        shift_const(e, how, (unsigned)b->bits & (kind_is_wide(kind) ? 63 : 31));
        return;
    }
    if (how->a && emit_cpu_has(e, ALKA_CPU_BMI2)) {
        unsigned count = stack_reg(e, b);
        e->pinned |= REG_BIT(count);
        struct operand operand = stack_operand(e, a, loads_of(kind));
        unsigned reg = stack_result(e, kind, a, b);
        if (operand.wasm_off != NO_OFF)
            emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, operand.wasm_off);
        x64_put_vex(&e->x, how->a | kind_w(kind), reg, count, operand.rm);
        stack_replace(e, 2, kind, reg);
        return;
    }
    stack_into(e, b, X64_RCX);
    unsigned reg = stack_result_over(e, a, b);
    x64_n(&e->x, X64_SHIFT_CL | kind_w(kind), how->b, reg_rm(reg));
    stack_replace(e, 2, kind, reg);
}

/* --- Bit counting ------------------------------------------------------------------------------*/

/* Without lzcnt or tzcnt: bsr and bsf leave the target undefined for zero, which a conditional move
 * mends; bsr counts from the wrong end, which an exclusive or mends: 31 - n = n ^ 31. */
void low_count(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    unsigned kind = how->kind, bits = kind_is_wide(kind) ? 64 : 32;
    x64_op w = kind_w(kind), old = how->b | X64_0F;
    struct operand operand = stack_operand(e, a, loads_of(kind));
    if (emit_cpu_has(e, how->needs)) {
        unsigned reg = stack_result(e, kind, a, NULL);
        operand_emit(e, how->a | w, reg, &operand);
        stack_replace(e, 1, kind, reg);
        return;
    }
    bool leading = old == X64_BSR;
    unsigned zero = stack_alloc(e, REG_GENERAL);
    unsigned reg = stack_result(e, kind, NULL, NULL);
    x64_mov_imm(&e->x, reg_gpr(zero), leading ? 2 * bits - 1 : bits);
    operand_emit(e, old | w, reg, &operand);
    x64_gg(&e->x, (X64_CMOV + X64_E) | w, reg_gpr(reg), reg_gpr(zero));
    if (leading)
        x64_alu_imm(&e->x, X64_XOR | w, reg_rm(reg), (int32_t)bits - 1);
    stack_free(e, zero);
    stack_replace(e, 1, kind, reg);
}

/* reg ← (reg & mask) + ((reg >> shift) & mask) */
static void popcnt_step(struct emit *e, unsigned reg, unsigned temp, unsigned mask_reg,
                        unsigned shift, uint64_t mask, x64_op w) {
    x64_mov_imm(&e->x, reg_gpr(mask_reg), w ? mask : (uint32_t)mask);
    x64_gg(&e->x, X64_MOV | w, reg_gpr(temp), reg_gpr(reg));
    x64_n_i8(&e->x, X64_SHIFT_IMM | w, X64_SHR, reg_rm(temp), shift);
    x64_gg(&e->x, X64_AND | w, reg_gpr(reg), reg_gpr(mask_reg));
    x64_gg(&e->x, X64_AND | w, reg_gpr(temp), reg_gpr(mask_reg));
    x64_gg(&e->x, X64_ADD | w, reg_gpr(reg), reg_gpr(temp));
}

/* Without popcnt: sums of pairs, of fours, of bytes; a multiplication adds up the bytes. */
void low_popcnt(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    unsigned kind = how->kind;
    x64_op w = kind_w(kind);
    if (emit_cpu_has(e, ALKA_CPU_POPCNT)) {
        struct operand operand = stack_operand(e, a, loads_of(kind));
        unsigned reg = stack_result(e, kind, a, NULL);
        operand_emit(e, X64_POPCNT | w, reg, &operand);
        stack_replace(e, 1, kind, reg);
        return;
    }
    unsigned reg = stack_own(e, a), temp = stack_alloc(e, REG_GENERAL),
             mask = stack_alloc(e, REG_GENERAL);
    popcnt_step(e, reg, temp, mask, 1, UINT64_C(0x5555555555555555), w);
    popcnt_step(e, reg, temp, mask, 2, UINT64_C(0x3333333333333333), w);
    popcnt_step(e, reg, temp, mask, 4, UINT64_C(0x0F0F0F0F0F0F0F0F), w);
    x64_mov_imm(&e->x, reg_gpr(mask), w ? UINT64_C(0x0101010101010101) : UINT64_C(0x01010101));
    x64_gg(&e->x, X64_IMUL | w, reg_gpr(reg), reg_gpr(mask));
    x64_n_i8(&e->x, X64_SHIFT_IMM | w, X64_SHR, reg_rm(reg), w ? 56 : 24);
    stack_free(e, temp);
    stack_free(e, mask);
    stack_replace(e, 1, kind, reg);
}

/* --- Widths ------------------------------------------------------------------------------------*/

/* kind: of the result; a: movsx in its width */
void low_extend(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    unsigned kind = how->kind;
    x64_op op = how->a | kind_w(kind);
    if (a->kind == VALUE_LOAD && a->load == LOAD_32 && how->a == X64_MOVSXD) {
        a->load = LOAD_32_S_64;
        a->type = ALKA_KIND_I64;
        return;
    }
    if (value_is_const(a) && how->a == X64_MOVSXD) {
        *a = value_const(ALKA_KIND_I64, (uint64_t)(int64_t)(int32_t)a->bits);
        return;
    }
    struct operand operand = stack_operand(e, a, 0);
    unsigned reg = stack_result(e, kind, a, NULL);
    operand_emit(e, op, reg, &operand);
    stack_replace(e, 1, kind, reg);
}

void low_wrap(struct emit *e, const struct lowering *how) {
    (void)how;
    struct value *a = stack_top(e, 0);
    if (value_is_const(a)) {
        *a = value_const(ALKA_KIND_I32, (uint32_t)a->bits);
        return;
    }
    if (a->kind == VALUE_ADDRESS) { /* computed in 32 bits, it is the same sum */
        a->type = ALKA_KIND_I32;
        return;
    }
    struct operand operand = stack_operand(e, a, 0);
    unsigned reg = stack_result(e, ALKA_KIND_I32, a, NULL);
    operand_emit(e, X64_MOV, reg, &operand);
    stack_replace(e, 1, ALKA_KIND_I32, reg);
}

/* An i32 is zero-extended wherever it is in a register. */
void low_extend_u(struct emit *e, const struct lowering *how) {
    (void)how;
    struct value *a = stack_top(e, 0);
    bool in_reg = value_is_owned_reg(a) || value_is_home_reg(e, a);
    if (!in_reg && a->kind != VALUE_LOAD && !value_is_const(a))
        stack_own(e, a);
    a->type = ALKA_KIND_I64;
}

/* --- select ------------------------------------------------------------------------------------*/

/* The top entry as flags that say "not zero"; popped. The flags stay pending until the caller has
 * used them. */
unsigned stack_pop_condition(struct emit *e) {
    struct value *top = stack_top(e, 0);
    unsigned cond = X64_NE;
    if (top->kind == VALUE_FLAGS)
        cond = top->cond;
    else
        cmp_zero(e, ALKA_KIND_I32, top);
    stack_pop(e);
    e->has_flags = true;
    return cond;
}

/* if_false is taken over a jump; nothing is loaded that was not loaded before. */
static void select_vector(struct emit *e, unsigned cond, struct value *a, struct value *b) {
    unsigned kind = a->type, other = stack_reg(e, b);
    e->pinned |= REG_BIT(other);
    unsigned reg = stack_result_over(e, a, b);
    uint8_t *done, *also = NULL;
    if (cond == FLAG_FLOAT_EQ) {
        uint8_t *differs = x64_jcc_short(&e->x, X64_NE);
        done = x64_jcc_short(&e->x, X64_NP);
        x64_land(&e->x, differs);
    } else if (cond == FLAG_FLOAT_NE) {
        done = x64_jcc_short(&e->x, X64_NE);
        also = x64_jcc_short(&e->x, X64_P);
    } else {
        done = x64_jcc_short(&e->x, (enum x64_cond)cond);
    }
    value_move(e, kind, reg, other);
    x64_land(&e->x, done);
    if (also)
        x64_land(&e->x, also);
    e->has_flags = false;
    stack_replace(e, 2, kind, reg);
}

/* Is it b's register, or a copy of it, that is best overwritten? */
static bool select_is_over_b(const struct emit *e, const struct value *a, const struct value *b) {
    if (stack_is_set_next(e, a) || stack_is_set_next(e, b))
        return stack_is_set_next(e, b);
    return !value_is_owned_reg(a) && (value_is_owned_reg(b) || value_is_const(b));
}

/* a if cond, else b: a's register is overwritten with b if not cond. */
static void select_general(struct emit *e, unsigned cond, struct value *a, struct value *b) {
    unsigned kind = a->type;
    if (cond == FLAG_FLOAT_NE || (cond < FLAG_FLOAT_EQ && select_is_over_b(e, a, b))) {
        swap_values(&a, &b);
        cond ^= 1;
    }
    if (value_is_const(b))
        stack_own(e, b);
    struct operand operand = stack_operand(e, b, loads_of(kind));
    e->pinned |= value_reads(e, b);
    unsigned reg = stack_result_over(e, a, b);
    x64_op w = kind_w(kind);
    if (cond == FLAG_FLOAT_EQ) {
        operand_emit(e, (X64_CMOV + X64_NE) | w, reg, &operand);
        operand_emit(e, (X64_CMOV + X64_P) | w, reg, &operand);
    } else {
        operand_emit(e, (X64_CMOV + (cond ^ 1)) | w, reg, &operand);
    }
    e->has_flags = false;
    stack_replace(e, 2, kind, reg);
}

void low_select(struct emit *e, const struct lowering *how) {
    (void)how;
    unsigned cond = stack_pop_condition(e);
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    if (kind_is_vector(a->type))
        select_vector(e, cond, a, b);
    else
        select_general(e, cond, a, b);
}
