/*
 * Room: codegen. Parallel moves (moves.h): a target that nobody reads any more can be written; when
 * there is none left, what remains is cycles, and an exchange shortens one. Must need no register
 * of its own.
 */
#include "moves.h"

void moves_add(struct moves *moves, unsigned to, unsigned from, unsigned kind) {
    if (to == from)
        return;
    EMIT_ASSERT(!(moves->targets & REG_BIT(to)));
    moves->targets |= REG_BIT(to);
    moves->from[to] = (uint8_t)from;
    moves->kind[to] = (uint8_t)kind;
    moves->reads[from]++;
}

static void moves_exchange(struct emit *e, unsigned a, unsigned b) {
    if (!reg_is_vector(a)) {
        x64_gg(&e->x, X64_XCHG | X64_W, reg_gpr(a), reg_gpr(b));
        return;
    }
    x64_xx(&e->x, X64_XORPS, reg_xmm(a), reg_xmm(b));
    x64_xx(&e->x, X64_XORPS, reg_xmm(b), reg_xmm(a));
    x64_xx(&e->x, X64_XORPS, reg_xmm(a), reg_xmm(b));
}

/* Emits every move whose target nobody reads; false if there was none. */
static bool moves_emit_ready(struct emit *e, struct moves *moves) {
    bool moved = false;
    for (reg_set left = moves->targets; left; left &= left - 1) {
        unsigned to = (unsigned)__builtin_ctz(left), from = moves->from[to];
        if (moves->reads[to])
            continue;
        value_move(e, moves->kind[to], to, from);
        moves->reads[from]--;
        moves->targets &= ~REG_BIT(to);
        moved = true;
    }
    return moved;
}

void moves_emit(struct emit *e, struct moves *moves) {
    while (moves->targets) {
        if (moves_emit_ready(e, moves))
            continue;
        /* Cycles only: every target is read exactly once. */
        unsigned to = (unsigned)__builtin_ctz(moves->targets), from = moves->from[to];
        moves_exchange(e, to, from);
        moves->targets &= ~REG_BIT(to);
        moves->reads[from] = 0;
        /* `from` now holds what `to` held: whoever wanted that reads it there. */
        for (reg_set left = moves->targets; left; left &= left - 1) {
            unsigned other = (unsigned)__builtin_ctz(left);
            if (moves->from[other] != to)
                continue;
            moves->from[other] = (uint8_t)from;
            moves->reads[to] = 0;
            moves->reads[from] = 1;
            if (other == from) { /* the cycle is closed */
                moves->targets &= ~REG_BIT(other);
                moves->reads[from] = 0;
            }
        }
    }
}
