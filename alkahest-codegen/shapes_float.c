/*
 * Room: codegen. Floating-point shapes. Comes in: operands on the stack. Goes out: results with
 * WebAssembly's NaN, signed zero and rounding rules (specification 4.3.3). Must never read memory
 * wider than the value: what takes 128-bit operands takes registers, or masks of read-only data.
 */
#include "lowerings.h"

static uint32_t loads_of(unsigned kind) {
    return kind == ALKA_KIND_F32 ? 1u << LOAD_F32 : 1u << LOAD_F64;
}

/* The mandatory prefix of scalar arithmetic. */
static x64_op scalar(unsigned kind) { return kind == ALKA_KIND_F32 ? X64_F3 : X64_F2; }

static x64_op ucomis(unsigned kind) {
    return kind == ALKA_KIND_F32 ? (x64_op)X64_UCOMISS : (x64_op)X64_UCOMISD;
}

/* With AVX, instructions have a third operand: no copies, and no dependency on what the target held
 * before. */
static bool has_avx(const struct emit *e) { return emit_cpu_has(e, ALKA_CPU_AVX); }

static struct x64_xmm float_own(struct emit *e, struct value *value) {
    return reg_xmm(stack_own(e, value));
}

/* to ← from op [16 bytes of read-only data] */
static void float_mask_from(struct emit *e, x64_op op, struct x64_xmm to, struct x64_xmm from,
                            uint64_t lane, bool is_f32) {
    uint64_t both = is_f32 ? lane << 32 | lane : lane;
    struct rodata mask = rodata_constant(e, both, both, 16);
    if (to.number == from.number)
        x64_x(&e->x, op, to, x64_mem_rip(0));
    else
        x64_vx(&e->x, op, to, from, x64_mem_rip(0));
    rodata_use(e, mask, 0);
}
static void float_mask(struct emit *e, x64_op op, struct x64_xmm reg, uint64_t lane, bool is_f32) {
    float_mask_from(e, op, reg, reg, lane, is_f32);
}

static uint64_t sign_bit(unsigned kind) {
    return kind == ALKA_KIND_F32 ? UINT64_C(1) << 31 : UINT64_C(1) << 63;
}

static uint64_t magnitude_bits(unsigned kind) {
    return kind == ALKA_KIND_F32 ? UINT64_C(0x7FFFFFFF) : UINT64_C(0x7FFFFFFFFFFFFFFF);
}

void low_const_float(struct emit *e, const struct lowering *how) {
    uint64_t bits = 0;
    unsigned bytes = how->kind == ALKA_KIND_F32 ? 4 : 8;
    __builtin_memcpy(&bits, e->pc, bytes);
    e->pc += bytes;
    stack_push(e, value_const(how->kind, bits));
}

/* ucomis sets the flags of an unsigned comparison, and all of them if a NaN takes part: "above" and
 * "above or equal" are false then, so less-than compares the other way round. */
void low_fcmp(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    if (how->b) {
        struct value *swap = a;
        a = b;
        b = swap;
    }
    unsigned reg = stack_reg(e, a);
    e->pinned |= REG_BIT(reg);
    struct operand operand = stack_operand(e, b, loads_of(how->kind));
    operand_emit(e, ucomis(how->kind), reg, &operand);
    stack_pop(e);
    stack_pop(e);
    stack_push_flags(e, how->a);
}

void low_farith(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    unsigned kind = how->kind;
    if (how->b && !value_is_owned_reg(a) &&
        (value_is_owned_reg(b) || value_is_const(a) || a->kind == VALUE_LOAD)) {
        struct value *swap = a;
        a = b;
        b = swap;
    }
    unsigned reg;
    if (has_avx(e)) {
        unsigned left = stack_reg(e, a);
        e->pinned |= REG_BIT(left);
        struct operand operand = stack_operand(e, b, loads_of(kind));
        reg = stack_result(e, kind, a, b);
        /* In place, two operands do: as long, and with a memory operand only one micro-operation.
         */
        if (reg == left)
            operand_emit(e, how->a | scalar(kind), reg, &operand);
        else
            operand_emit_vex(e, how->a | scalar(kind), reg, left, &operand);
    } else {
        struct operand operand = stack_operand(e, b, loads_of(kind));
        e->pinned |= value_reads(e, b);
        reg = stack_result_over(e, a, b);
        operand_emit(e, how->a | scalar(kind), reg, &operand);
    }
    stack_replace(e, 2, kind, reg);
}

/* to ← left op right, where to is left without AVX. */
static void float_binary(struct emit *e, x64_op op, struct x64_xmm to, struct x64_xmm left,
                         struct x64_rm right) {
    if (has_avx(e))
        x64_vx(&e->x, op, to, left, right);
    else
        x64_x(&e->x, op, to, right);
}

/*
 * minsd and maxsd do not know signed zeroes and forget NaNs. All of that has ZF set by a
 * comparison, and goes to a stub: unordered   the sum, which is a quiet NaN equal       the same
 * value, but for zeroes of different sign: or unites the signs for min, and for max
 */
static void stub_minmax(struct emit *e, const struct stub *stub) {
    struct x64_xmm to = reg_xmm(stub->more >> 8), left = reg_xmm(stub->a);
    struct x64_rm right = x64_rm_xmm(reg_xmm(stub->b));
    x64_op equal = (stub->more & 0xFF) | X64_0F, sum = X64_ADDF | scalar(stub->c);
    uint8_t *unordered = x64_jcc_short(&e->x, X64_P);
    float_binary(e, equal, to, left, right);
    emit_jump_back(e, stub);
    x64_land(&e->x, unordered);
    float_binary(e, sum, to, left, right);
    emit_jump_back(e, stub);
}

void low_fminmax(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    unsigned kind = how->kind, right = stack_reg(e, b);
    e->pinned |= value_reads(e, b);
    unsigned left = has_avx(e) ? stack_reg(e, a) : stack_result_over(e, a, b);
    e->pinned |= REG_BIT(left);
    unsigned to = has_avx(e) ? stack_result(e, kind, a, b) : left;
    x64_xx(&e->x, ucomis(kind), reg_xmm(left), reg_xmm(right));
    x64_jcc(&e->x, X64_E, NO_OFF);
    uint32_t jump_off = emit_off(e) - 4;
    float_binary(e, how->a | scalar(kind), reg_xmm(to), reg_xmm(left), reg_rm(right));
    emit_stub(e, (struct stub){.emit = stub_minmax,
                               .jump_off = jump_off,
                               .back_off = emit_off(e),
                               .a = (uint8_t)left,
                               .b = (uint8_t)right,
                               .c = (uint8_t)kind,
                               .more = how->b | to << 8});
    stack_replace(e, 2, kind, to);
}

/* (a & magnitude) | (b & sign) */
void low_fcopysign(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    unsigned kind = how->kind;
    bool is_f32 = kind == ALKA_KIND_F32;
    struct x64_xmm sign = float_own(e, b);
    struct x64_xmm magnitude = reg_xmm(stack_result_over(e, a, b));
    float_mask(e, X64_ANDPS, sign, sign_bit(kind), is_f32);
    float_mask(e, X64_ANDPS, magnitude, magnitude_bits(kind), is_f32);
    x64_xx(&e->x, X64_ORPS, magnitude, sign);
    stack_replace(e, 2, kind, magnitude.number + REG_XMM0);
}

void low_fsign(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    unsigned kind = how->kind;
    uint64_t mask = how->a == X64_ANDPS ? magnitude_bits(kind) : sign_bit(kind);
    unsigned from = has_avx(e) ? stack_reg(e, a) : stack_result_over(e, a, NULL);
    e->pinned |= REG_BIT(from);
    unsigned reg = has_avx(e) ? stack_result(e, kind, a, NULL) : from;
    float_mask_from(e, how->a, reg_xmm(reg), reg_xmm(from), mask, kind == ALKA_KIND_F32);
    stack_replace(e, 1, kind, reg);
}

/* Scalar instructions with one operand keep the upper half of their target: a dependency on what it
 * held before, unless the operand is there itself, or the target was just zeroed, or AVX takes that
 * half from the operand. */
static void float_unary(struct emit *e, x64_op op, unsigned reg, const struct operand *from) {
    if (operand_is_reg(from) && has_avx(e)) {
        operand_emit_vex(e, op, reg, x64_rm_register(from->rm), from);
        return;
    }
    if (!operand_is_reg(from) || (reg & 15) != x64_rm_register(from->rm))
        x64_xx(&e->x, X64_XORPS, reg_xmm(reg), reg_xmm(reg));
    operand_emit(e, op, reg, from);
}

void low_fsqrt(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    struct operand operand = stack_operand(e, a, loads_of(how->kind));
    unsigned reg = stack_result(e, how->kind, a, NULL);
    float_unary(e, X64_SQRT | scalar(how->kind), reg, &operand);
    stack_replace(e, 1, how->kind, reg);
}

void low_fconvert_f(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    struct operand operand = stack_operand(e, a, loads_of(how->kind));
    unsigned reg = stack_result(e, how->b, a, NULL);
    float_unary(e, X64_CVT_F_F | scalar(how->kind), reg, &operand);
    stack_replace(e, 1, how->b, reg);
}

/* --- Rounding ----------------------------------------------------------------------------------*/

enum { ROUND_NEAREST, ROUND_FLOOR, ROUND_CEIL, ROUND_TRUNC };

/* The three registers of a rounding by hand. */
struct rounding {
    unsigned kind, mode;
    struct x64_xmm x, to, temp;
};

/* to ← to with the sign of x */
static void round_sign(struct emit *e, const struct rounding *r) {
    bool is_f32 = r->kind == ALKA_KIND_F32;
    x64_xx(&e->x, X64_MOVAPS, r->temp, r->x);
    float_mask(e, X64_ANDPS, r->to, magnitude_bits(r->kind), is_f32);
    float_mask(e, X64_ANDPS, r->temp, sign_bit(r->kind), is_f32);
    x64_xx(&e->x, X64_ORPS, r->to, r->temp);
}

/* `to` is the nearest integer: one less if it is above x, for ceil one more if it is below; for
 * trunc both are magnitudes. */
static void round_correct(struct emit *e, const struct rounding *r) {
    bool is_f32 = r->kind == ALKA_KIND_F32, up = r->mode == ROUND_CEIL;
    x64_xx(&e->x, X64_MOVAPS, r->temp, r->x);
    if (r->mode == ROUND_TRUNC)
        float_mask(e, X64_ANDPS, r->temp, magnitude_bits(r->kind), is_f32);
    x64_xx(&e->x, ucomis(r->kind), up ? r->to : r->temp, up ? r->temp : r->to);
    uint8_t *keep = x64_jcc_short(&e->x, X64_AE);
    struct rodata one =
        rodata_constant(e, is_f32 ? 0x3F800000 : UINT64_C(0x3FF0000000000000), 0, is_f32 ? 4 : 8);
    x64_x(&e->x, (up ? X64_ADDF : X64_SUBF) | scalar(r->kind), r->to, x64_mem_rip(0));
    rodata_use(e, one, 0);
    x64_land(&e->x, keep);
}

/* Without roundsd. |x| + 2^52 - 2^52 (2^23 for f32) is the magnitude rounded to nearest, if it is
 * below 2^52; what is not is an integer already, or no number, which x + 0 makes quiet. */
static void round_by_hand(struct emit *e, const struct rounding *r) {
    bool is_f32 = r->kind == ALKA_KIND_F32;
    struct value limit = value_const(r->kind, is_f32 ? 0x4B000000 : UINT64_C(0x4330000000000000));
    x64_xx(&e->x, X64_MOVAPS, r->to, r->x);
    float_mask(e, X64_ANDPS, r->to, magnitude_bits(r->kind), is_f32);
    value_load(e, &limit, r->temp.number + REG_XMM0);
    x64_xx(&e->x, ucomis(r->kind), r->temp, r->to);
    uint8_t *small = x64_jcc_short(&e->x, X64_A);
    x64_xx(&e->x, X64_XORPS, r->to, r->to);
    x64_xx(&e->x, X64_ADDF | scalar(r->kind), r->to, r->x);
    uint8_t *done = x64_jmp_short(&e->x);
    x64_land(&e->x, small);
    x64_xx(&e->x, X64_ADDF | scalar(r->kind), r->to, r->temp);
    x64_xx(&e->x, X64_SUBF | scalar(r->kind), r->to, r->temp);
    if (r->mode == ROUND_FLOOR || r->mode == ROUND_CEIL)
        round_sign(e, r);
    if (r->mode != ROUND_NEAREST)
        round_correct(e, r);
    round_sign(e, r);
    x64_land(&e->x, done);
}

void low_fround(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    unsigned kind = how->kind;
    if (!emit_cpu_has(e, ALKA_CPU_SSE41)) {
        unsigned x = stack_reg(e, a);
        e->pinned |= REG_BIT(x);
        unsigned to = stack_alloc(e, REG_VECTOR), temp = stack_alloc(e, REG_VECTOR);
        round_by_hand(e, &(struct rounding){kind, how->b, reg_xmm(x), reg_xmm(to), reg_xmm(temp)});
        stack_free(e, temp);
        stack_replace(e, 1, kind, to);
        return;
    }
    struct operand operand = stack_operand(e, a, loads_of(kind));
    unsigned reg = stack_result(e, kind, a, NULL);
    x64_op op = kind == ALKA_KIND_F32 ? X64_ROUNDSS : X64_ROUNDSD;
    unsigned imm = how->b | 8u; /* no exceptions */
    if (operand_is_reg(&operand) && has_avx(e)) {
        operand_emit_vex(e, op, reg, x64_rm_register(operand.rm), &operand);
        x64_u8(&e->x, imm);
    } else {
        if (!operand_is_reg(&operand) || (reg & 15) != x64_rm_register(operand.rm))
            x64_xx(&e->x, X64_XORPS, reg_xmm(reg), reg_xmm(reg));
        operand_emit_i8(e, op, reg, &operand, imm);
    }
    stack_replace(e, 1, kind, reg);
}
