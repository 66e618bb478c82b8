/*
 * A ring of records of which the newest are kept. Writers may interrupt each other at any
 * instruction; a reader gets whole records only.
 */
#ifndef ATHANOR_TRACE_RING_H
#define ATHANOR_TRACE_RING_H

#include <stdbool.h>
#include <stdint.h>

#define TRACE_RECORDS 4096u /* a power of two */
#define TRACE_NOBODY UINT16_MAX

struct trace_record {
    uint64_t ticks; /* the time stamp */
    uint64_t arguments[2];
    uint32_t thread; /* 0: none */
    uint16_t module; /* its place in the list of modules; TRACE_NOBODY: the kernel */
    uint16_t kind;
};

struct trace_slot {
    struct trace_record record;
    uint64_t number; /* of the record, from 1; 0: it is being written */
};

/* {0} is empty. */
struct trace_ring {
    uint64_t written; /* ever */
    struct trace_slot slots[TRACE_RECORDS];
};

/* Safe in interrupt handlers; takes no lock. */
void trace_ring_put(struct trace_ring *ring, const struct trace_record *record);
/* Record `number`, from 1 to ring->written; false if it is not there any more, or not whole yet. */
bool trace_ring_get(const struct trace_ring *ring, uint64_t number, struct trace_record *out);
/* The oldest that may be there, if the last `count` are wanted; ring->written + 1: there is none.
 */
uint64_t trace_ring_first(const struct trace_ring *ring, uint64_t count);
/* Forgets all. Nobody writes. */
void trace_ring_clear(struct trace_ring *ring);

#endif
