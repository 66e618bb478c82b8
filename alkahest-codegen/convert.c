/*
 * Room: codegen. Conversions between integers and floats. Comes in: a value. Goes out: its
 * conversion, or a trap. Must round once (i64 → f32 in particular), and accept exactly the floats
 * whose truncation fits.
 *
 * Truncation gives the least integer for what does not fit, which `cmp 1` tells from all others by
 * its overflow. A u32 is what remains the same without the upper half of 64 bits. Only when that
 * fails does a stub find out what is wrong.
 */
#include "lowerings.h"

static x64_op scalar(unsigned kind) { return kind == ALKA_KIND_F32 ? X64_F3 : X64_F2; }
static x64_op ucomis(unsigned kind) {
    return kind == ALKA_KIND_F32 ? (x64_op)X64_UCOMISS : (x64_op)X64_UCOMISD;
}

/* b: ALKA_KIND_I64 for 64-bit operands, u32 included: it is zero-extended in its register */
void low_int_to_float(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    bool wide = how->b == ALKA_KIND_I64, from_u32 = wide && a->type == ALKA_KIND_I32;
    if (from_u32 && value_zero_bits(a)) /* not negative as i32 either */
        wide = from_u32 = false;
    struct operand operand;
    if (from_u32)
        operand = (struct operand){.rm = reg_rm(stack_reg(e, a)), .wasm_off = NO_OFF};
    else
        operand = stack_operand(e, a, wide ? 1u << LOAD_64 : 1u << LOAD_32);
    e->pinned |= value_reads(e, a);
    unsigned reg = stack_result(e, how->kind, NULL, NULL);
    x64_xx(&e->x, X64_XORPS, reg_xmm(reg), reg_xmm(reg)); /* no dependency on what it held */
    operand_emit(e, X64_CVT_I_F | scalar(how->kind) | (wide ? X64_W : 0), reg, &operand);
    stack_replace(e, 1, how->kind, reg);
}

/* The upper half is halved, with the lost bit or-ed into the last one so that rounding sees it, and
 * the result is doubled. */
void low_u64_to_float(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    unsigned kind = how->kind;
    x64_op op = X64_CVT_I_F | scalar(kind) | X64_W;
    struct x64_gpr from = reg_gpr(stack_own(e, a));
    unsigned half = stack_alloc(e, REG_GENERAL);
    unsigned reg = stack_result(e, kind, NULL, NULL);
    struct x64_xmm to = reg_xmm(reg);
    x64_xx(&e->x, X64_XORPS, to, to);
    x64_gg(&e->x, X64_TEST | X64_W, from, from);
    uint8_t *large = x64_jcc_short(&e->x, X64_S);
    x64_x(&e->x, op, to, x64_rm_gpr(from));
    uint8_t *done = x64_jmp_short(&e->x);
    x64_land(&e->x, large);
    x64_gg(&e->x, X64_MOV, reg_gpr(half), from);
    x64_n_i8(&e->x, X64_SHIFT_IMM | X64_W, X64_SHR, x64_rm_gpr(from), 1);
    x64_alu_imm(&e->x, X64_AND, reg_rm(half), 1);
    x64_gg(&e->x, X64_OR | X64_W, from, reg_gpr(half));
    x64_x(&e->x, op, to, x64_rm_gpr(from));
    x64_xx(&e->x, X64_ADDF | scalar(kind), to, to);
    x64_land(&e->x, done);
    stack_free(e, half);
    stack_replace(e, 1, kind, reg);
}

/* --- Stubs of truncation: the result does not fit, or may not ----------------------------------*/

/* a: the float's register, b: the result's, c: of the float */
enum truncate_target { TRUNCATE_I32, TRUNCATE_U32, TRUNCATE_I64, TRUNCATE_U64 };

static uint32_t truncate_pack(enum truncate_target target, bool saturates) {
    return (uint32_t)target << 1 | saturates;
}

static void stub_trap_here(struct emit *e, enum alka_trap trap, uint32_t wasm_off) {
    emit_site(e, trap, wasm_off);
    x64_ud2(&e->x);
}

static void stub_truncate_saturate(struct emit *e, const struct stub *stub, struct x64_xmm from,
                                   struct x64_gpr to) {
    static const uint64_t least[] = {UINT64_C(0x80000000), 0, UINT64_C(0x8000000000000000), 0};
    static const uint64_t most[] = {INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
    enum truncate_target target = (enum truncate_target)(stub->more >> 1);
    unsigned bytes = stub->c == ALKA_KIND_F32 ? 4 : 8;
    struct rodata zero = rodata_constant(e, 0, 0, bytes);
    x64_gg(&e->x, X64_XOR, to, to);
    x64_xx(&e->x, ucomis(stub->c), from, from);
    uint8_t *is_nan = x64_jcc_short(&e->x, X64_P);
    x64_x(&e->x, ucomis(stub->c), from, x64_mem_rip(0));
    rodata_use(e, zero, 0);
    x64_mov_imm(&e->x, to, most[target]);
    uint8_t *is_positive = x64_jcc_short(&e->x, X64_A);
    x64_mov_imm(&e->x, to, least[target]);
    x64_land(&e->x, is_positive);
    x64_land(&e->x, is_nan);
    emit_jump_back(e, stub);
}

static void stub_truncate(struct emit *e, const struct stub *stub) {
    struct x64_xmm from = reg_xmm(stub->a);
    struct x64_gpr to = reg_gpr(stub->b);
    if (stub->more & 1) {
        stub_truncate_saturate(e, stub, from, to);
        return;
    }
    x64_xx(&e->x, ucomis(stub->c), from, from);
    uint8_t *number = x64_jcc_short(&e->x, X64_NP);
    stub_trap_here(e, ALKA_TRAP_INVALID_CONVERSION, stub->wasm_off);
    x64_land(&e->x, number);
    stub_trap_here(e, ALKA_TRAP_INTEGER_OVERFLOW, stub->wasm_off);
}

/* The least integer may be the true result: of what lies between it and the one below. */
static void stub_truncate_signed(struct emit *e, const struct stub *stub) {
    bool is_f32 = stub->c == ALKA_KIND_F32, is_i64 = stub->more >> 1 == TRUNCATE_I64;
    /* The least float that fits, or for i32 from f64 the greatest that does not. */
    uint64_t f32 = is_i64 ? 0xDF000000 : 0xCF000000;
    uint64_t f64 = is_i64 ? UINT64_C(0xC3E0000000000000) : UINT64_C(0xC1E0000000200000);
    struct rodata bound = rodata_constant(e, is_f32 ? f32 : f64, 0, is_f32 ? 4 : 8);
    struct rodata zero = rodata_constant(e, 0, 0, is_f32 ? 4 : 8);
    x64_x(&e->x, ucomis(stub->c), reg_xmm(stub->a), x64_mem_rip(0));
    rodata_use(e, bound, 0);
    uint8_t *below = x64_jcc_short(&e->x, is_f32 || is_i64 ? X64_B : X64_BE); /* or unordered */
    x64_x(&e->x, ucomis(stub->c), reg_xmm(stub->a), x64_mem_rip(0));
    rodata_use(e, zero, 0);
    uint8_t *above = x64_jcc_short(&e->x, X64_A);
    emit_jump_back(e, stub);
    x64_land(&e->x, below);
    x64_land(&e->x, above);
    stub_truncate(e, stub);
}

static void truncate_stub_if(struct emit *e, enum x64_cond cond, struct stub stub) {
    x64_jcc(&e->x, cond, NO_OFF);
    stub.jump_off = emit_off(e) - 4;
    stub.back_off = emit_off(e);
    stub.wasm_off = e->op_off;
    emit_stub(e, stub);
}

/* kind → b, signed if c, saturating if d; not for unsigned 64-bit results */
void low_truncate(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    stack_settle_loads(e);
    unsigned from = stack_reg(e, a);
    e->pinned |= REG_BIT(from);
    unsigned to = stack_alloc(e, REG_GENERAL);
    bool is_u32 = !how->c, is_i64 = how->b == ALKA_KIND_I64;
    x64_op w = is_u32 || is_i64 ? X64_W : 0;
    x64_put(&e->x, X64_CVTT_F_I | w | scalar(how->kind), to, reg_rm(from));
    struct stub stub = {.a = (uint8_t)from, .b = (uint8_t)to, .c = how->kind};
    if (is_u32) {
        unsigned narrow = stack_alloc(e, REG_GENERAL);
        stub.emit = stub_truncate;
        stub.more = truncate_pack(TRUNCATE_U32, how->d);
        x64_gg(&e->x, X64_MOV, reg_gpr(narrow), reg_gpr(to));
        x64_gg(&e->x, X64_CMP | X64_W, reg_gpr(narrow), reg_gpr(to));
        stack_free(e, narrow);
        truncate_stub_if(e, X64_NE, stub);
    } else {
        stub.emit = how->d ? stub_truncate : stub_truncate_signed;
        stub.more = truncate_pack(is_i64 ? TRUNCATE_I64 : TRUNCATE_I32, how->d);
        x64_alu_imm(&e->x, X64_CMP | w, reg_rm(to), 1);
        truncate_stub_if(e, X64_O, stub);
    }
    stack_replace(e, 1, how->b, to);
}

/* Below 2^63 it is a signed conversion; from there on 2^63 is taken off before and put back after.
 * Either way a negative intermediate result means that it does not fit. */
void low_truncate_u64(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    unsigned kind = how->kind;
    bool is_f32 = kind == ALKA_KIND_F32;
    stack_settle_loads(e);
    unsigned from = stack_reg(e, a);
    e->pinned |= REG_BIT(from);
    struct x64_gpr to = reg_gpr(stack_alloc(e, REG_GENERAL));
    struct x64_xmm less = reg_xmm(stack_alloc(e, REG_VECTOR));
    struct rodata limit = rodata_constant(
        e, is_f32 ? UINT64_C(0x5F000000) : UINT64_C(0x43E0000000000000), 0, is_f32 ? 4 : 8);
    struct stub stub = {.emit = stub_truncate,
                        .a = (uint8_t)from,
                        .b = to.number,
                        .c = (uint8_t)kind,
                        .more = truncate_pack(TRUNCATE_U64, how->d)};
    x64_x(&e->x, ucomis(kind), reg_xmm(from), x64_mem_rip(0));
    rodata_use(e, limit, 0);
    uint8_t *large = x64_jcc_short(&e->x, X64_AE);
    x64_put(&e->x, X64_CVTT_F_I | X64_W | scalar(kind), to.number, reg_rm(from));
    x64_gg(&e->x, X64_TEST | X64_W, to, to);
    struct stub first = stub;
    truncate_stub_if(e, X64_S, first);
    uint8_t *done = x64_jmp_short(&e->x);
    x64_land(&e->x, large);
    x64_xx(&e->x, X64_MOVAPS, less, reg_xmm(from));
    x64_x(&e->x, X64_SUBF | scalar(kind), less, x64_mem_rip(0));
    rodata_use(e, limit, 0);
    x64_put(&e->x, X64_CVTT_F_I | X64_W | scalar(kind), to.number, x64_rm_xmm(less));
    x64_gg(&e->x, X64_TEST | X64_W, to, to);
    x64_jcc(&e->x, X64_S, NO_OFF);
    stub.jump_off = emit_off(e) - 4;
    x64_n_i8(&e->x, X64_BT_IMM | X64_W, 7, x64_rm_gpr(to), 63);
    x64_land(&e->x, done);
    stub.back_off = emit_off(e);
    stub.wasm_off = e->op_off;
    emit_stub(e, stub);
    stack_free(e, less.number + REG_XMM0);
    stack_replace(e, 1, ALKA_KIND_I64, to.number);
}

/* A pending load of the same bits as the other type; LOAD_KINDS if there is none. */
static unsigned reinterpret_load(unsigned load, unsigned to) {
    switch (load) {
    case LOAD_F32:
        return LOAD_32;
    case LOAD_F64:
        return LOAD_64;
    case LOAD_32:
        return to == ALKA_KIND_F32 ? LOAD_F32 : LOAD_KINDS;
    case LOAD_64:
        return to == ALKA_KIND_F64 ? LOAD_F64 : LOAD_KINDS;
    default:
        return LOAD_KINDS;
    }
}

/* Same bits, other registers; what is not in a register changes its name only. */
void low_reinterpret(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    unsigned to = how->b;
    if (a->kind == VALUE_SLOT || value_is_const(a)) {
        a->type = (uint8_t)to;
        return;
    }
    unsigned load = a->kind == VALUE_LOAD ? reinterpret_load(a->load, to) : LOAD_KINDS;
    if (load != LOAD_KINDS) {
        a->load = (uint8_t)load;
        a->type = (uint8_t)to;
        return;
    }
    unsigned from = stack_reg(e, a);
    e->pinned |= REG_BIT(from);
    unsigned reg = stack_result(e, to, NULL, NULL);
    x64_op w = how->kind == ALKA_KIND_I64 || how->kind == ALKA_KIND_F64 ? X64_W : 0;
    if (kind_is_vector(to))
        x64_put(&e->x, X64_MOVD_X_G | w, reg & 15, reg_rm(from));
    else
        x64_put(&e->x, X64_MOVD_G_X | w, from & 15, reg_rm(reg));
    stack_replace(e, 1, to, reg);
}
