/*
 * Prologue, epilogue, and which registers the ABI (abi.h) means.
 */
#ifndef ALKAHEST_CODEGEN_FRAME_H
#define ALKAHEST_CODEGEN_FRAME_H

#include "stack.h"

/* After regs_assign. ALKA_E_FRAME_TOO_LARGE. */
ALKA_MUST_CHECK alka_status frame_plan(struct emit *e);
void frame_enter(struct emit *e);
void frame_leave(struct emit *e);
/* The stacks and callee-saved registers are the caller's again: for tail calls. */
void frame_restore(struct emit *e);
/* Leaving is a plain ret. */
bool frame_is_bare(const struct emit *e);
/* When the body is done. */
void frame_patch(struct emit *e);
/* After that: what unwinding has to undo (code.h). */
uint32_t frame_record(const struct emit *e);

/* Between a home's register and its slot. */
void frame_save(struct emit *e, const struct home *home);
void frame_reload(struct emit *e, const struct home *home);

/* Within the frame, rbp-relative, through a general register, as wide as the kind. */
void frame_copy(struct emit *e, unsigned kind, int32_t to, int32_t from, unsigned temp);

/* Registers of places (abi.h); not for ALKA_PLACE_STACK. */
static inline unsigned abi_param_reg(struct alka_place place) {
    static const uint8_t integers[ALKA_PLACE_INTEGERS] = {X64_RDI, X64_RSI, X64_RDX,
                                                          X64_RCX, X64_R8,  X64_R9};
    return place.kind == ALKA_PLACE_VECTOR ? REG_XMM0 + place.index : integers[place.index];
}
static inline unsigned abi_result_reg(struct alka_place place) {
    static const uint8_t integers[ALKA_PLACE_INTEGERS] = {X64_RAX, X64_RDX, X64_RCX,
                                                          X64_RSI, X64_RDI, X64_R8};
    return place.kind == ALKA_PLACE_VECTOR ? REG_XMM0 + place.index : integers[place.index];
}

#endif
