/* The kernel's implementation of what Alkahest asks of its host (alkahest/crucible.h). */
#ifndef ATHANOR_CRUCIBLE_H
#define ATHANOR_CRUCIBLE_H

#include <alkahest/crucible.h>
#include <stdint.h>

extern const struct alka_crucible crucible;

/* After memory_start. */
void crucible_start(void);

/*
 * From now on calls `scarce` when a memory that grows, or a new one, leaves less than one
 * CRUCIBLE_SCARCE_SHARE-th of all frames free, or finds none; again after there was twice as much.
 * On the thread that wanted the memory, under no lock; it may not wait.
 */
#define CRUCIBLE_SCARCE_SHARE 16u
void crucible_watch(void (*scarce)(void));

/* Takes back what slot_commit mapped at [base + from_bytes, base + to_bytes). */
void crucible_slot_decommit(struct alka_host_addr base, uint64_t from_bytes, uint64_t to_bytes);

struct crucible_stats {
    uint64_t slot_space_bytes, code_space_bytes; /* address space in use */
    uint64_t page_bytes, slot_bytes, code_bytes; /* memory in use */
};
void crucible_stats(struct crucible_stats *out);

/* crucible/address.c: threads that wait at an address. */
enum alka_wake crucible_wait(void *self, const void *address, uint32_t bytes, uint64_t expected,
                             int64_t timeout_ns);
uint32_t crucible_notify(void *self, const void *address, uint32_t count);

/* crucible/event.c: diagnostics and state transitions become log lines. */
void crucible_event(void *self, const struct alka_event *event);

#endif
