/* What thread.c (threads as the kernel sees them) and machine.c (the processor) share. */
#ifndef ATHANOR_SCHED_MACHINE_H
#define ATHANOR_SCHED_MACHINE_H

#include "sched/thread.h"

extern struct sched_policy *threads_policy;

/* A context that begins with entry() on the stack that ends at `top` (16-byte aligned). */
void machine_prepare(struct thread_context *context, uint64_t top, void (*entry)(void));
/* Room for vector registers; NULL: no memory. *out_block is what machine_give_vectors needs. */
uint8_t *machine_take_vectors(void **out_block);
void machine_give_vectors(void *block);

/* The processor's own part. ALKA_E_OUT_OF_MEMORY. */
ALKA_MUST_CHECK alka_status machine_start(void);
/* The caller becomes the first thread. */
void machine_adopt(struct thread *first);

/* Under the lock, interrupts off: goes on with whoever is next. Comes back, the lock released, when
 * that is the caller again. */
void machine_reschedule(uint64_t now);

extern bool machine_started;

#endif
