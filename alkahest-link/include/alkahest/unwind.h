/*
 * Between the routines that module code throws with (runtime.asm) and whoever finds the handler.
 */
#ifndef ALKAHEST_UNWIND_H
#define ALKAHEST_UNWIND_H

#include <alkahest/abi.h>

/*
 * What a throw leaves on the control stack, and how the thread goes on. In: the registers at the
 * call that throws, `rsp` at its return address; integers and vectors are the argument registers.
 * Out, where a handler was found: the registers that it wants, `rip` its pad; integers and vectors
 * are result registers.
 */
struct alka_throw {
    uint64_t integers[ALKA_PLACE_INTEGERS];
    uint64_t vectors[ALKA_PLACE_VECTORS][2];
    uint64_t rsp, rbp, saved[4]; /* rbx r12 r13 r14 */
    uint64_t r15, rip;
    uint32_t tag_idx; /* in the thrower's module; ALKA_NO_INDEX: integers[0] is the exception */
    uint32_t reserved;
};

/* true: *state says where it goes on. false: it traps, thread->pending says why. */
typedef bool alka_throw_fn(struct alka_throw *state);
extern alka_throw_fn alka_helper_throw;

/* Return addresses of the routines that stand between the frames of module code. */
extern const char alka_return_enter[], alka_return_gate_traps[], alka_return_gate_traps_memory[],
    alka_return_gate_returns[], alka_return_foreign[];

#endif
