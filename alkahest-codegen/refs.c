/*
 * Room: codegen. References and reading tables. Comes in: indices, references. Goes out:
 * references, which are 64-bit words: a struct alka_func *, an i31 (alka_i31_word) or the host's
 * own; 0 is null. extern.convert_any and its inverse change nothing. Must never read a table before
 * the index is compared with its size.
 */
#include "lowerings.h"

void low_ref_null(struct emit *e, const struct lowering *how) {
    (void)how;
    emit_take_signed(e); /* heap type: null is null */
    stack_push(e, value_const(ALKA_KIND_REF, 0));
}

/* The instance's alka_func of that function. */
void low_ref_func(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t idx = e->gen->layout.func_ref_idx[emit_take_u32(e)];
    uint64_t off = (uint64_t)idx * sizeof(struct alka_func);
    EMIT_ASSERT(idx != ALKA_NO_INDEX && off <= INT32_MAX);
    unsigned reg = stack_result(e, ALKA_KIND_REF, NULL, NULL);
    x64_g(&e->x, X64_MOV | X64_W, reg_gpr(reg),
          x64_mem(X64_GPR(R15), ALKA_CONTEXT_DISP(func_refs)));
    if (off)
        x64_alu_imm(&e->x, X64_ADD | X64_W, reg_rm(reg), (int32_t)off);
    stack_replace(e, 0, ALKA_KIND_REF, reg);
}

void low_ref_as_non_null(struct emit *e, const struct lowering *how) {
    (void)how;
    stack_settle_loads(e);
    unsigned reg = stack_reg(e, stack_top(e, 0));
    x64_gg(&e->x, X64_TEST | X64_W, reg_gpr(reg), reg_gpr(reg));
    emit_trap_if(e, X64_E, ALKA_TRAP_NULL_REFERENCE);
}

/* alka_i31_word, in registers. */
void low_ref_i31(struct emit *e, const struct lowering *how) {
    (void)how;
    enum { BTS = 5 };
    unsigned reg = stack_own(e, stack_top(e, 0));
    x64_alu_imm(&e->x, X64_AND, reg_rm(reg), INT32_MAX);
    x64_n_i8(&e->x, X64_BT_IMM | X64_W, BTS, reg_rm(reg), ALKA_I31_TAG_BIT);
    stack_top(e, 0)->type = ALKA_KIND_REF;
}

static unsigned i31_own(struct emit *e) {
    stack_settle_loads(e);
    unsigned reg = stack_own(e, stack_top(e, 0));
    x64_gg(&e->x, X64_TEST | X64_W, reg_gpr(reg), reg_gpr(reg));
    emit_trap_if(e, X64_E, ALKA_TRAP_NULL_REFERENCE);
    stack_top(e, 0)->type = ALKA_KIND_I32;
    return reg;
}

void low_i31_get_s(struct emit *e, const struct lowering *how) {
    (void)how;
    unsigned reg = i31_own(e);
    x64_n_i8(&e->x, X64_SHIFT_IMM, X64_SHL, reg_rm(reg), 1);
    x64_n_i8(&e->x, X64_SHIFT_IMM, X64_SAR, reg_rm(reg), 1);
}

/* Without the tag. */
void low_i31_get_u(struct emit *e, const struct lowering *how) {
    (void)how;
    unsigned reg = i31_own(e);
    x64_gg(&e->x, X64_MOV, reg_gpr(reg), reg_gpr(reg));
}

static struct x64_rm table_view(const struct emit *e, uint32_t table_idx, size_t field_off) {
    int32_t view = e->gen->layout.table_views_disp + (int32_t)table_idx * 16;
    return x64_mem(X64_GPR(R15), view + (int32_t)field_off);
}

void low_table_get(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t table_idx = emit_take_u32(e);
    bool holds_functions = alka_valtype_is_funcref(e->gen->module->tables[table_idx].type);
    stack_settle_loads(e);
    unsigned reg = stack_own(e, stack_top(e, 0));
    x64_g(&e->x, X64_CMP | X64_W, reg_gpr(reg),
          table_view(e, table_idx, offsetof(struct alka_view, size)));
    emit_trap_if(e, X64_AE, ALKA_TRAP_TABLE_BOUNDS);
    x64_n_i8(&e->x, X64_SHIFT_IMM | X64_W, X64_SHL, reg_rm(reg), holds_functions ? 5 : 3);
    x64_g(&e->x, X64_ADD | X64_W, reg_gpr(reg),
          table_view(e, table_idx, offsetof(struct alka_view, base)));
    size_t func_off = offsetof(struct alka_table_entry, func);
    x64_g(&e->x, X64_MOV | X64_W, reg_gpr(reg),
          x64_mem(reg_gpr(reg), holds_functions ? (int32_t)func_off : 0));
    stack_top(e, 0)->type = ALKA_KIND_REF;
}

void low_table_size(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t table_idx = emit_take_u32(e);
    unsigned kind = e->gen->module->tables[table_idx].range.is_64 ? ALKA_KIND_I64 : ALKA_KIND_I32;
    unsigned reg = stack_result(e, kind, NULL, NULL);
    x64_g(&e->x, X64_MOV | X64_W, reg_gpr(reg),
          table_view(e, table_idx, offsetof(struct alka_view, size)));
    stack_replace(e, 0, kind, reg);
}

/* The types are known already: the entries have them. */
void low_select_t(struct emit *e, const struct lowering *how) {
    for (uint32_t count = emit_take_u32(e); count; count--)
        emit_take_valtype(e);
    low_select(e, how);
}
