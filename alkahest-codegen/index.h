/*
 * Neighbours: accesses whose indices are a constant apart share one register.
 *
 * LLVM addresses unrolled loops and stencils as `base + constant`, offset 0, once per access. That
 * sum wraps mod 2^32, so the constant may not become a displacement of the 64-bit address as it
 * is. But an index I that was good for an access is below the memory's size, which never reaches
 * the last index_spare bytes of the 4 GiB. So I + D does not wrap for D <= index_spare, and
 * [memory + I + D] is what WebAssembly means. I is what an access of this straight line of code
 * used, in a register that has not changed since.
 *
 * The access may still be pending, or come after the one that relies on it: until both are done
 * nothing happens that anybody could see, and both trap in the same way.
 *
 * Only free registers are remembered, and those that are homes or pending loads' own anyway. Who
 * wants one takes it; nothing is spilled or saved for this.
 */
#ifndef ALKAHEST_CODEGEN_INDEX_H
#define ALKAHEST_CODEGEN_INDEX_H

#include "stack.h"

/* How an index was made: base + disp, mod 2^32; base REG_NONE: in another way. */
struct index_sum {
    unsigned base;
    uint32_t disp;
};

static inline struct index_sum index_sum_of(const struct value *address) {
    bool is_sum = address->kind == VALUE_ADDRESS && address->index == REG_NONE;
    return (struct index_sum){is_sum ? address->base : REG_NONE, (uint32_t)address->disp};
}

void index_use_sum(struct emit *e, unsigned reg, struct index_sum sum);
/* `reg` holds the index of an access, made as `sum` says. */
static inline void index_use(struct emit *e, unsigned reg, struct index_sum sum) {
    if (sum.base != REG_NONE)
        index_use_sum(e, reg, sum);
    else
        e->index.used |= REG_BIT(reg) & e->live_homes; /* others are not named again */
}

bool index_find_near(struct emit *e, struct value *address, uint32_t offset);
/* Makes a VALUE_ADDRESS a VALUE_LOAD at an index in a register and a displacement, which includes
 * `offset`; false: no register is known to be near. */
static inline bool index_share(struct emit *e, struct value *address, uint64_t offset) {
    reg_set known = e->index.used | e->index.bases;
    return address->kind == VALUE_ADDRESS && address->index == REG_NONE && offset <= INT32_MAX &&
           (known & REG_BIT(address->base)) && index_find_near(e, address, (uint32_t)offset);
}

/* Scratch registers of the set that hold no sum: to be preferred. */
static inline reg_set index_unused(const struct emit *e, reg_set free) {
    return e->index.sums ? free & REG_SCRATCH_GENERAL & ~e->index.sums : 0;
}

/* A sum that need not be overwritten: there is another register for what is loaded. */
static inline bool index_is_kept(const struct emit *e, unsigned reg) {
    return (e->index.sums & REG_BIT(reg)) && index_unused(e, e->free);
}

#endif
