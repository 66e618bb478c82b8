/*
 * Lowerings: one function per shape, shared by the opcodes whose row in wasm_ops.def names it, or
 * per opcode where nothing is shared. The X64 column's words become a struct lowering here:
 *
 *   X64(SHAPE, …) → LOW_SHAPE(…) → {function, parameters}
 *
 * On entry the operands are on the stack and the immediates at e->pc; on exit the results are on
 * the stack. Unless the lowering takes them, pending flags have been made a value before.
 */
#ifndef ALKAHEST_CODEGEN_LOWERINGS_H
#define ALKAHEST_CODEGEN_LOWERINGS_H

#include "stack.h"

typedef void low_fn(struct emit *e, const struct lowering *how);

/* control.c */
low_fn low_unreachable, low_nop, low_block, low_loop, low_if, low_else, low_end, low_br, low_br_if,
    low_br_table, low_return, low_unbuilt;
/* calls.c */
low_fn low_call, low_call_indirect, low_call_ref, low_return_call, low_return_call_indirect,
    low_return_call_ref, low_br_on_null, low_br_on_non_null, low_ref_as_non_null, low_ref_i31,
    low_i31_get_s, low_i31_get_u, low_memory_grow, low_table_grow;
/* try.c */
low_fn low_throw, low_throw_ref, low_try_table, low_try, low_catch, low_catch_all, low_delegate,
    low_rethrow;
/* bulk.c */
low_fn low_helper, low_cast;
/* refs.c */
low_fn low_ref_null, low_ref_func, low_table_get, low_table_size, low_select_t;
/* locals.c */
low_fn low_drop, low_local_get, low_local_set, low_local_tee, low_global_get, low_global_set;
/* memory.c: a, load: enum load_kind; store: opcode; b: bytes */
low_fn low_load, low_store, low_memory_size;
/* atomics.c */
low_fn low_atomic_load, low_atomic_store, low_atomic_exchange, low_atomic_loop, low_atomic_compare,
    low_atomic_fence, low_atomic_helper;
/* shapes_int.c */
low_fn low_const_int, low_eqz, low_cmp, low_add, low_sub, low_alu, low_mul, low_shift, low_count,
    low_popcnt, low_extend, low_wrap, low_extend_u, low_select;
/* divide.c */
low_fn low_div, low_rem;
/* shapes_float.c */
low_fn low_const_float, low_fcmp, low_farith, low_fminmax, low_fcopysign, low_fsign, low_fround,
    low_fsqrt, low_fconvert_f;
/* convert.c */
low_fn low_int_to_float, low_u64_to_float, low_truncate, low_truncate_u64, low_reinterpret;

/* Parameters of shapes: kind of the operands */
#define LOW_KIND_I32 ALKA_KIND_I32
#define LOW_KIND_I64 ALKA_KIND_I64
#define LOW_KIND_F32 ALKA_KIND_F32
#define LOW_KIND_F64 ALKA_KIND_F64
#define LOW_KIND_REF ALKA_KIND_REF
#define LOW_KIND_NONE ALKA_KIND_BOTTOM

#define LOW_HAND(name) \
    { .emit = low_##name }
/* Takes pending flags from the top of the stack. */
#define LOW_FLAGS(name) \
    { .emit = low_##name, .takes_flags = true }
/* A runtime helper, the operands and the immediates that it gets, the kind of its result. */
#define LOW_HELPER(id, operands, immediates, k)                                    \
    {                                                                              \
        .emit = low_helper, .a = ALKA_HELPER_##id, .b = operands, .c = immediates, \
        .kind = LOW_KIND_##k                                                       \
    }
#define LOW_LOAD(k, load) \
    { .emit = low_load, .kind = LOW_KIND_##k, .a = LOAD_##load }
#define LOW_STORE(op, bytes) \
    { .emit = low_store, .a = X64_##op, .b = bytes }
#define LOW_STORE64(op, bytes) \
    { .emit = low_store, .a = X64_##op | X64_W, .b = bytes }
#define LOW_ATOMIC_LOAD(k, load, bytes) \
    { .emit = low_atomic_load, .kind = LOW_KIND_##k, .a = LOAD_##load, .b = bytes }
#define LOW_ATOMIC_STORE(bytes) \
    { .emit = low_atomic_store, .b = bytes }
#define LOW_ATOMIC_ADD(k, bytes) \
    { .emit = low_atomic_exchange, .kind = LOW_KIND_##k, .a = X64_XADD_BYTE, .b = bytes }
#define LOW_ATOMIC_SUB(k, bytes) \
    { .emit = low_atomic_exchange, .kind = LOW_KIND_##k, .a = X64_XADD_BYTE, .b = bytes, .c = 1 }
#define LOW_ATOMIC_XCHG(k, bytes) \
    { .emit = low_atomic_exchange, .kind = LOW_KIND_##k, .a = X64_XCHG_BYTE, .b = bytes }
#define LOW_ATOMIC_LOOP(k, bytes, op) \
    { .emit = low_atomic_loop, .kind = LOW_KIND_##k, .a = X64_##op, .b = bytes }
#define LOW_ATOMIC_COMPARE(k, bytes) \
    { .emit = low_atomic_compare, .kind = LOW_KIND_##k, .b = bytes }
/* A runtime helper that compares a reference with the type that is the immediate, null or not. */
#define LOW_CAST(id, k, nullable) \
    { .emit = low_cast, .kind = LOW_KIND_##k, .a = ALKA_HELPER_##id, .b = nullable }
#define LOW_ATOMIC_HELPER(id, operands) \
    { .emit = low_atomic_helper, .a = ALKA_HELPER_##id, .b = operands }
#define LOW_CONST_INT(k) \
    { .emit = low_const_int, .kind = LOW_KIND_##k }
#define LOW_CONST_FLOAT(k) \
    { .emit = low_const_float, .kind = LOW_KIND_##k }
#define LOW_EQZ(k) \
    { .emit = low_eqz, .kind = LOW_KIND_##k, .takes_flags = true }
#define LOW_CMP(k, cond) \
    { .emit = low_cmp, .kind = LOW_KIND_##k, .b = X64_##cond }
#define LOW_ADD(k) \
    { .emit = low_add, .kind = LOW_KIND_##k, .a = X64_ADD }
#define LOW_SUB(k) \
    { .emit = low_sub, .kind = LOW_KIND_##k, .a = X64_SUB }
#define LOW_ALU(k, op) \
    { .emit = low_alu, .kind = LOW_KIND_##k, .a = X64_##op }
#define LOW_MUL(k) \
    { .emit = low_mul, .kind = LOW_KIND_##k }
#define LOW_DIV(k, is_signed) \
    { .emit = low_div, .kind = LOW_KIND_##k, .b = is_signed }
#define LOW_REM(k, is_signed) \
    { .emit = low_rem, .kind = LOW_KIND_##k, .b = is_signed }
/* Shift by a constant or rcx: the /n; by any register: the BMI2 opcode, 0 if there is none. */
#define LOW_SHIFT(k, digit, bmi2) \
    { .emit = low_shift, .kind = LOW_KIND_##k, .a = bmi2, .b = X64_##digit }
/* lzcnt or tzcnt; bsr or bsf and what makes up for it where there is none */
#define LOW_COUNT(k, op, old, cpu)                                                     \
    {                                                                                  \
        .emit = low_count, .kind = LOW_KIND_##k, .a = X64_##op, .b = X64_##old & 0xFF, \
        .needs = ALKA_CPU_##cpu                                                        \
    }
#define LOW_POPCNT(k) \
    { .emit = low_popcnt, .kind = LOW_KIND_##k }
#define LOW_EXTEND(k, op) \
    { .emit = low_extend, .kind = LOW_KIND_##k, .a = X64_##op }
#define LOW_FCMP(k, cond, is_swapped) \
    { .emit = low_fcmp, .kind = LOW_KIND_##k, .a = cond, .b = is_swapped }
#define LOW_FARITH(k, op, commutes) \
    { .emit = low_farith, .kind = LOW_KIND_##k, .a = X64_##op, .b = commutes }
#define LOW_FMINMAX(k, op, zero_op) \
    { .emit = low_fminmax, .kind = LOW_KIND_##k, .a = X64_##op, .b = X64_##zero_op & 0xFF }
#define LOW_FCOPYSIGN(k) \
    { .emit = low_fcopysign, .kind = LOW_KIND_##k }
/* abs: and with everything but the sign; neg: xor with the sign */
#define LOW_FSIGN(k, op) \
    { .emit = low_fsign, .kind = LOW_KIND_##k, .a = X64_##op }
/* roundsd's mode */
#define LOW_FROUND(k, mode) \
    { .emit = low_fround, .kind = LOW_KIND_##k, .b = mode }
#define LOW_FSQRT(k) \
    { .emit = low_fsqrt, .kind = LOW_KIND_##k }
#define LOW_FCONVERT_F(from, to) \
    { .emit = low_fconvert_f, .kind = LOW_KIND_##from, .b = LOW_KIND_##to }
/* from: the integer as the instruction sees it; u32 is an i64 that is zero-extended */
#define LOW_INT_TO_FLOAT(from, to) \
    { .emit = low_int_to_float, .kind = LOW_KIND_##to, .b = LOW_KIND_##from }
#define LOW_U64_TO_FLOAT(to) \
    { .emit = low_u64_to_float, .kind = LOW_KIND_##to }
#define LOW_TRUNCATE(from, to, is_signed, saturates)                                       \
    {                                                                                      \
        .emit = low_truncate, .kind = LOW_KIND_##from, .b = LOW_KIND_##to, .c = is_signed, \
        .d = saturates                                                                     \
    }
#define LOW_TRUNCATE_U64(from, saturates) \
    { .emit = low_truncate_u64, .kind = LOW_KIND_##from, .d = saturates }
#define LOW_REINTERPRET(from, to) \
    { .emit = low_reinterpret, .kind = LOW_KIND_##from, .b = LOW_KIND_##to }
#include "lowerings_vector.h"

/* Validated, but not compiled. */
#define LOW_UNBUILT(...) \
    { .emit = low_unbuilt }

#endif
