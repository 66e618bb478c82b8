/*
 * Lowerings of v128, and what the X64 column says of them (lowerings.h). Instructions are named as
 * in x64_vector.h.
 */
#ifndef ALKAHEST_CODEGEN_LOWERINGS_VECTOR_H
#define ALKAHEST_CODEGEN_LOWERINGS_VECTOR_H

#include "x64_vector.h"

/* shapes_vector.c */
low_fn low_vconst, low_vbinary, low_vunary, low_vextend_high, low_vmask, low_vneg,
    low_vcompare_limit, low_vbitselect, low_vshift, low_vshift_8, low_vshr_s_8, low_vshr_s_64,
    low_vany_true, low_vall_true, low_vbitmask, low_vbitmask_16;
/* vector_idioms.c */
low_fn low_vabs_64, low_vpopcnt, low_vmul_64, low_vq15mulr, low_vextmul_8, low_vextmul_16,
    low_vextmul_32, low_vextadd_8_s, low_vextadd_16_u, low_vfmin, low_vfmax, low_vconvert_u32_f32,
    low_vconvert_u32_f64, low_vtrunc_f32_s, low_vtrunc_f32_u, low_vtrunc_f64_s, low_vtrunc_f64_u,
    low_vmadd, low_vdot, low_vdot_add;
/* vector_lanes.c */
low_fn low_vsplat, low_vsplat_float, low_vextract, low_vextract_float, low_vreplace,
    low_vreplace_f64, low_vswizzle, low_vshuffle, low_vload_splat, low_vload_lane, low_vstore_lane;

/* How the operands of an instruction lie (lowering.b). */
enum vec_flags {
    VEC_COMMUTES = 1 << 0, /* op(a, b) = op(b, a) */
    VEC_SWAPPED = 1 << 1,  /* op(b, a) is wanted */
    VEC_NOT = 1 << 2,      /* the complement of the result is */
    VEC_IMM = 1 << 3,      /* an immediate byte follows: lowering.c */
    VEC_HALF = 1 << 4,     /* from memory it would read less than 16 bytes */
};

/* Lanes of low_vmask. */
enum vec_mask {
    VEC_MASK_ONES,
    VEC_MASK_ONE,
    VEC_MASK_SIGN_32,
    VEC_MASK_SIGN_64,
    VEC_MASK_MAGNITUDE_32,
    VEC_MASK_MAGNITUDE_64,
};

#define LOW_KIND_V128 ALKA_KIND_V128

/* op(a, b); VBINARY_NOT: its complement; the last argument: 0, VEC_COMMUTES, VEC_SWAPPED */
#define LOW_VBINARY(op, flags) \
    { .emit = low_vbinary, .a = X64_##op, .b = flags }
#define LOW_VBINARY_NOT(op, flags) \
    { .emit = low_vbinary, .a = X64_##op, .b = (flags) | VEC_NOT }
/* Float arithmetic and comparison: prefix 0 for f32x4, X64_66 for f64x2 */
#define LOW_VFLOAT(op, prefix, flags) \
    { .emit = low_vbinary, .a = X64_##op | (prefix), .b = flags }
#define LOW_VFCOMPARE(condition, prefix, flags)                                 \
    {                                                                           \
        .emit = low_vbinary, .a = X64_CMPPS | (prefix), .b = (flags) | VEC_IMM, \
        .c = X64_VECTOR_##condition                                             \
    }
#define LOW_VUNARY(op, flags) \
    { .emit = low_vunary, .a = X64_##op, .b = flags }
#define LOW_VUNARY_FLOAT(op, prefix) \
    { .emit = low_vunary, .a = X64_##op | (prefix) }
/* roundps's mode; 8: no exceptions */
#define LOW_VROUND(op, mode) \
    { .emit = low_vunary, .a = X64_##op, .b = VEC_IMM, .c = (mode) | 8 }
#define LOW_VEXTEND_HIGH(op) \
    { .emit = low_vextend_high, .a = X64_##op }
#define LOW_VMASK(op, bits, lane) \
    { .emit = low_vmask, .a = X64_##op, .b = bits, .c = VEC_MASK_##lane }
#define LOW_VNEG(op) \
    { .emit = low_vneg, .a = X64_##op }
#define LOW_VCOMPARE_LIMIT(limit, equal) \
    { .emit = low_vcompare_limit, .a = X64_##limit, .c = X64_##equal & 0xFF }
#define LOW_VCOMPARE_LIMIT_NOT(limit, equal) \
    { .emit = low_vcompare_limit, .a = X64_##limit, .b = VEC_NOT, .c = X64_##equal & 0xFF }
#define LOW_VSHIFT(op, way, bits, imm_op)                                    \
    {                                                                        \
        .emit = low_vshift, .a = X64_##op, .b = X64_VECTOR_##way, .c = bits, \
        .d = X64_##imm_op & 0xFF                                             \
    }
#define LOW_VSHIFT_8(op, way) \
    { .emit = low_vshift_8, .a = X64_##op, .b = X64_VECTOR_##way }
#define LOW_VALL_TRUE(equal) \
    { .emit = low_vall_true, .a = X64_##equal }
#define LOW_VBITMASK(op) \
    { .emit = low_vbitmask, .a = X64_##op }
#define LOW_VEXTMUL_8(op, is_high) \
    { .emit = low_vextmul_8, .a = X64_##op, .b = is_high }
#define LOW_VEXTMUL_16(upper, unpack) \
    { .emit = low_vextmul_16, .a = X64_##upper, .b = X64_##unpack & 0xFF }
#define LOW_VEXTMUL_32(op, shuffle) \
    { .emit = low_vextmul_32, .a = X64_##op, .b = shuffle }
#define LOW_VFMINMAX(way, k) \
    { .emit = low_vf##way, .kind = LOW_KIND_##k }
/* prefix as in LOW_VFLOAT; negated: bits of a lane of the first factor, whose sign changes; or 0 */
#define LOW_VMADD(prefix, negated) \
    { .emit = low_vmadd, .a = prefix, .b = negated }
#define LOW_VSPLAT(bits) \
    { .emit = low_vsplat, .c = bits }
#define LOW_VSPLAT_FLOAT(bits) \
    { .emit = low_vsplat_float, .c = bits }
/* sign: bits of a lane that is sign-extended, else 0 */
#define LOW_VEXTRACT(k, op, sign) \
    { .emit = low_vextract, .kind = LOW_KIND_##k, .a = X64_##op, .b = sign }
#define LOW_VEXTRACT_FLOAT(k) \
    { .emit = low_vextract_float, .kind = LOW_KIND_##k }
#define LOW_VREPLACE(op, shift) \
    { .emit = low_vreplace, .a = X64_##op, .b = shift }
#define LOW_VLOAD_SPLAT(bits) \
    { .emit = low_vload_splat, .c = bits }
#define LOW_VLOAD_LANE(op, bits) \
    { .emit = low_vload_lane, .a = X64_##op, .c = bits }
#define LOW_VSTORE_LANE(op, bits) \
    { .emit = low_vstore_lane, .a = X64_##op, .c = bits }

#endif
