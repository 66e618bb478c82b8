/*
 * Room: codegen. Addresses of linear memory. Comes in: an index on the operand stack, the memarg.
 * Goes out: the entry as an address that may be accessed. Must never let an index that is not a
 * zero-extended i32 into an address in the guard model: constants and scales are added to the index
 * in 32 bits, where they wrap as in WebAssembly, never inside a 64-bit address (CVE-2023-26489).
 * The memarg's offset is the displacement; so is a constant of which it is known that it does not
 * wrap (here and in index.c).
 *
 *   guard     [base + index + offset], and the pages behind the memory fault
 *   checked   index + offset + bytes is compared with the memory's size first
 *   wrap      (index + offset) is masked with the memory's size minus 1
 *
 * That is memory 0 with 32-bit addresses. Memories with 64-bit addresses, and all others, are
 * checked in every model; a sum that does not fit 64 bits is out of bounds, too. The base of
 * another memory than 0 comes from the context and is added to the index behind the comparison.
 */
#include "index.h"
#include "lowerings.h"

enum { MEMARG_HAS_MEMORY = 0x40 };

/* Kept out of memory_address, which would save registers for it each time. */
#define ADDRESS_RARE __attribute__((noinline))

static struct x64_gpr memory_base(const struct emit *e) { return reg_gpr(e->gen->memory_reg); }

struct x64_rm load_mem(struct emit *e, const struct value *load) {
    if (load->is_absolute)
        return x64_mem(reg_gpr(load->base), load->disp);
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

/* A displacement cannot hold the offset: what does not fit 32 bits is out of bounds anyway. */
static ADDRESS_RARE void address_guard_far(struct emit *e, struct value *address, uint64_t offset) {
    unsigned reg = stack_own(e, address);
    x64_alu_imm(&e->x, X64_ADD, reg_rm(reg), (int32_t)offset);
    emit_trap_if(e, X64_B, ALKA_TRAP_MEMORY_BOUNDS);
    address_become(e, address, 0);
}

static inline void address_guard(struct emit *e, struct value *address, uint64_t offset) {
    if (value_is_const(address) && address->bits + offset <= INT32_MAX) {
        address_become_const(e, address, (int32_t)(address->bits + offset));
        return;
    }
    offset += address_split(address, offset);
    if (index_share(e, address, offset))
        return;
    if (offset <= INT32_MAX) {
        struct index_sum sum = index_sum_of(address);
        stack_reg(e, address);
        address_become(e, address, (int32_t)offset);
        index_use(e, address->base, sum);
        return;
    }
    address_guard_far(e, address, offset);
}

static ADDRESS_RARE void address_checked(struct emit *e, struct value *address, uint64_t offset,
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

static ADDRESS_RARE void address_wrap(struct emit *e, struct value *address, uint64_t offset) {
    unsigned reg = stack_own(e, address);
    if (offset)
        x64_alu_imm(&e->x, X64_ADD, reg_rm(reg), (int32_t)offset);
    x64_g(&e->x, X64_AND | X64_W, reg_gpr(reg),
          x64_mem(X64_GPR(R15), ALKA_CONTEXT_DISP(memory_mask)));
    address_become(e, address, 0);
}

/* --- Memories that no model is for. ------------------------------------------------------------*/

static struct x64_rm memory_view(const struct emit *e, uint32_t memory_idx, size_t field_off) {
    int32_t view = e->gen->layout.memory_views_disp + (int32_t)memory_idx * 16;
    return x64_mem(X64_GPR(R15), view + (int32_t)field_off);
}

struct x64_rm memory_view_size(const struct emit *e, uint32_t memory_idx) {
    return memory_view(e, memory_idx, offsetof(struct alka_view, size));
}

/* The access of a memory: where in it, how much, and what its addresses are. */
struct access {
    uint64_t offset;
    uint32_t bytes, memory_idx;
    bool is_64;
};

/* reg + imm; beyond 64 bits it is out of bounds. */
static void address_add(struct emit *e, const struct access *access, unsigned reg, uint32_t imm) {
    x64_alu_imm(&e->x, X64_ADD | X64_W, reg_rm(reg), (int32_t)imm);
    if (access->is_64)
        emit_trap_if(e, X64_B, ALKA_TRAP_MEMORY_BOUNDS);
}

/* Compares the end of the access with the size. An offset that no displacement can hold is added to
 * the index, which the entry owns then; the result is the displacement that is left. */
static int32_t address_check_end(struct emit *e, const struct access *access, unsigned reg) {
    bool is_near = access->offset <= (uint64_t)INT32_MAX - access->bytes;
    unsigned end = stack_alloc(e, REG_GENERAL);
    if (!is_near) {
        x64_mov_imm(&e->x, reg_gpr(end), access->offset);
        x64_gg(&e->x, X64_ADD | X64_W, reg_gpr(reg), reg_gpr(end));
        if (access->is_64)
            emit_trap_if(e, X64_B, ALKA_TRAP_MEMORY_BOUNDS);
    }
    x64_gg(&e->x, X64_MOV | X64_W, reg_gpr(end), reg_gpr(reg));
    address_add(e, access, end, access->bytes + (is_near ? (uint32_t)access->offset : 0));
    x64_g(&e->x, X64_CMP | X64_W, reg_gpr(end), memory_view_size(e, access->memory_idx));
    stack_free(e, end);
    emit_trap_if(e, X64_A, ALKA_TRAP_MEMORY_BOUNDS);
    return is_near ? (int32_t)access->offset : 0;
}

/* The index is known: one comparison. False: it is too large for that. */
static bool address_other_const(struct emit *e, struct value *address,
                                const struct access *access) {
    uint64_t at;
    if (!value_is_const(address) || __builtin_add_overflow(address->bits, access->offset, &at) ||
        at > (uint64_t)INT32_MAX - access->bytes)
        return false;
    x64_alu_imm(&e->x, X64_CMP | X64_W, memory_view_size(e, access->memory_idx),
                (int32_t)(at + access->bytes));
    emit_trap_if(e, X64_B, ALKA_TRAP_MEMORY_BOUNDS);
    address_become_const(e, address, (int32_t)at);
    if (access->memory_idx == 0)
        return true;
    unsigned base = stack_alloc(e, REG_GENERAL);
    x64_g(&e->x, X64_MOV | X64_W, reg_gpr(base),
          memory_view(e, access->memory_idx, offsetof(struct alka_view, base)));
    address->base = (uint8_t)base;
    address->is_absolute = true;
    return true;
}

static ADDRESS_RARE void address_other(struct emit *e, struct value *address,
                                       const struct access *access) {
    if (address_other_const(e, address, access))
        return;
    bool stays = access->memory_idx == 0 && access->offset <= (uint64_t)INT32_MAX - access->bytes;
    unsigned reg = stays ? stack_reg(e, address) : stack_own(e, address);
    e->pinned |= REG_BIT(reg);
    int32_t disp = address_check_end(e, access, reg);
    if (access->memory_idx != 0)
        x64_g(&e->x, X64_ADD | X64_W, reg_gpr(reg),
              memory_view(e, access->memory_idx, offsetof(struct alka_view, base)));
    address_become(e, address, disp);
    address->is_absolute = access->memory_idx != 0;
}

/* --- All of them. ------------------------------------------------------------------------------*/

static inline struct memarg memarg_take(struct emit *e) {
    struct memarg memarg = {0};
    if (emit_take_u32(e) & MEMARG_HAS_MEMORY) /* alignment: a hint */
        memarg.memory_idx = emit_take_u32(e);
    if (__builtin_expect(*e->pc < 0x80, 1))
        memarg.offset = *e->pc++;
    else
        memarg.offset = alka_leb_take_unsigned(&e->pc);
    return memarg;
}

struct memarg memory_take_memarg(struct emit *e) {
    return memarg_take(e);
}

/* Any but memory 0 with 32-bit addresses in the guard model. */
static ADDRESS_RARE void address_compared(struct emit *e, struct value *address,
                                          const struct access *access) {
    if (access->memory_idx != 0 || !e->gen->has_memory32)
        address_other(e, address, access);
    else if (e->gen->options.memory_model == ALKA_MEMORY_CHECKED)
        address_checked(e, address, access->offset, access->bytes);
    else
        address_wrap(e, address, access->offset);
}

void memory_address(struct emit *e, struct value *address, uint32_t bytes) {
    const struct alka_codegen *gen = e->gen;
    struct memarg memarg = memarg_take(e);
    if (memarg.memory_idx == 0 && gen->has_memory32 &&
        gen->options.memory_model == ALKA_MEMORY_GUARD) {
        address_guard(e, address, memarg.offset);
        return;
    }
    bool is_64 = gen->module->memories[memarg.memory_idx].range.is_64;
    struct access access = {memarg.offset, bytes, memarg.memory_idx, is_64};
    address_compared(e, address, &access);
}
