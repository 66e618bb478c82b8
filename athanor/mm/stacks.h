/*
 * The two stacks of a thread of execution (alkahest/abi.h): the control stack, 1 MiB of address
 * space aligned to it with struct alka_thread at its top, and the data stack with its large guard.
 * What is not committed is unmapped.
 */
#ifndef ATHANOR_STACKS_H
#define ATHANOR_STACKS_H

#include <alkahest/abi.h>
#include <alkahest/status.h>

#define STACKS_CONTROL_BYTES (UINT64_C(128) << 10) /* committed */
#define STACKS_DATA_BYTES (UINT64_C(1) << 20)      /* committed */
#define STACKS_HOST_ROOM_BYTES \
    (UINT64_C(32) << 10) /* what kernel functions called by modules find at least */

/* After memory_start. */
void stacks_start(void);

/* Both stacks, with the thread record filled. ALKA_E_OUT_OF_MEMORY. */
ALKA_MUST_CHECK alka_status stacks_take(struct alka_thread **out_thread);
/* Nothing may run on them. */
void stacks_give(struct alka_thread *thread);

/* Runs run(arg) on the control stack of `thread`, on which nothing runs yet, and comes back. */
void stacks_call(struct alka_thread *thread, void (*run)(void *arg), void *arg);

#endif
