/*
 * Room: codegen. What all lowerings of v128 stand on (vector.h): operands, results, constants.
 * Comes in: entries of the operand stack. Goes out: registers, r/m operands. Must never let an SSE
 * instruction read memory of the module, which is not aligned; frame slots of a v128 and read-only
 * data are.
 */
#include "vector.h"

struct operand vec_operand(struct emit *e, struct value *value) {
    return stack_operand(e, value, vec_has_avx(e) ? 1u << LOAD_V128 : 0);
}

void vec_emit(struct emit *e, x64_op op, struct x64_xmm to, struct x64_xmm left,
              const struct operand *operand, unsigned flags, unsigned imm) {
    bool has_imm = flags & VEC_IMM;
    if (operand->wasm_off != NO_OFF)
        emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, operand->wasm_off);
    if (vec_has_avx(e))
        x64_vx(&e->x, op, to, left, operand->rm);
    else
        x64_x(&e->x, op, to, operand->rm);
    if (has_imm)
        x64_u8(&e->x, imm);
    if (operand->is_rodata)
        rodata_use(e, (struct rodata){operand->rodata_off}, has_imm ? 1 : 0);
}

struct vec_pair vec_take(struct emit *e, struct value *over, struct value *other) {
    struct x64_xmm y = reg_xmm(stack_reg(e, other));
    e->pinned |= value_reads(e, other);
    return (struct vec_pair){reg_xmm(stack_result_over(e, over, other)), y};
}

struct x64_xmm vec_take_one(struct emit *e, uint32_t n) {
    return reg_xmm(stack_result_over(e, stack_top(e, n), NULL));
}

void vec_const(struct emit *e, x64_op op, struct x64_xmm to, uint64_t low, uint64_t high) {
    struct rodata constant = rodata_constant(e, low, high, 16);
    x64_x(&e->x, op, to, x64_mem_rip(0));
    rodata_use(e, constant, 0);
}

void vec_lanes(struct emit *e, x64_op op, struct x64_xmm to, unsigned bits, uint64_t lane) {
    for (; bits < 64; bits *= 2)
        lane |= lane << bits;
    vec_const(e, op, to, lane, lane);
}

void vec_shift(struct emit *e, x64_op op, enum x64_vector_shift how, struct x64_xmm x,
               unsigned count) {
    x64_n_i8(&e->x, op, how, x64_rm_xmm(x), count);
}
