/*
 * Ending what runs in an instance, on whatever threads, so that it can be reset or given back at
 * once. Where the instance's own code was about to go on, its call ends: the caller gets the error
 * that its manifest asks for, or traps. Where the instance has called others, they go on: its
 * frames are zombies, of which no instruction runs any more; when the callee returns, the call that
 * the instance was in ends. Kernel code that works for the instance goes on to its end, too.
 */
#ifndef ATHANOR_EVICT_H
#define ATHANOR_EVICT_H

#include "trap/trap.h"
#include <alkahest/instance.h>
#include <alkahest/registry.h>

/* In gate records, instead of a callee that was evicted. */
#define EVICT_NOBODY UINT64_C(0)

/* How one of them was found. */
struct evict_witness {
    bool is_found; /* in the instance's own code; then the rest is what it was doing */
    struct alka_trap_report report;
    struct trap_frame frame;
};

/* Of all threads but the calling one, which has no frames of it. After alka_instance_disown: nobody
 * comes in meanwhile. Returns how many calls ended or will end; `witness` may be NULL. */
uint32_t evict(const struct alka_instance *instance, struct evict_witness *witness);

/*
 * Without ending anything: waits until no thread is in the instance. The caller has closed the
 * gates, or this may never come. False: the deadline (clock_ns) came first.
 */
bool evict_drained(const struct alka_instance *instance, uint64_t deadline_ns);
/* Somebody has come to a closed gate, so it has left whatever it was in: whoever waits for that
 * looks again. Interrupts are off, and no lock is held. */
void evict_look_again(void);
/* For the time in between, the calling thread goes before all others. */
void evict_hurry(bool hurry);

#endif
