/*
 * Room: codegen. Instructions that runtime helpers carry out: bulk memory, changes of tables,
 * casts. Comes in: operands on the stack, immediates. Goes out: a call with both. Must never change
 * a table or a segment in place: only the runtime writes those.
 */
#include "calls.h"

/* a: enum alka_helper; b: operands; c: immediates, which become arguments behind the operands;
 * kind: of the result */
void low_helper(struct emit *e, const struct lowering *how) {
    uint32_t immediates[2];
    for (uint32_t i = 0; i < how->c; i++)
        immediates[i] = emit_take_u32(e);
    for (uint32_t i = 0; i < how->c; i++)
        stack_push(e, value_const(ALKA_KIND_I32, immediates[i]));
    call_helper(e, (enum alka_helper)how->a, (uint32_t)how->b + how->c, how->kind);
}

/* A heap type (5.3.2): an index, or the low seven bits of a code. */
static uint32_t cast_take_heap(struct emit *e) {
    enum { CODE_FIRST = 0x69, CODE_BITS = 0x7F };
    static const uint32_t heaps[] = {ALKA_HEAP_EXN,      ALKA_HEAP_ARRAY,  ALKA_HEAP_STRUCT,
                                     ALKA_HEAP_I31,      ALKA_HEAP_EQ,     ALKA_HEAP_ANY,
                                     ALKA_HEAP_EXTERN,   ALKA_HEAP_FUNC,   ALKA_HEAP_NONE,
                                     ALKA_HEAP_NOEXTERN, ALKA_HEAP_NOFUNC, ALKA_HEAP_NOEXN};
    int64_t code = emit_take_signed(e);
    return code < 0 ? heaps[(code & CODE_BITS) - CODE_FIRST] : (uint32_t)code;
}

/* a: enum alka_helper; b: is null of the type; kind: of the result */
void low_cast(struct emit *e, const struct lowering *how) {
    alka_valtype type = ALKA_REF(cast_take_heap(e), how->b);
    stack_push(e, value_const(ALKA_KIND_I32, type));
    call_helper(e, (enum alka_helper)how->a, 2,
                how->kind == ALKA_KIND_REF ? ALKA_REF(ALKA_HEAP_ANY, true) : ALKA_I32);
}
