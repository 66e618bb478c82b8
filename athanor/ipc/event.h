/*
 * Events: 64 bits that stay set until somebody takes them. Signalling never waits, never fails and
 * needs no memory; signals of one bit that come before it is taken are one. Each instance has one
 * event of its own, through which the kernel speaks to it; modules can make others, and let
 * channels signal them, so that one thread can wait for many things.
 *
 * Whoever waits names the bits it wants, and takes those that are set. There is no order among
 * those who wait: a signal wakes all of them.
 */
#ifndef ATHANOR_IPC_EVENT_H
#define ATHANOR_IPC_EVENT_H

#include "sched/wait.h"
#include <alkahest/status.h>
#include <stdint.h>

/* The kernel's bits in a module's own event; the others are the module's. */
#define EVENT_STOP (UINT64_C(1) << 63)   /* finish and return: soon it will be killed */
#define EVENT_MEMORY (UINT64_C(1) << 62) /* memory is scarce: give back what can be missed */
#define EVENT_KERNEL_BITS (UINT64_C(0xFF) << 56)

struct event {
    uint64_t set;
    struct wait_queue waiting;
    uint64_t signals; /* for people */
};

void event_signal(struct event *event, uint64_t bits);

/* Takes the bits of `wanted` that are set; ALKA_E_WOULD_BLOCK: none is. `entry` may be NULL. */
ALKA_MUST_CHECK alka_status event_take(struct event *event, uint64_t wanted,
                                       struct wait_entry *entry, uint64_t *out_bits);

#endif
