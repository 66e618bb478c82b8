/*
 * What the assembly routines of this room and its C share: the register block, the routines'
 * addresses, the labels that trap decisions know.
 */
#ifndef ALKAHEST_LINK_BLOCK_H
#define ALKAHEST_LINK_BLOCK_H

#include <alkahest/extern.h>
#include <alkahest/routines.h>

/* All argument registers, and afterwards all result registers. */
struct alka_call_block {
    uint64_t integers[ALKA_PLACE_INTEGERS]; /* rdi rsi rdx rcx r8 r9; then rax rdx rcx rsi rdi r8 */
    uint64_t vectors[ALKA_PLACE_VECTORS][2];
    uint64_t data_pointer; /* rbp of the callee's entry */
    uint64_t uses_vectors; /* 0: the vector registers are neither loaded nor stored */
};

/* Enters module code; the outcome is an enum alka_trap. */
uint64_t alka_enter(struct alka_thread *thread, const struct alka_func *func,
                    struct alka_call_block *block);

/* Called by alka_host_values on the control stack: registers → values → host function → registers.
 * `overflow` is the caller's rbp: parameters that did not fit into registers lie below, results go
 * there. */
void alka_host_dispatch(const struct alka_import_record *record, struct alka_call_block *block,
                        uint64_t *values, uint64_t overflow, struct alka_context *caller);

/* Routines that a record may name: jumped to with r11 = record. */
typedef void alka_routine(void);
/* By number of parameters, and whether the result is an i32 that must be zero-extended. */
extern alka_routine *const alka_host_direct[ALKA_DIRECT_PARAMS_MAX + 1][2];
alka_routine alka_host_values;
/* Jumped to with r11 = struct alka_table_entry. */
alka_routine alka_call_foreign;

#endif
