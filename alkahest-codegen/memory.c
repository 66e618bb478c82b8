/*
 * Room: codegen. Loads and stores of linear memory. Comes in: an address, the memarg. Goes out: a
 * pending load, or the store. Must never emit an access whose index register is not a zero-extended
 * i32 in the guard model: constants and scales are added to the index in 32 bits, where they wrap
 * as in WebAssembly, never inside a 64-bit address (CVE-2023-26489). The memarg's offset is the
 * displacement.
 *
 *   guard     [base + index + offset], and the pages behind the memory fault
 *   checked   index + offset + bytes is compared with the memory's size first
 *   wrap      (index + offset) is masked with the memory's size minus 1
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

static struct x64_gpr memory_base(const struct emit *e) { return reg_gpr(e->gen->memory_reg); }

struct x64_rm load_mem(struct emit *e, const struct value *load) {
    if (load->base == REG_NONE)
        return x64_mem(memory_base(e), load->disp);
    return x64_mem_index(memory_base(e), reg_gpr(load->base), 0, load->disp);
}

/* Turns the entry, whose value is in a register, into [that register + disp]. */
static void address_become(struct emit *e, struct value *address, int32_t disp) {
    if (address->kind == VALUE_LOCAL)
        address->base = e->homes[address->base_web].reg;
    address->kind = VALUE_LOAD;
    address->disp = disp;
    address->wasm_off = e->op_off;
    e->pending_loads++;
}

static void address_become_const(struct emit *e, struct value *address, int32_t disp) {
    *address = (struct value){.kind = VALUE_LOAD,
                              .type = address->type,
                              .base = REG_NONE,
                              .disp = disp,
                              .base_web = NO_WEB,
                              .wasm_off = e->op_off};
    e->pending_loads++;
}

/* index + constant, where the constant may join the displacement: both are so small that the sum
 * does not wrap, so it is the same in 64 bits as in 32. What remains is the index. */
static uint64_t address_split(struct value *address, uint64_t offset) {
    bool fits = address->kind == VALUE_ADDRESS && address->zero_bits && address->disp > 0 &&
                (uint64_t)address->disp + offset <= INT32_MAX;
    if (!fits)
        return 0;
    uint64_t constant = (uint64_t)address->disp;
    address->disp = 0;
    if (address->index == REG_NONE)
        address->kind = address->base_web == NO_WEB ? VALUE_REG : VALUE_LOCAL;
    return constant;
}

static void address_guard(struct emit *e, struct value *address, uint64_t offset) {
    if (value_is_const(address) && address->bits + offset <= INT32_MAX) {
        address_become_const(e, address, (int32_t)(address->bits + offset));
        return;
    }
    offset += address_split(address, offset);
    if (offset <= INT32_MAX) {
        stack_reg(e, address);
        address_become(e, address, (int32_t)offset);
        return;
    }
    /* A displacement cannot hold it: what does not fit 32 bits is out of bounds anyway. */
    unsigned reg = stack_own(e, address);
    x64_alu_imm(&e->x, X64_ADD, reg_rm(reg), (int32_t)offset);
    emit_trap_if(e, X64_B, ALKA_TRAP_MEMORY_BOUNDS);
    address_become(e, address, 0);
}

static void address_checked(struct emit *e, struct value *address, uint64_t offset,
                            uint32_t bytes) {
    struct x64_rm size = x64_mem(X64_GPR(R15), ALKA_CONTEXT_DISP(memory_bytes));
    if (value_is_const(address) && address->bits + offset + bytes <= INT32_MAX) {
        x64_alu_imm(&e->x, X64_CMP | X64_W, size, (int32_t)(address->bits + offset + bytes));
        emit_trap_if(e, X64_B, ALKA_TRAP_MEMORY_BOUNDS);
        address_become_const(e, address, (int32_t)(address->bits + offset));
        return;
    }
    if (offset + bytes <= INT32_MAX) {
        unsigned reg = stack_reg(e, address);
        e->pinned |= REG_BIT(reg);
        unsigned end = stack_alloc(e, REG_GENERAL);
        x64_g(&e->x, X64_LEA | X64_W, reg_gpr(end),
              x64_mem(reg_gpr(reg), (int32_t)(offset + bytes)));
        x64_g(&e->x, X64_CMP | X64_W, reg_gpr(end), size);
        stack_free(e, end);
        emit_trap_if(e, X64_A, ALKA_TRAP_MEMORY_BOUNDS);
        address_become(e, address, (int32_t)offset);
        return;
    }
    unsigned reg = stack_own(e, address);
    unsigned end = stack_alloc(e, REG_GENERAL);
    x64_mov_imm(&e->x, reg_gpr(end), offset);
    x64_gg(&e->x, X64_ADD | X64_W, reg_gpr(reg), reg_gpr(end));
    x64_g(&e->x, X64_LEA | X64_W, reg_gpr(end), x64_mem(reg_gpr(reg), (int32_t)bytes));
    x64_g(&e->x, X64_CMP | X64_W, reg_gpr(end), size);
    stack_free(e, end);
    emit_trap_if(e, X64_A, ALKA_TRAP_MEMORY_BOUNDS);
    address_become(e, address, 0);
}

static void address_wrap(struct emit *e, struct value *address, uint64_t offset) {
    unsigned reg = stack_own(e, address);
    if (offset)
        x64_alu_imm(&e->x, X64_ADD, reg_rm(reg), (int32_t)offset);
    x64_g(&e->x, X64_AND | X64_W, reg_gpr(reg),
          x64_mem(X64_GPR(R15), ALKA_CONTEXT_DISP(memory_mask)));
    address_become(e, address, 0);
}

void memory_address(struct emit *e, struct value *address, uint32_t bytes) {
    emit_take_u32(e); /* alignment: a hint */
    uint64_t offset = alka_leb_take_unsigned(&e->pc);
    switch (e->gen->options.memory_model) {
    case ALKA_MEMORY_GUARD:
        address_guard(e, address, offset);
        return;
    case ALKA_MEMORY_CHECKED:
        address_checked(e, address, offset, bytes);
        return;
    case ALKA_MEMORY_WRAP:
        address_wrap(e, address, offset);
        return;
    }
}

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
        x64_put(&e->x, how->a, reg & 15, to);
    stack_pop(e);
    stack_pop(e);
}

void low_memory_size(struct emit *e, const struct lowering *how) {
    (void)how;
    emit_take_u32(e); /* memory 0 */
    unsigned reg = stack_result(e, ALKA_KIND_I32, NULL, NULL);
    x64_g(&e->x, X64_MOV, reg_gpr(reg), x64_mem(X64_GPR(R15), ALKA_CONTEXT_DISP(memory_pages)));
    stack_replace(e, 0, ALKA_KIND_I32, reg);
}
