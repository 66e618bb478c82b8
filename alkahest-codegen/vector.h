/*
 * What the lowerings of v128 share (vector.c). They write the two-address forms of SSE, which every
 * processor has; where one instruction does the whole work, the three-operand form of AVX if the
 * processor has it, which also reads memory at any alignment.
 */
#ifndef ALKAHEST_CODEGEN_VECTOR_H
#define ALKAHEST_CODEGEN_VECTOR_H

#include "lowerings.h"

static inline bool vec_has_avx(const struct emit *e) { return emit_cpu_has(e, ALKA_CPU_AVX); }

/* The r/m operand of a v128 entry. */
struct operand vec_operand(struct emit *e, struct value *value);
/* to ← left op operand by the AVX form if there is AVX, else to ← to op operand. `flags`: only
 * VEC_IMM counts. For instructions with one operand `left` is xmm0. */
void vec_emit(struct emit *e, x64_op op, struct x64_xmm to, struct x64_xmm left,
              const struct operand *operand, unsigned flags, unsigned imm);

/* A register for the lowering; at most three at once are sure to be there, operands included. */
static inline struct x64_xmm vec_temp(struct emit *e) {
    return reg_xmm(stack_alloc(e, REG_VECTOR));
}
static inline void vec_free(struct emit *e, struct x64_xmm reg) {
    stack_free(e, reg.number + REG_XMM0);
}

/* Two operands in registers: x may be overwritten and becomes the result, y may not. */
struct vec_pair {
    struct x64_xmm x, y;
};
struct vec_pair vec_take(struct emit *e, struct value *over, struct value *other);
static inline struct vec_pair vec_take_two(struct emit *e) {
    return vec_take(e, stack_top(e, 1), stack_top(e, 0));
}
/* The n-th entry from the top in a register that may be overwritten and becomes the result. */
struct x64_xmm vec_take_one(struct emit *e, uint32_t n);
/* Pops `count` operands, pushes x. */
static inline void vec_finish(struct emit *e, uint32_t count, struct x64_xmm x) {
    stack_replace(e, count, ALKA_KIND_V128, x.number + REG_XMM0);
}

/* to ← to op constant, of 16 bytes or of a lane of 8, 16, 32 or 64 bits in each. */
void vec_const(struct emit *e, x64_op op, struct x64_xmm to, uint64_t low, uint64_t high);
void vec_lanes(struct emit *e, x64_op op, struct x64_xmm to, unsigned bits, uint64_t lane);
/* x ← x shifted; `op`: X64_PSHIFT_…_IMM. */
void vec_shift(struct emit *e, x64_op op, enum x64_vector_shift how, struct x64_xmm x,
               unsigned count);

static inline void vec_op(struct emit *e, x64_op op, struct x64_xmm to, struct x64_xmm from) {
    x64_xx(&e->x, op, to, from);
}
static inline void vec_op_i8(struct emit *e, x64_op op, struct x64_xmm to, struct x64_xmm from,
                             unsigned imm) {
    x64_x_i8(&e->x, op, to, x64_rm_xmm(from), imm);
}
static inline void vec_copy(struct emit *e, struct x64_xmm to, struct x64_xmm from) {
    value_move(e, ALKA_KIND_V128, to.number + REG_XMM0, from.number + REG_XMM0);
}
static inline void vec_zero(struct emit *e, struct x64_xmm x) { vec_op(e, X64_PXOR, x, x); }

#endif
