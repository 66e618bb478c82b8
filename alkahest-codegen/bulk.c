/*
 * Room: codegen. Instructions that runtime helpers carry out: bulk memory, changes of tables. Comes
 * in: operands on the stack, immediates. Goes out: a call with both. Must never change a table or a
 * segment in place: only the runtime writes those.
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
