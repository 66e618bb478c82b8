/*
 * A spin lock that also keeps interrupts of this processor out: what it protects may be touched by
 * interrupt handlers. Taken in the order map, heap, frames, log; held for a bounded number of
 * instructions.
 */
#ifndef ATHANOR_LOCK_H
#define ATHANOR_LOCK_H

#include "cpu/x86.h"
#include <stdbool.h>

struct lock {
    bool taken;
};

/* Returns what lock_release needs to put interrupts back as they were. */
static inline uint64_t lock_take(struct lock *lock) {
    uint64_t flags = x86_read_flags();
    x86_interrupts_off();
    while (__atomic_exchange_n(&lock->taken, true, __ATOMIC_ACQUIRE)) {
        x86_pause();
    }
    return flags;
}

static inline void lock_release(struct lock *lock, uint64_t flags) {
    __atomic_store_n(&lock->taken, false, __ATOMIC_RELEASE);
    if ((flags & X86_FLAGS_INTERRUPTS) != 0) {
        x86_interrupts_on();
    }
}

#endif
