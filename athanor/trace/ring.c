/* The trace's memory. In: records, from anywhere. Out: the newest of them. Pure; no locks. */
#include "trace/ring.h"

void trace_ring_put(struct trace_ring *ring, const struct trace_record *record) {
    uint64_t number = __atomic_add_fetch(&ring->written, 1, __ATOMIC_RELAXED);
    struct trace_slot *slot = &ring->slots[number % TRACE_RECORDS];
    __atomic_store_n(&slot->number, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* the record's words come after it */
    slot->record = *record;
    __atomic_store_n(&slot->number, number, __ATOMIC_RELEASE);
}

bool trace_ring_get(const struct trace_ring *ring, uint64_t number, struct trace_record *out) {
    const struct trace_slot *slot = &ring->slots[number % TRACE_RECORDS];
    if (number == 0 || __atomic_load_n(&slot->number, __ATOMIC_ACQUIRE) != number) {
        return false;
    }
    *out = slot->record;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&slot->number, __ATOMIC_RELAXED) == number;
}

uint64_t trace_ring_first(const struct trace_ring *ring, uint64_t count) {
    uint64_t written = __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE);
    uint64_t most = count < TRACE_RECORDS ? count : TRACE_RECORDS;
    return written > most ? written - most + 1 : 1;
}

void trace_ring_clear(struct trace_ring *ring) {
    ring->written = 0;
    for (uint32_t i = 0; i < TRACE_RECORDS; i++) {
        ring->slots[i].number = 0;
    }
}
