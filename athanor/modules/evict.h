/*
 * Ending what runs in an instance, on whatever threads, so that it can be reset or given back at
 * once. Where the instance's own code was about to go on, its call ends: the caller gets the error
 * that its manifest asks for, or traps. Where the instance has called others, they go on: its
 * frames are zombies, of which no instruction runs any more; when the callee returns, the call that
 * the instance was in ends. Kernel code that works for the instance goes on to its end, too.
 */
#ifndef ATHANOR_EVICT_H
#define ATHANOR_EVICT_H

#include <alkahest/instance.h>

/* In gate records, instead of a callee that was evicted. */
#define EVICT_NOBODY UINT64_C(0)

/* Of all threads but the calling one, which has no frames of it. After recover_disown: nobody comes
 * in meanwhile. Returns how many calls ended or will end. */
uint32_t evict(const struct alka_instance *instance);

#endif
