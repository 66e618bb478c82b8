/*
 * Room: codegen. Division and remainder. Comes in: two integers. Goes out: the quotient or the
 * remainder. Must trap exactly as WebAssembly does: on a zero divisor, and for div_s on the one
 * quotient that does not fit; the remainder of that division is 0.
 */
#include "divide.h"
#include "lowerings.h"

/* The dividend goes to rax, rdx is made free, the divisor is neither. */
static struct operand divide_operands(struct emit *e, struct value *a, struct value *b) {
    stack_settle_loads(e);
    stack_into(e, a, X64_RAX);
    stack_take(e, X64_RDX);
    struct operand divisor = stack_operand(e, b, 0);
    e->pinned |= value_reads(e, b);
    return divisor;
}

static void divide_test_zero(struct emit *e, x64_op w, const struct operand *divisor) {
    if (operand_is_reg(divisor))
        x64_put(&e->x, X64_TEST | w, x64_rm_register(divisor->rm), divisor->rm);
    else
        x64_alu_imm(&e->x, X64_CMP | w, divisor->rm, 0);
    emit_trap_if(e, X64_E, ALKA_TRAP_INTEGER_DIVIDE_BY_ZERO);
}

void low_div(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    unsigned kind = how->kind;
    x64_op w = kind_w(kind);
    bool is_signed = how->b, is_known = value_is_const(b) && b->bits != 0;
    if (is_known && divide_by_constant(e, kind, is_signed, false))
        return;
    struct operand divisor = divide_operands(e, a, b);
    /* The processor faults alike for both reasons: with zero excluded, it is overflow. */
    if (is_signed && !is_known)
        divide_test_zero(e, w, &divisor);
    if (is_signed)
        x64_cdq(&e->x, w != 0);
    else
        x64_gg(&e->x, X64_XOR, X64_GPR(RDX), X64_GPR(RDX));
    emit_site(e, is_signed ? ALKA_TRAP_INTEGER_OVERFLOW : ALKA_TRAP_INTEGER_DIVIDE_BY_ZERO,
              e->op_off);
    x64_n(&e->x, X64_UNARY | w, is_signed ? 7 : 6, divisor.rm);
    stack_free(e, X64_RDX);
    stack_replace(e, 2, kind, X64_RAX);
}

/* x rem -1 = 0 must not reach idiv, which faults for the least integer. */
void low_rem(struct emit *e, const struct lowering *how) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    unsigned kind = how->kind;
    x64_op w = kind_w(kind);
    bool is_signed = how->b;
    if (value_is_const(b) && divide_by_constant(e, kind, is_signed, true))
        return;
    struct operand divisor = divide_operands(e, a, b);
    uint8_t *done = NULL;
    x64_gg(&e->x, X64_XOR, X64_GPR(RDX), X64_GPR(RDX));
    if (is_signed) {
        x64_alu_imm(&e->x, X64_CMP | w, divisor.rm, -1);
        done = x64_jcc_short(&e->x, X64_E);
        x64_cdq(&e->x, w != 0);
    }
    emit_site(e, ALKA_TRAP_INTEGER_DIVIDE_BY_ZERO, e->op_off);
    x64_n(&e->x, X64_UNARY | w, is_signed ? 7 : 6, divisor.rm);
    if (done)
        x64_land(&e->x, done);
    stack_pop(e);
    stack_pop(e);
    stack_push_reg(e, kind, X64_RDX);
}
