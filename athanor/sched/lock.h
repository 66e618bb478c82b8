/*
 * The threads' lock (thread.h says what it is for). Inline: whatever threads do begins and ends
 * with it.
 */
#ifndef ATHANOR_SCHED_LOCK_H
#define ATHANOR_SCHED_LOCK_H

#include "cpu/lock.h"

extern struct lock machine_the_lock;
extern bool machine_kicked; /* under the lock: somebody else wants the processor */

static inline void machine_lock(void) {
    while (__atomic_exchange_n(&machine_the_lock.taken, true, __ATOMIC_ACQUIRE)) {
        x86_pause();
    }
}

static inline void machine_unlock(void) {
    __atomic_store_n(&machine_the_lock.taken, false, __ATOMIC_RELEASE);
}

/* Returns what threads_unlock needs. Not while holding a lock of another room. */
static inline uint64_t threads_lock(void) {
    uint64_t flags = x86_read_flags();
    x86_interrupts_off();
    machine_lock();
    return flags;
}

/* Releases the lock, and sees to it that whoever wants the processor has it soon. */
void threads_unlock_kicked(void);

static inline void threads_unlock(uint64_t flags) {
    bool are_on = (flags & X86_FLAGS_INTERRUPTS) != 0;
    if (are_on && machine_kicked) {
        threads_unlock_kicked();
    } else {
        machine_unlock();
    }
    if (are_on) {
        x86_interrupts_on();
    }
}

#endif
