/*
 * Room: codegen. Shapes of v128: what one or two instructions of the machine do, lane by lane.
 * Comes in: operands on the stack. Goes out: results with WebAssembly's rules
 * (specification 4.3.7). What takes more than that is in vector_idioms.c, what moves lanes in
 * vector_lanes.c.
 */
#include "vector.h"

/* v128.const: sixteen bytes */
void low_vconst(struct emit *e, const struct lowering *how) {
    (void)how;
    uint64_t words[2];
    __builtin_memcpy(words, e->pc, sizeof words);
    e->pc += sizeof words;
    stack_push(e, value_const_v128(e, words[0], words[1]));
}

static void vec_complement(struct emit *e, struct x64_xmm x) {
    vec_lanes(e, X64_PXOR, x, 64, UINT64_MAX);
}

static bool vec_is_register(const struct emit *e, const struct value *value) {
    return value->kind == VALUE_REG || value_is_home_reg(e, value);
}

/* a: opcode; b: enum vec_flags; c: immediate */
void low_vbinary(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    bool has_avx = vec_has_avx(e);
    bool turn = how->b & VEC_SWAPPED;
    if ((how->b & VEC_COMMUTES) && has_avx)
        turn = vec_is_register(e, b) && !vec_is_register(e, a);
    else if (how->b & VEC_COMMUTES)
        turn = !value_is_owned_reg(a) &&
               (value_is_owned_reg(b) || value_is_const(a) || a->kind == VALUE_LOAD);
    if (turn) {
        struct value *swap = a;
        a = b;
        b = swap;
    }
    struct x64_xmm left, to;
    struct operand operand;
    if (has_avx) {
        left = reg_xmm(stack_reg(e, a));
        operand = vec_operand(e, b);
        e->pinned |= value_reads(e, b);
        to = reg_xmm(stack_result(e, ALKA_KIND_V128, a, b));
    } else {
        operand = vec_operand(e, b);
        e->pinned |= value_reads(e, b);
        left = to = reg_xmm(stack_result_over(e, a, b));
    }
    vec_emit(e, how->a, to, left, &operand, how->b, how->c);
    if (how->b & VEC_NOT)
        vec_complement(e, to);
    vec_finish(e, 2, to);
}

/* a: opcode; b: enum vec_flags; c: immediate */
void low_vunary(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    struct operand operand = how->b & VEC_HALF ? stack_operand(e, a, 0) : vec_operand(e, a);
    struct x64_xmm to = reg_xmm(stack_result(e, ALKA_KIND_V128, a, NULL));
    vec_emit(e, how->a, to, (struct x64_xmm){0}, &operand, how->b, how->c);
    vec_finish(e, 1, to);
}

/* Widens the upper half: it comes down first. */
void low_vextend_high(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    struct operand operand = vec_operand(e, a);
    struct x64_xmm to = reg_xmm(stack_result(e, ALKA_KIND_V128, a, NULL));
    vec_emit(e, X64_PSHUFD, to, (struct x64_xmm){0}, &operand, VEC_IMM, 0xEE);
    vec_op(e, how->a, to, to);
    vec_finish(e, 1, to);
}

/* One instruction with a constant: a: opcode, b: bits of the lane, c: what lane is wanted */
void low_vmask(struct emit *e, const struct lowering *how) {
    static const uint64_t lanes[] = {
        [VEC_MASK_ONES] = UINT64_MAX,
        [VEC_MASK_ONE] = 1,
        [VEC_MASK_SIGN_32] = UINT64_C(1) << 31,
        [VEC_MASK_SIGN_64] = UINT64_C(1) << 63,
        [VEC_MASK_MAGNITUDE_32] = UINT64_C(0x7FFFFFFF),
        [VEC_MASK_MAGNITUDE_64] = UINT64_C(0x7FFFFFFFFFFFFFFF),
    };
    struct x64_xmm x = vec_take_one(e, 0);
    vec_lanes(e, how->a, x, how->b, lanes[how->c]);
    vec_finish(e, 1, x);
}

/* 0 - a */
void low_vneg(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    struct operand operand = vec_operand(e, a);
    e->pinned |= value_reads(e, a);
    struct x64_xmm to = vec_temp(e);
    vec_zero(e, to);
    vec_emit(e, how->a, to, to, &operand, 0, 0);
    vec_finish(e, 1, to);
}

/* There is "greater than" for signed lanes only; but a ≥ b where the larger of the two is a, and
 * a ≤ b where the smaller is. a: min or max; b: VEC_NOT; c: pcmpeq's opcode byte */
void low_vcompare_limit(struct emit *e, const struct lowering *how) {
    struct vec_pair p = vec_take(e, stack_top(e, 0), stack_top(e, 1));
    vec_op(e, how->a, p.x, p.y);
    vec_op(e, how->c | X64_660F, p.x, p.y);
    if (how->b & VEC_NOT)
        vec_complement(e, p.x);
    vec_finish(e, 2, p.x);
}

/* (v1 ^ v2) & c ^ v2 */
void low_vbitselect(struct emit *e, const struct lowering *how) {
    (void)how;
    struct value *c = stack_top(e, 0), *v2 = stack_top(e, 1), *v1 = stack_top(e, 2);
    struct x64_xmm x = reg_xmm(stack_own(e, v1));
    struct x64_xmm other = reg_xmm(stack_reg(e, v2));
    e->pinned |= value_reads(e, v2);
    vec_op(e, X64_PXOR, x, other);
    struct operand mask = vec_operand(e, c);
    vec_emit(e, X64_PAND, x, x, &mask, 0, 0);
    vec_op(e, X64_PXOR, x, other);
    vec_finish(e, 3, x);
}

/* --- Shifts ------------------------------------------------------------------------------------*/

/* The count, taken modulo the lanes' width, as a vector. The entry stays until the end. */
static struct x64_xmm vec_shift_count(struct emit *e, unsigned mask, unsigned more) {
    unsigned count = stack_own(e, stack_top(e, 0));
    x64_alu_imm(&e->x, X64_AND, reg_rm(count), (int32_t)mask);
    if (more)
        x64_alu_imm(&e->x, X64_ADD, reg_rm(count), (int32_t)more);
    struct x64_xmm to = vec_temp(e);
    x64_x(&e->x, X64_MOVD_X_G, to, reg_rm(count));
    return to;
}

/* a: opcode by a register; b: enum x64_vector_shift; c: bits of a lane; d: opcode byte by an
 * immediate */
void low_vshift(struct emit *e, const struct lowering *how) {
    const struct value *count = stack_top(e, 0);
    if (value_is_const(count)) {
        unsigned by = (unsigned)count->bits & (how->c - 1u);
        struct x64_xmm x = vec_take_one(e, 1);
        vec_shift(e, how->d | X64_660F, (enum x64_vector_shift)how->b, x, by);
        vec_finish(e, 2, x);
        return;
    }
    struct x64_xmm by = vec_shift_count(e, how->c - 1u, 0);
    struct x64_xmm x = vec_take_one(e, 1);
    vec_op(e, how->a, x, by);
    vec_free(e, by);
    vec_finish(e, 2, x);
}

/* i8x16.shl, shr_u. There are no shifts of bytes: shift words, without the bits that would cross
 * into the neighbour. Those are 0xFF >> count of each byte that stay on the way left before, on the
 * way right after the shift; that mask, when the count is not known, is made of words 0x00FF. */
void low_vshift_8(struct emit *e, const struct lowering *how) {
    const struct value *count = stack_top(e, 0);
    bool is_left = how->b == X64_VECTOR_SHL;
    if (value_is_const(count)) {
        unsigned by = (unsigned)count->bits & 7;
        struct x64_xmm x = vec_take_one(e, 1);
        if (is_left)
            vec_lanes(e, X64_PAND, x, 8, 0xFFu >> by);
        vec_shift(e, X64_PSHIFT_W_IMM, (enum x64_vector_shift)how->b, x, by);
        if (!is_left)
            vec_lanes(e, X64_PAND, x, 8, 0xFFu >> by);
        vec_finish(e, 2, x);
        return;
    }
    struct x64_xmm by = vec_shift_count(e, 7, 0), x = vec_take_one(e, 1), mask = vec_temp(e);
    vec_lanes(e, X64_MOVAPS, mask, 16, 0xFF);
    vec_op(e, X64_PSRLW, mask, by);
    vec_op(e, X64_PACKUSWB, mask, mask);
    if (is_left)
        vec_op(e, X64_PAND, x, mask);
    vec_op(e, how->a, x, by);
    if (!is_left)
        vec_op(e, X64_PAND, x, mask);
    vec_free(e, by);
    vec_free(e, mask);
    vec_finish(e, 2, x);
}

/* i8x16.shr_s. Each byte becomes the upper half of a word; 8 more than the count brings it down
 * with its sign; then words are narrowed to bytes, which they fit. */
void low_vshr_s_8(struct emit *e, const struct lowering *how) {
    (void)how;
    const struct value *count = stack_top(e, 0);
    bool is_const = value_is_const(count);
    unsigned imm = 8 + ((unsigned)count->bits & 7);
    struct x64_xmm by = {0};
    if (!is_const)
        by = vec_shift_count(e, 7, 8);
    struct x64_xmm x = vec_take_one(e, 1), high = vec_temp(e);
    vec_copy(e, high, x);
    vec_op(e, X64_PUNPCKHBW, high, high);
    vec_op(e, X64_PUNPCKLBW, x, x);
    if (is_const) {
        vec_shift(e, X64_PSHIFT_W_IMM, X64_VECTOR_SAR, high, imm);
        vec_shift(e, X64_PSHIFT_W_IMM, X64_VECTOR_SAR, x, imm);
    } else {
        vec_op(e, X64_PSRAW, high, by);
        vec_op(e, X64_PSRAW, x, by);
        vec_free(e, by);
    }
    vec_op(e, X64_PACKSSWB, x, high);
    vec_free(e, high);
    vec_finish(e, 2, x);
}

/* i64x2.shr_s. There is no psraq: shift in zeroes, and with s the place where the sign came to lie,
 * (x ^ s) - s extends it. */
void low_vshr_s_64(struct emit *e, const struct lowering *how) {
    (void)how;
    const struct value *count = stack_top(e, 0);
    const uint64_t sign = UINT64_C(1) << 63;
    if (value_is_const(count)) {
        unsigned by = (unsigned)count->bits & 63;
        struct x64_xmm x = vec_take_one(e, 1);
        vec_shift(e, X64_PSHIFT_Q_IMM, X64_VECTOR_SHR, x, by);
        vec_lanes(e, X64_PXOR, x, 64, sign >> by);
        vec_lanes(e, X64_PSUBQ, x, 64, sign >> by);
        vec_finish(e, 2, x);
        return;
    }
    struct x64_xmm by = vec_shift_count(e, 63, 0), x = vec_take_one(e, 1), s = vec_temp(e);
    vec_lanes(e, X64_MOVAPS, s, 64, sign);
    vec_op(e, X64_PSRLQ, s, by);
    vec_op(e, X64_PSRLQ, x, by);
    vec_op(e, X64_PXOR, x, s);
    vec_op(e, X64_PSUBQ, x, s);
    vec_free(e, by);
    vec_free(e, s);
    vec_finish(e, 2, x);
}

/* --- Questions ---------------------------------------------------------------------------------*/

void low_vany_true(struct emit *e, const struct lowering *how) {
    (void)how;
    struct x64_xmm x = reg_xmm(stack_reg(e, stack_top(e, 0)));
    vec_op(e, X64_PTEST, x, x);
    stack_pop(e);
    stack_push_flags(e, X64_NE);
}

/* No lane equals zero. */
void low_vall_true(struct emit *e, const struct lowering *how) {
    struct value *a = stack_top(e, 0);
    struct operand operand = vec_operand(e, a);
    e->pinned |= value_reads(e, a);
    struct x64_xmm zeroes = vec_temp(e);
    vec_zero(e, zeroes);
    vec_emit(e, how->a, zeroes, zeroes, &operand, 0, 0);
    vec_op(e, X64_PTEST, zeroes, zeroes);
    vec_free(e, zeroes);
    stack_pop(e);
    stack_push_flags(e, X64_E);
}

void low_vbitmask(struct emit *e, const struct lowering *how) {
    unsigned from = stack_reg(e, stack_top(e, 0));
    e->pinned |= REG_BIT(from);
    unsigned to = stack_result(e, ALKA_KIND_I32, NULL, NULL);
    x64_put(&e->x, how->a, to, reg_rm(from));
    stack_replace(e, 1, ALKA_KIND_I32, to);
}

/* i16x8.bitmask: narrowed to bytes, words keep their signs; the upper half comes a second time. */
void low_vbitmask_16(struct emit *e, const struct lowering *how) {
    (void)how;
    struct x64_xmm x = reg_xmm(stack_own(e, stack_top(e, 0)));
    vec_op(e, X64_PACKSSWB, x, x);
    unsigned to = stack_result(e, ALKA_KIND_I32, NULL, NULL);
    x64_put(&e->x, X64_PMOVMSKB, to, x64_rm_xmm(x));
    x64_gg(&e->x, X64_MOVZX8, reg_gpr(to), reg_gpr(to));
    stack_replace(e, 1, ALKA_KIND_I32, to);
}
