/*
 * Room: codegen. Loads and stores of linear memory (addresses: address.c). Comes in: an address
 * that may be accessed. Goes out: a pending load, or the store.
 */
#include "lowerings.h"
#include "x64_vector.h"

const struct load_form load_forms[LOAD_KINDS] = {
    [LOAD_32] = {X64_MOV, ALKA_KIND_I32},
    [LOAD_64] = {X64_MOV | X64_W, ALKA_KIND_I64},
    [LOAD_8_S] = {X64_MOVSX8, ALKA_KIND_I32},
    [LOAD_8_U] = {X64_MOVZX8, ALKA_KIND_I32},
    [LOAD_16_S] = {X64_MOVSX16, ALKA_KIND_I32},
    [LOAD_16_U] = {X64_MOVZX16, ALKA_KIND_I32},
    [LOAD_8_S_64] = {X64_MOVSX8 | X64_W, ALKA_KIND_I64},
    [LOAD_16_S_64] = {X64_MOVSX16 | X64_W, ALKA_KIND_I64},
    [LOAD_32_S_64] = {X64_MOVSXD, ALKA_KIND_I64},
    [LOAD_F32] = {X64_MOVSS, ALKA_KIND_F32},
    [LOAD_F64] = {X64_MOVSD, ALKA_KIND_F64},
    [LOAD_V128] = {X64_MOVUPS, ALKA_KIND_V128},
    [LOAD_8X8_S] = {X64_PMOVSXBW, ALKA_KIND_V128},
    [LOAD_8X8_U] = {X64_PMOVZXBW, ALKA_KIND_V128},
    [LOAD_16X4_S] = {X64_PMOVSXWD, ALKA_KIND_V128},
    [LOAD_16X4_U] = {X64_PMOVZXWD, ALKA_KIND_V128},
    [LOAD_32X2_S] = {X64_PMOVSXDQ, ALKA_KIND_V128},
    [LOAD_32X2_U] = {X64_PMOVZXDQ, ALKA_KIND_V128},
    [LOAD_64_SPLAT] = {X64_MOVDDUP, ALKA_KIND_V128},
};

void low_load(struct emit *e, const struct lowering *how) {
    static const uint8_t bytes[LOAD_KINDS] = {
        [LOAD_32] = 4,      [LOAD_64] = 8,     [LOAD_8_S] = 1,      [LOAD_8_U] = 1,
        [LOAD_16_S] = 2,    [LOAD_16_U] = 2,   [LOAD_8_S_64] = 1,   [LOAD_16_S_64] = 2,
        [LOAD_32_S_64] = 4, [LOAD_F32] = 4,    [LOAD_F64] = 8,      [LOAD_V128] = 16,
        [LOAD_8X8_S] = 8,   [LOAD_8X8_U] = 8,  [LOAD_16X4_S] = 8,   [LOAD_16X4_U] = 8,
        [LOAD_32X2_S] = 8,  [LOAD_32X2_U] = 8, [LOAD_64_SPLAT] = 8,
    };
    struct value *top = stack_top(e, 0);
    memory_address(e, top, bytes[how->a]);
    top->load = (uint8_t)how->a;
    top->type = how->kind;
}

static void store_imm(struct emit *e, uint32_t bytes, struct x64_rm to, int32_t imm) {
    if (bytes == 1) {
        x64_n_i8(&e->x, X64_MOV_IMM8, 0, to, (unsigned)imm & 0xFF);
    } else if (bytes == 2) {
        x64_n(&e->x, X64_MOV_IMM | X64_66, 0, to);
        x64_u8(&e->x, (unsigned)imm & 0xFF);
        x64_u8(&e->x, (unsigned)imm >> 8 & 0xFF);
    } else {
        x64_n_i32(&e->x, X64_MOV_IMM | (bytes == 8 ? X64_W : 0), 0, to, imm);
    }
}

/* The constant as an immediate of the store: floats by their bits. */
static bool store_immediate(const struct value *value, uint32_t bytes, int32_t *out_imm) {
    if (!value_is_const(value) || value->type == ALKA_KIND_V128)
        return false;
    int64_t bits = bytes == 8 ? (int64_t)value->bits : (int32_t)value->bits;
    *out_imm = (int32_t)bits;
    return x64_fits_i32(bits);
}

void low_store(struct emit *e, const struct lowering *how) {
    struct value *value = stack_top(e, 0), *address = stack_top(e, 1);
    stack_settle_loads(e);
    memory_address(e, address, how->b);
    int32_t imm;
    bool is_imm = store_immediate(value, how->b, &imm);
    unsigned reg = REG_NONE;
    e->pinned |= value_reads(e, address);
    if (!is_imm)
        reg = stack_reg(e, value);
    struct x64_rm to = load_mem(e, address);
    emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, e->op_off);
    if (is_imm)
        store_imm(e, how->b, to, imm);
    else
        operand_put(e, how->a, reg, to);
    stack_pop(e);
    stack_pop(e);
}

void low_memory_size(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t memory_idx = emit_take_u32(e);
    unsigned kind =
        e->gen->module->memories[memory_idx].range.is_64 ? ALKA_KIND_I64 : ALKA_KIND_I32;
    unsigned reg = stack_result(e, kind, NULL, NULL);
    if (memory_idx == 0) {
        x64_g(&e->x, X64_MOV | X64_W, reg_gpr(reg),
              x64_mem(X64_GPR(R15), ALKA_CONTEXT_DISP(memory_pages)));
    } else {
        x64_g(&e->x, X64_MOV | X64_W, reg_gpr(reg), memory_view_size(e, memory_idx));
        x64_n_i8(&e->x, X64_SHIFT_IMM | X64_W, X64_SHR, reg_rm(reg), 16);
    }
    stack_replace(e, 0, kind, reg);
}
