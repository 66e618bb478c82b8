/*
 * Moves between registers that happen all at once: arguments to their places, parameters to their
 * homes, results to theirs.
 */
#ifndef ALKAHEST_CODEGEN_MOVES_H
#define ALKAHEST_CODEGEN_MOVES_H

#include "stack.h"

struct moves {
    reg_set targets;   /* registers to be written */
    uint8_t from[32];  /* per target */
    uint8_t kind[32];  /* enum alka_kind */
    uint8_t reads[32]; /* per register: targets that still want it */
};

static inline void moves_begin(struct moves *moves) {
    moves->targets = 0;
    __builtin_memset(moves->reads, 0, sizeof moves->reads);
}
/* Each target at most once. */
void moves_add(struct moves *moves, unsigned to, unsigned from, unsigned kind);
void moves_emit(struct emit *e, struct moves *moves);

#endif
