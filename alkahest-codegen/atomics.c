/*
 * Room: codegen. Atomic accesses (threads proposal). Comes in: an index and operands on the stack,
 * the memarg. Goes out: one locked instruction, or a loop around one; all are sequentially
 * consistent, for x86-64 orders everything but a store and a later load, and stores are exchanges
 * here. Must never fold, delay or repeat an atomic access, and never make one that is not aligned.
 */
#include "calls.h"

/* The address, checked for alignment, too. Memories begin on pages, so the base plays no part. */
static void atomic_address(struct emit *e, struct value *address, uint32_t bytes) {
    memory_address(e, address, bytes);
    if (bytes == 1)
        return;
    uint32_t mask = bytes - 1;
    if (address->base == REG_NONE) {
        if ((uint32_t)address->disp & mask) {
            emit_site(e, ALKA_TRAP_UNALIGNED_ATOMIC, e->op_off);
            x64_ud2(&e->x);
        }
        return;
    }
    unsigned reg = address->base;
    if ((uint32_t)address->disp & mask) {
        e->pinned |= value_reads(e, address);
        unsigned sum = stack_alloc(e, REG_GENERAL);
        x64_g(&e->x, X64_LEA, reg_gpr(sum), x64_mem(reg_gpr(reg), address->disp));
        reg = sum;
        stack_free(e, sum);
    }
    x64_n_i32(&e->x, X64_TEST_IMM, 0, reg_rm(reg), (int32_t)mask);
    emit_trap_if(e, X64_NE, ALKA_TRAP_UNALIGNED_ATOMIC);
}

/* The opcode of an instruction that has forms for bytes, and for words of all sizes one above. */
static x64_op atomic_op(x64_op byte_op, uint32_t bytes) {
    switch (bytes) {
    case 1:
        return byte_op | X64_BYTE_REG;
    case 2:
        return (byte_op + 1) | X64_66;
    case 4:
        return byte_op + 1;
    default:
        return (byte_op + 1) | X64_W;
    }
}

static void atomic_emit(struct emit *e, x64_op byte_op, uint32_t bytes, unsigned reg,
                        struct x64_rm rm) {
    emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, e->op_off);
    if (byte_op != X64_XCHG_BYTE) /* locked by itself */
        x64_u8(&e->x, X64_LOCK);
    x64_put(&e->x, atomic_op(byte_op, bytes), reg & 15, rm);
}

/* What a narrow instruction left in the register, zero-extended. */
static void atomic_extend(struct emit *e, uint32_t bytes, unsigned reg) {
    if (bytes <= 2)
        x64_gg(&e->x, bytes == 1 ? X64_MOVZX8 : X64_MOVZX16, reg_gpr(reg), reg_gpr(reg));
}

/* a: enum load_kind; b: bytes */
void low_atomic_load(struct emit *e, const struct lowering *how) {
    struct value *top = stack_top(e, 0);
    stack_settle_loads(e);
    atomic_address(e, top, how->b);
    top->load = (uint8_t)how->a;
    top->type = how->kind;
    stack_own(e, top);
}

/* b: bytes */
void low_atomic_store(struct emit *e, const struct lowering *how) {
    struct value *value = stack_top(e, 0), *address = stack_top(e, 1);
    stack_settle_loads(e);
    atomic_address(e, address, how->b);
    e->pinned |= value_reads(e, address);
    unsigned reg = stack_own(e, value);
    atomic_emit(e, X64_XCHG_BYTE, how->b, reg, load_mem(e, address));
    stack_pop(e);
    stack_pop(e);
}

/* add, sub, xchg: one instruction that leaves the old value. a: its opcode for bytes; b: bytes; c:
 * the operand is negated first */
void low_atomic_exchange(struct emit *e, const struct lowering *how) {
    struct value *value = stack_top(e, 0), *address = stack_top(e, 1);
    stack_settle_loads(e);
    atomic_address(e, address, how->b);
    e->pinned |= value_reads(e, address);
    unsigned reg = stack_own(e, value);
    if (how->c)
        x64_n(&e->x, X64_UNARY | X64_W, 3, reg_rm(reg));
    atomic_emit(e, how->a, how->b, reg, load_mem(e, address));
    atomic_extend(e, how->b, reg);
    stack_replace(e, 2, how->kind, reg);
}

/* Frees the registers of an operand that is read again and again, or late. */
static void atomic_put_away(struct emit *e, struct value *value) {
    bool stays = value_is_const(value) || value_is_home_reg(e, value);
    if (!stays)
        stack_settle(e, value);
}

/* and, or, xor: compare-and-exchange until nobody came between. a: opcode; b: bytes. rax holds what
 * is there, and in the end the old value. */
void low_atomic_loop(struct emit *e, const struct lowering *how) {
    struct value *value = stack_top(e, 0), *address = stack_top(e, 1);
    stack_settle_loads(e);
    atomic_put_away(e, value);
    stack_take(e, X64_RAX);
    atomic_address(e, address, how->b);
    e->pinned |= value_reads(e, address);
    unsigned next = stack_alloc(e, REG_GENERAL);
    struct x64_rm at = load_mem(e, address);
    emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, e->op_off);
    x64_put(&e->x,
            how->b == 1   ? X64_MOVZX8
            : how->b == 2 ? X64_MOVZX16
                          : X64_MOV | (how->b == 8 ? X64_W : 0),
            X64_RAX, at);
    const uint8_t *again = e->x.at;
    emit_label(e);
    value_load(e, value, next);
    x64_gg(&e->x, how->a | X64_W, reg_gpr(next), X64_GPR(RAX));
    atomic_emit(e, X64_CMPXCHG_BYTE, how->b, next, at);
    x64_jcc_back(&e->x, X64_NE, again);
    stack_free(e, next);
    atomic_extend(e, how->b, X64_RAX);
    stack_free(e, X64_RAX);
    stack_replace(e, 2, how->kind, X64_RAX);
}

/* b: bytes. Compares as many bits as it exchanges. */
void low_atomic_compare(struct emit *e, const struct lowering *how) {
    struct value *value = stack_top(e, 0), *expected = stack_top(e, 1), *address = stack_top(e, 2);
    stack_settle_loads(e);
    atomic_put_away(e, value);
    stack_into(e, expected, X64_RAX);
    atomic_address(e, address, how->b);
    e->pinned |= value_reads(e, address);
    unsigned next = stack_alloc(e, REG_GENERAL);
    value_load(e, value, next);
    atomic_emit(e, X64_CMPXCHG_BYTE, how->b, next, load_mem(e, address));
    stack_free(e, next);
    atomic_extend(e, how->b, X64_RAX);
    stack_replace(e, 3, how->kind, X64_RAX);
}

void low_atomic_fence(struct emit *e, const struct lowering *how) {
    (void)how;
    e->pc++; /* reserved */
    stack_settle_loads(e);
    x64_mfence(&e->x);
}

/* notify, wait: the runtime does them. a: enum alka_helper; b: operands, the index first */
void low_atomic_helper(struct emit *e, const struct lowering *how) {
    struct memarg memarg = memory_take_memarg(e);
    stack_push(e, value_const(ALKA_KIND_I64, memarg.offset));
    stack_push(e, value_const(ALKA_KIND_I32, memarg.memory_idx));
    call_helper(e, (enum alka_helper)how->a, how->b + 2u, ALKA_I32);
}
