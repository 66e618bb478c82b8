/*
 * The operand stack: values, not opcodes. An entry says where its value is or how to get it; it is
 * brought into a register as late as possible, so that constants become immediates, locals are read
 * where they live, sums become addresses and loads become memory operands.
 *
 * Functions take the entry itself, a pointer into e->stack that stays valid. Registers they return
 * are pinned until the opcode is done.
 */
#ifndef ALKAHEST_CODEGEN_STACK_H
#define ALKAHEST_CODEGEN_STACK_H

#include "emit.h"

/* The n-th entry from the top; 0 is the topmost. */
static inline struct value *stack_top(struct emit *e, uint32_t n) {
    EMIT_ASSERT(n < e->depth);
    return &e->stack[e->depth - 1 - n];
}

/* The deepest entry that is not settled becomes so: the window is full. */
void stack_settle_deepest(struct emit *e);
static inline void stack_push(struct emit *e, struct value value) {
    value_put(&e->stack[e->depth++], value);
    if (__builtin_expect(e->depth - e->settled > EMIT_WINDOW, 0))
        stack_settle_deepest(e);
}
/* Gives a register that the lowering holds to a new entry. */
void stack_push_reg(struct emit *e, unsigned kind, unsigned reg);
void stack_push_flags(struct emit *e, unsigned cond);

/* Takes some register of the set, spilling the deepest entry that owns one if none is free. */
unsigned stack_alloc(struct emit *e, reg_set among);
/* Takes exactly this register; whoever owns it moves away. Never the home of a live web. */
void stack_take(struct emit *e, unsigned reg);
void stack_free(struct emit *e, unsigned reg);
/* A free register is not so any more, and will be written. */
static inline void stack_claim(struct emit *e, unsigned reg) {
    e->free &= ~REG_BIT(reg);
    index_forget(e, reg);
}

/* Emits code that brings the value into `reg`. Owners stay as they are. Leaves the flags alone
 * while they are pending (e->has_flags). */
void value_load(struct emit *e, const struct value *value, unsigned reg);
/* Register to register. */
void value_move(struct emit *e, unsigned kind, unsigned to, unsigned from);
/* Between a register and memory, as wide as the kind. */
void value_fetch(struct emit *e, unsigned kind, struct x64_rm rm, unsigned reg);
void value_store(struct emit *e, unsigned kind, struct x64_rm rm, unsigned reg);

/* Makes the entry a register that it owns: its content may be overwritten. */
unsigned stack_become_own(struct emit *e, struct value *value);
static inline unsigned stack_own(struct emit *e, struct value *value);
/* The value in a register, for reading. */
static inline unsigned stack_reg(struct emit *e, struct value *value);
/* Makes the entry own exactly this register. */
void stack_into(struct emit *e, struct value *value, unsigned reg);

/* The r/m operand that reads an entry: a register, its place in the frame, read-only data, or a
 * pending load that may be read as `loads` says (a set of 1 << enum load_kind). */
struct operand {
    struct x64_rm rm;
    uint32_t wasm_off; /* NO_OFF: does not trap */
    uint32_t rodata_off;
    bool is_rodata;
};
struct operand stack_operand(struct emit *e, struct value *value, uint32_t loads);
/* `reg` and an r/m operand for an opcode that is known only now. */
void operand_put(struct emit *e, x64_op op, unsigned reg, struct x64_rm rm);
/* `op` with the operand as r/m; `reg` general or vector as the op wants. */
void operand_emit(struct emit *e, x64_op op, unsigned reg, const struct operand *operand);
void operand_emit_i8(struct emit *e, x64_op op, unsigned reg, const struct operand *operand,
                     unsigned imm);
/* VEX form: reg ← more op operand. */
void operand_emit_vex(struct emit *e, x64_op op, unsigned reg, unsigned more,
                      const struct operand *operand);
static inline bool operand_is_reg(const struct operand *operand) {
    return x64_rm_is_register(operand->rm);
}

/* Stores an entry into the slot of its depth. */
void stack_settle(struct emit *e, struct value *value);
/* All but the topmost `keep` entries become constants or slots. */
void stack_flush(struct emit *e, uint32_t keep);
/* Nothing is pending any more that may trap. */
void stack_own_loads(struct emit *e);
static inline void stack_settle_loads(struct emit *e) {
    if (e->pending_loads)
        stack_own_loads(e);
}
/* Entries other than `except` that refer to the web get the value it has now. */
void stack_detach_web(struct emit *e, uint32_t web, const struct value *except);
/* The entry's own registers. */
reg_set value_owned(const struct value *value);
/* Is this one of them? */
bool value_owns(const struct value *value, unsigned reg);
/* Times that the entry refers to the web. */
uint32_t value_refs(const struct value *value, uint32_t web);

static inline int32_t slot_disp(const struct emit *e, uint32_t depth) {
    return e->slots_disp + (int32_t)(depth * e->slot_bytes);
}
static inline struct x64_rm slot_mem(struct emit *e, const struct value *value) {
    return frame_mem(e, slot_disp(e, (uint32_t)(value - e->stack)));
}

static inline bool value_is_const(const struct value *value) { return value->kind == VALUE_CONST; }
/* Constant that fits a sign-extended 32-bit immediate of an operation of its type. */
static inline bool value_is_imm(const struct value *value, int32_t *out_imm) {
    if (value->kind != VALUE_CONST || kind_is_vector(value->type))
        return false;
    int64_t bits = kind_is_wide(value->type) ? (int64_t)value->bits : (int32_t)value->bits;
    *out_imm = (int32_t)bits;
    return x64_fits_i32(bits);
}
/* In a register that may not be overwritten, or that may. */
static inline bool value_is_owned_reg(const struct value *value) {
    return value->kind == VALUE_REG && value->base_web == NO_WEB;
}
/* In the home of the local that it is about to be set to. */
static inline bool value_is_in_place(const struct value *value) {
    return value->kind == VALUE_REG && value->base_web != NO_WEB;
}
static inline bool value_is_home_reg(const struct emit *e, const struct value *value) {
    return value->kind == VALUE_LOCAL && e->homes[value->base_web].reg != REG_NONE;
}

/* NOLINTBEGIN(misc-no-recursion): stack.c says why it ends */
static inline unsigned stack_own(struct emit *e, struct value *value) {
    if (!value_is_owned_reg(value))
        return stack_become_own(e, value);
    e->pinned |= REG_BIT(value->base);
    index_forget(e, value->base);
    return value->base;
}
static inline unsigned stack_reg(struct emit *e, struct value *value) {
    if (value_is_home_reg(e, value))
        return e->homes[value->base_web].reg;
    if (value->kind != VALUE_REG)
        return stack_become_own(e, value);
    if (value_is_owned_reg(value))
        e->pinned |= REG_BIT(value->base);
    return value->base;
}
/* NOLINTEND(misc-no-recursion) */

/* i32: leading bits of the value that are known to be zero. */
unsigned value_zero_bits(const struct value *value);
/* Registers that the entry's value is in, or is computed from. */
reg_set value_reads(const struct emit *e, const struct value *value);

/* Where the next opcode wants the result: the home of the local that it sets, made ready to be
 * written by the current opcode, whose operands `a` and `b` (or NULL) may still refer to it; or the
 * place of the block's result, taken. Else REG_NONE. */
unsigned stack_hint(struct emit *e, unsigned kind, const struct value *a, const struct value *b);
/* Is this local what the next opcode sets? */
bool stack_is_set_next(const struct emit *e, const struct value *value);
/* A register for the result of one instruction that reads its operands before it writes: the next
 * opcode's home, an operand's own register, or a free one. */
unsigned stack_result(struct emit *e, unsigned kind, const struct value *a, const struct value *b);
/* A register for the result with the value of `a` in it already, for two-address instructions that
 * read `b` after that. */
unsigned stack_result_over(struct emit *e, struct value *a, const struct value *b);
/* Pops `count` operands and pushes the result that is in a register of the above. */
void stack_replace(struct emit *e, uint32_t count, unsigned kind, unsigned reg);

/* shapes_int.c: pops an i32 and says which flags mean "not zero"; they stay pending (e->has_flags).
 */
unsigned stack_pop_condition(struct emit *e);

/* locals.c: of a web in a register, for the last time */
struct value local_read_last(struct emit *e, uint32_t web);
void web_start(struct emit *e, uint32_t web);
void web_end(struct emit *e, uint32_t web);
/* Webs whose last use is behind us, at the end of a loop. */
void webs_expire(struct emit *e, uint32_t off);

static inline void web_ref(struct emit *e, uint32_t web) { e->homes[web].refs++; }
static inline void home_release(struct emit *e, struct home *home) {
    home->state = HOME_IDLE;
    e->live_homes &= ~REG_BIT(home->reg);
    e->free |= REG_BIT(home->reg);
}
static inline void web_unref(struct emit *e, uint32_t web) {
    struct home *home = &e->homes[web];
    EMIT_ASSERT(home->refs > 0);
    if (--home->refs == 0 && home->state == HOME_ENDED)
        home_release(e, home);
}

/* Of a pending load or address. */
void value_release_parts(struct emit *e, const struct value *value, reg_set keep);
/* Gives back what the entry holds, but for the registers in `keep`; the caller overwrites it. */
static inline void value_release(struct emit *e, const struct value *value, reg_set keep) {
    if (value->kind == VALUE_LOCAL)
        web_unref(e, value->base_web);
    else if (value->kind == VALUE_REG)
        e->free |= value->base_web == NO_WEB ? REG_BIT(value->base) & ~keep : 0;
    else if (value->kind >= VALUE_ADDRESS)
        value_release_parts(e, value, keep);
}
/* Forgets the top entry and gives its registers back. */
static inline void stack_pop(struct emit *e) {
    EMIT_ASSERT(e->depth > 0);
    value_release(e, &e->stack[--e->depth], 0);
}
/* The same for more entries than EMIT_OPERANDS. */
static inline void stack_pop_to(struct emit *e, uint32_t depth) {
    while (e->depth > depth)
        stack_pop(e);
    e->settled = e->settled < depth ? e->settled : depth;
}

static inline struct value value_reg(unsigned kind, unsigned reg) {
    return (struct value){.head = value_head(VALUE_REG, kind, reg), .bits = NO_WEB};
}
static inline struct value value_const(unsigned kind, uint64_t bits) {
    return (struct value){.head = value_head(VALUE_CONST, kind, 0), .bits = bits};
}
static inline struct value value_local(unsigned kind, uint32_t web) {
    return (struct value){.head = value_head(VALUE_LOCAL, kind, 0), .bits = web};
}

/* The entry of the local.get at `off`: read as late as possible. */
static inline struct value local_read(struct emit *e, uint32_t local, uint32_t off) {
    uint32_t web = e->local_webs[local];
    struct home *home = &e->homes[web];
    EMIT_ASSERT(home->reg == REG_NONE ||
                (home->state == HOME_LIVE && e->home_web[home->reg] == web));
    if (off >= home->last_off)
        return local_read_last(e, web);
    home->refs++;
    return value_local(home->type, web);
}

/* A constant of 128 bits lies in the read-only data: its entry holds the offset there plus 1, and 0
 * stands for zero. */
static inline struct value value_const_v128(struct emit *e, uint64_t low, uint64_t high) {
    uint64_t where = low | high ? rodata_constant(e, low, high, 16).off + UINT64_C(1) : 0;
    return value_const(ALKA_KIND_V128, where);
}
/* The read-only datum of a vector-class constant that is not zero. */
static inline struct rodata value_rodata(struct emit *e, const struct value *value) {
    if (value->type == ALKA_KIND_V128)
        return (struct rodata){(uint32_t)value->bits - 1};
    return rodata_constant(e, value->bits, 0, value->type == ALKA_KIND_F32 ? 4 : 8);
}

static inline reg_set reg_class(unsigned kind) {
    return kind_is_vector(kind) ? REG_VECTOR : REG_GENERAL;
}

/* memory.c: how a pending load reads; address.c: where */
struct load_form {
    x64_op op;
    uint8_t kind; /* enum alka_kind of the result */
};
extern const struct load_form load_forms[LOAD_KINDS];
struct x64_rm load_mem(struct emit *e, const struct value *load);
struct memarg {
    uint64_t offset;
    uint32_t memory_idx;
};
struct memarg memory_take_memarg(struct emit *e);
/* Takes the memarg of an access of `bytes` and makes the entry an address that may be accessed: a
 * VALUE_LOAD whose `load` is not set yet. */
void memory_address(struct emit *e, struct value *address, uint32_t bytes);
/* The current size of a memory in bytes. */
struct x64_rm memory_view_size(const struct emit *e, uint32_t memory_idx);

#endif
