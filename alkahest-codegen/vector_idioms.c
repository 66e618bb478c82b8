/*
 * Room: codegen. Operations on v128 that x86-64 has no instruction for: each is an idiom, explained
 * above its lowering. Comes in: operands on the stack. Goes out: WebAssembly's results for every
 * input, NaNs and limits included. Must never hold more than three vector registers, operands
 * included: there may be no more.
 */
#include "vector.h"

/* --- Integers ----------------------------------------------------------------------------------*/

/* i64x2.abs. s is the sign spread over the lane (0 > a): (a ^ s) - s. */
void low_vabs_64(struct emit *e, const struct lowering *how) {
    (void)how;
    struct x64_xmm x = vec_take_one(e, 0), s = vec_temp(e);
    vec_zero(e, s);
    vec_op(e, X64_PCMPGTQ, s, x);
    vec_op(e, X64_PXOR, x, s);
    vec_op(e, X64_PSUBQ, x, s);
    vec_free(e, s);
    vec_finish(e, 1, x);
}

/* i8x16.popcnt, by nibbles: pshufb looks up how many bits the lower one has, then the upper one. */
void low_vpopcnt(struct emit *e, const struct lowering *how) {
    (void)how;
    const uint64_t low = UINT64_C(0x0302020102010100), high = UINT64_C(0x0403030203020201);
    struct x64_xmm x = vec_take_one(e, 0), upper = vec_temp(e), sum = vec_temp(e);
    vec_copy(e, upper, x);
    vec_shift(e, X64_PSHIFT_W_IMM, X64_VECTOR_SHR, upper, 4);
    vec_lanes(e, X64_PAND, upper, 8, 0x0F);
    vec_lanes(e, X64_PAND, x, 8, 0x0F);
    vec_const(e, X64_MOVAPS, sum, low, high);
    vec_op(e, X64_PSHUFB, sum, x);
    vec_const(e, X64_MOVAPS, x, low, high);
    vec_op(e, X64_PSHUFB, x, upper);
    vec_op(e, X64_PADDB, x, sum);
    vec_free(e, upper);
    vec_free(e, sum);
    vec_finish(e, 1, x);
}

/* i64x2.mul, schoolbook: a.low * b.low + ((a.low * b.high + a.high * b.low) << 32). With b's halves
 * exchanged, pmulld makes both cross products, phaddd adds them. */
void low_vmul_64(struct emit *e, const struct lowering *how) {
    (void)how;
    struct vec_pair p = vec_take_two(e);
    struct x64_xmm cross = vec_temp(e);
    vec_op_i8(e, X64_PSHUFD, cross, p.y, 0xB1);
    vec_op(e, X64_PMULLD, cross, p.x);
    vec_op(e, X64_PHADDD, cross, cross);
    vec_op(e, X64_PMOVZXDQ, cross, cross);
    vec_shift(e, X64_PSHIFT_Q_IMM, X64_VECTOR_SHL, cross, 32);
    vec_op(e, X64_PMULUDQ, p.x, p.y);
    vec_op(e, X64_PADDQ, p.x, cross);
    vec_free(e, cross);
    vec_finish(e, 2, p.x);
}

/* i16x8.q15mulr_sat_s is pmulhrsw, but for -1 * -1 in Q15: 0x8000, which nothing else yields, has
 * to saturate to 0x7FFF. */
void low_vq15mulr(struct emit *e, const struct lowering *how) {
    (void)how;
    struct vec_pair p = vec_take_two(e);
    vec_op(e, X64_PMULHRSW, p.x, p.y);
    struct x64_xmm wrong = vec_temp(e);
    vec_copy(e, wrong, p.x);
    vec_lanes(e, X64_PCMPEQW, wrong, 16, 0x8000);
    vec_op(e, X64_PXOR, p.x, wrong);
    vec_free(e, wrong);
    vec_finish(e, 2, p.x);
}

/* i16x8.extmul: both operands widened (a: how), then multiplied; b: the upper halves are. */
void low_vextmul_8(struct emit *e, const struct lowering *how) {
    struct vec_pair p = vec_take_two(e);
    struct x64_xmm other = vec_temp(e), from = p.y;
    if (how->b) {
        vec_op_i8(e, X64_PSHUFD, p.x, p.x, 0xEE);
        vec_op_i8(e, X64_PSHUFD, other, p.y, 0xEE);
        from = other;
    }
    vec_op(e, how->a, p.x, p.x);
    vec_op(e, how->a, other, from);
    vec_op(e, X64_PMULLW, p.x, other);
    vec_free(e, other);
    vec_finish(e, 2, p.x);
}

/* i32x4.extmul: the lower and the upper (a) words of all eight products, interleaved (b: punpck's
 * opcode byte). */
void low_vextmul_16(struct emit *e, const struct lowering *how) {
    struct vec_pair p = vec_take_two(e);
    struct x64_xmm upper = vec_temp(e);
    vec_copy(e, upper, p.x);
    vec_op(e, X64_PMULLW, p.x, p.y);
    vec_op(e, how->a, upper, p.y);
    vec_op(e, how->b | X64_660F, p.x, upper);
    vec_free(e, upper);
    vec_finish(e, 2, p.x);
}

/* i64x2.extmul: pmuldq and pmuludq (a) multiply the even lanes: b brings the wanted ones there. */
void low_vextmul_32(struct emit *e, const struct lowering *how) {
    struct vec_pair p = vec_take_two(e);
    struct x64_xmm other = vec_temp(e);
    vec_op_i8(e, X64_PSHUFD, p.x, p.x, how->b);
    vec_op_i8(e, X64_PSHUFD, other, p.y, how->b);
    vec_op(e, how->a, p.x, other);
    vec_free(e, other);
    vec_finish(e, 2, p.x);
}

/* i16x8.extadd_pairwise: products with 1, summed in pairs. pmaddubsw takes its first operand as
 * unsigned, its second as signed: the 1s are whichever the bytes are not. */
void low_vextadd_8_s(struct emit *e, const struct lowering *how) {
    (void)how;
    struct value *a = stack_top(e, 0);
    struct operand operand = vec_operand(e, a);
    e->pinned |= value_reads(e, a);
    struct x64_xmm ones = vec_temp(e);
    vec_lanes(e, X64_MOVAPS, ones, 8, 1);
    vec_emit(e, X64_PMADDUBSW, ones, ones, &operand, 0, 0);
    vec_finish(e, 1, ones);
}

/* i32x4.extadd_pairwise_i16x8_u: the upper words, shifted down, and the lower ones, masked. */
void low_vextadd_16_u(struct emit *e, const struct lowering *how) {
    (void)how;
    struct x64_xmm x = vec_take_one(e, 0), upper = vec_temp(e);
    vec_copy(e, upper, x);
    vec_shift(e, X64_PSHIFT_D_IMM, X64_VECTOR_SHR, upper, 16);
    vec_lanes(e, X64_PAND, x, 32, 0xFFFF);
    vec_op(e, X64_PADDD, x, upper);
    vec_free(e, upper);
    vec_finish(e, 1, x);
}

/* --- Floats ------------------------------------------------------------------------------------*/

/* The quiet bit and all above it of lanes that are no numbers, everything of the others: x without
 * the payloads of its NaNs. `no_number` is all ones in those lanes; x becomes the result. */
static void vec_clean_nans(struct emit *e, struct x64_xmm x, struct x64_xmm no_number,
                           bool is_f32) {
    vec_shift(e, is_f32 ? X64_PSHIFT_D_IMM : X64_PSHIFT_Q_IMM, X64_VECTOR_SHR, no_number,
              is_f32 ? 10 : 13);
    vec_op(e, X64_PANDN, no_number, x);
    vec_copy(e, x, no_number);
}

/*
 * min. minps returns its second operand when one is a NaN or both are zeroes, so it is done both
 * ways round, and the results united: that takes -0 if there is one, and yields a NaN where there
 * is one. Lanes that are NaNs then become all ones, and lose their payload. b: 0 or X64_66
 */
void low_vfmin(struct emit *e, const struct lowering *how) {
    bool is_f32 = how->kind == ALKA_KIND_F32;
    x64_op pd = is_f32 ? 0 : X64_66;
    struct vec_pair p = vec_take_two(e);
    struct x64_xmm turned = vec_temp(e);
    vec_copy(e, turned, p.y);
    vec_op(e, X64_MINF | pd, turned, p.x);
    vec_op(e, X64_MINF | pd, p.x, p.y);
    vec_op(e, X64_POR, p.x, turned);
    vec_op_i8(e, X64_CMPPS | pd, turned, p.x, X64_VECTOR_UNORDERED);
    vec_op(e, X64_POR, p.x, turned);
    vec_clean_nans(e, p.x, turned, is_f32);
    vec_free(e, turned);
    vec_finish(e, 2, p.x);
}

/*
 * max, both ways round too. Where the two results differ, d = their xor is not 0: for zeroes of
 * different signs it is the sign, for NaNs anything. x | d is -0 or a NaN there; taking d away
 * again makes +0 of -0, and leaves a NaN one.
 */
void low_vfmax(struct emit *e, const struct lowering *how) {
    bool is_f32 = how->kind == ALKA_KIND_F32;
    x64_op pd = is_f32 ? 0 : X64_66;
    struct vec_pair p = vec_take_two(e);
    struct x64_xmm d = vec_temp(e);
    vec_copy(e, d, p.y);
    vec_op(e, X64_MAXF | pd, d, p.x);
    vec_op(e, X64_MAXF | pd, p.x, p.y);
    vec_op(e, X64_PXOR, d, p.x);
    vec_op(e, X64_POR, p.x, d);
    vec_op(e, X64_SUBF | pd, p.x, d);
    vec_op_i8(e, X64_CMPPS | pd, d, p.x, X64_VECTOR_UNORDERED);
    vec_clean_nans(e, p.x, d, is_f32);
    vec_free(e, d);
    vec_finish(e, 2, p.x);
}

/* f32x4.convert_i32x4_u. As a float with exponent 2^23 the lower half is 2^23 + low, with exponent
 * 2^39 the upper one is 2^39 + high * 2^16, both exactly. Taking 2^39 + 2^23 away from the latter
 * is exact, too; so the sum of both is rounded once. */
void low_vconvert_u32_f32(struct emit *e, const struct lowering *how) {
    (void)how;
    struct x64_xmm x = vec_take_one(e, 0), high = vec_temp(e);
    vec_copy(e, high, x);
    vec_shift(e, X64_PSHIFT_D_IMM, X64_VECTOR_SHR, high, 16);
    vec_lanes(e, X64_POR, high, 32, 0x53000000);
    vec_lanes(e, X64_SUBF, high, 32, 0x53000080);
    vec_lanes(e, X64_PAND, x, 32, 0xFFFF);
    vec_lanes(e, X64_POR, x, 32, 0x4B000000);
    vec_op(e, X64_ADDF, x, high);
    vec_free(e, high);
    vec_finish(e, 1, x);
}

#define F64_2_52 UINT64_C(0x4330000000000000)

/* f64x2.convert_low_i32x4_u. The lane becomes the lower half of 2^52 + lane; 2^52 is taken away. */
void low_vconvert_u32_f64(struct emit *e, const struct lowering *how) {
    (void)how;
    struct x64_xmm x = vec_take_one(e, 0);
    vec_lanes(e, X64_PUNPCKLDQ, x, 32, F64_2_52 >> 32);
    vec_lanes(e, X64_SUBF | X64_66, x, 64, F64_2_52);
    vec_finish(e, 1, x);
}

/* i32x4.trunc_sat_f32x4_s. NaNs become 0. cvttps2dq yields 0x80000000 for all that does not fit:
 * right if it was negative; else all its bits are turned over. `fix` has the sign bit where the
 * operand had none, and then keeps it where the result has it, too. */
void low_vtrunc_f32_s(struct emit *e, const struct lowering *how) {
    (void)how;
    struct x64_xmm x = vec_take_one(e, 0), fix = vec_temp(e);
    vec_copy(e, fix, x);
    vec_op_i8(e, X64_CMPPS, fix, fix, X64_VECTOR_EQ);
    vec_op(e, X64_PAND, x, fix);
    vec_op(e, X64_PXOR, fix, x);
    vec_op(e, X64_CVTTPS2DQ, x, x);
    vec_op(e, X64_PAND, fix, x);
    vec_shift(e, X64_PSHIFT_D_IMM, X64_VECTOR_SAR, fix, 31);
    vec_op(e, X64_PXOR, x, fix);
    vec_free(e, fix);
    vec_finish(e, 1, x);
}

/*
 * i32x4.trunc_sat_f32x4_u. NaNs and negative values become 0 (maxps with 0 as second operand).
 * Then the result is cvttps2dq(x), which is 0x80000000 from 2^31 on, plus what x has more than
 * 2^31: cvttps2dq of the difference, or 0 if it is negative, or 0x7FFFFFFF if it does not fit.
 */
void low_vtrunc_f32_u(struct emit *e, const struct lowering *how) {
    (void)how;
    const uint64_t two_31 = 0x4F000000;
    struct x64_xmm x = vec_take_one(e, 0), more = vec_temp(e), mask = vec_temp(e);
    vec_zero(e, mask);
    vec_op(e, X64_MAXF, x, mask);
    vec_copy(e, more, x);
    vec_lanes(e, X64_SUBF, more, 32, two_31);
    vec_lanes(e, X64_MOVAPS, mask, 32, two_31);
    vec_op_i8(e, X64_CMPPS, mask, more, X64_VECTOR_LE);
    vec_op(e, X64_CVTTPS2DQ, more, more);
    vec_op(e, X64_PXOR, more, mask);
    vec_zero(e, mask);
    vec_op(e, X64_PMAXSD, more, mask);
    vec_op(e, X64_CVTTPS2DQ, x, x);
    vec_op(e, X64_PADDD, x, more);
    vec_free(e, more);
    vec_free(e, mask);
    vec_finish(e, 1, x);
}

/* i32x4.trunc_sat_f64x2_s_zero. Not above 2^31 - 1, and 0 for a NaN: minpd returns its second
 * operand then, from which comparing x with itself has removed the limit. What is too small yields
 * 0x80000000 anyway. */
void low_vtrunc_f64_s(struct emit *e, const struct lowering *how) {
    (void)how;
    struct x64_xmm x = vec_take_one(e, 0), most = vec_temp(e);
    vec_copy(e, most, x);
    vec_op_i8(e, X64_CMPPS | X64_66, most, most, X64_VECTOR_EQ);
    vec_lanes(e, X64_PAND, most, 64, UINT64_C(0x41DFFFFFFFC00000));
    vec_op(e, X64_MINF | X64_66, x, most);
    vec_op(e, X64_CVTTPD2DQ, x, x);
    vec_free(e, most);
    vec_finish(e, 1, x);
}

/* i32x4.trunc_sat_f64x2_u_zero. From 0 (which a NaN becomes) to 2^32 - 1, without fraction; 2^52
 * more, and the lower half of the bits is the integer. */
void low_vtrunc_f64_u(struct emit *e, const struct lowering *how) {
    (void)how;
    struct x64_xmm x = vec_take_one(e, 0), zero = vec_temp(e);
    vec_zero(e, zero);
    vec_op(e, X64_MAXF | X64_66, x, zero);
    vec_lanes(e, X64_MINF | X64_66, x, 64, UINT64_C(0x41EFFFFFFFE00000));
    vec_op_i8(e, X64_ROUNDPD, x, x, 3);
    vec_lanes(e, X64_ADDF | X64_66, x, 64, F64_2_52);
    vec_op_i8(e, X64_SHUFPS, x, zero, 0x88);
    vec_free(e, zero);
    vec_finish(e, 1, x);
}

/* --- Relaxed operations ------------------------------------------------------------------------*/

/* Where release 3.0 leaves a choice, all of them do what its deterministic profile says, on every
 * processor: most are the operation without `relaxed` in its name. */

/* relaxed_madd, relaxed_nmadd: a * b + c and -a * b + c, rounded twice. */
void low_vmadd(struct emit *e, const struct lowering *how) {
    struct value *c = stack_top(e, 0), *b = stack_top(e, 1);
    struct x64_xmm x = reg_xmm(stack_own(e, stack_top(e, 2)));
    if (how->b)
        vec_lanes(e, X64_XORPS, x, how->b, UINT64_C(1) << (how->b - 1));
    struct operand factor = vec_operand(e, b);
    vec_emit(e, X64_MULF | how->a, x, x, &factor, 0, 0);
    e->pinned |= value_reads(e, b);
    struct operand addend = vec_operand(e, c);
    vec_emit(e, X64_ADDF | how->a, x, x, &addend, 0, 0);
    vec_finish(e, 3, x);
}

/* Signed products of 16 bytes, summed in pairs, saturated to 16 bits: widened to words, of which
 * pmaddwd makes sums of 32 bits. The second factor is read from its slot, for registers are few. */
static struct x64_xmm vec_dot(struct emit *e, struct value *a, struct value *b) {
    stack_settle(e, b);
    struct x64_xmm x = reg_xmm(stack_own(e, a)), low = vec_temp(e), other = vec_temp(e);
    int32_t disp = slot_disp(e, (uint32_t)(b - e->stack));
    vec_op(e, X64_PMOVSXBW, low, x);
    x64_x(&e->x, X64_PMOVSXBW, other, frame_mem(e, disp));
    vec_op(e, X64_PMADDWD, low, other);
    vec_op_i8(e, X64_PSHUFD, x, x, 0xEE);
    vec_op(e, X64_PMOVSXBW, x, x);
    x64_x(&e->x, X64_PMOVSXBW, other, frame_mem(e, disp + 8));
    vec_op(e, X64_PMADDWD, x, other);
    vec_op(e, X64_PACKSSDW, low, x);
    vec_copy(e, x, low);
    vec_free(e, low);
    vec_free(e, other);
    return x;
}

/* i16x8.relaxed_dot_i8x16_i7x16_s */
void low_vdot(struct emit *e, const struct lowering *how) {
    (void)how;
    vec_finish(e, 2, vec_dot(e, stack_top(e, 1), stack_top(e, 0)));
}

/* i32x4.relaxed_dot_i8x16_i7x16_add_s: the same, summed in pairs once more, and to the third. */
void low_vdot_add(struct emit *e, const struct lowering *how) {
    (void)how;
    stack_settle(e, stack_top(e, 0));
    struct x64_xmm x = vec_dot(e, stack_top(e, 2), stack_top(e, 1));
    vec_lanes(e, X64_PMADDWD, x, 16, 1);
    x64_x(&e->x, X64_PADDD, x, slot_mem(e, stack_top(e, 0)));
    vec_finish(e, 3, x);
}
