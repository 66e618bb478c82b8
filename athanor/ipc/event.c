/*
 * Events (event.h has the protocol). In: bits. Out: bits, each once. Must never: wait.
 */
#include "ipc/event.h"

void event_signal(struct event *event, uint64_t bits) {
    event->signals++;
    event->set |= bits;
    wait_wake_all(&event->waiting);
}

alka_status event_take(struct event *event, uint64_t wanted, struct wait_entry *entry,
                       uint64_t *out_bits) {
    uint64_t taken = event->set & wanted;
    if (taken == 0)
        return ALKA_E_WOULD_BLOCK;
    event->set &= ~taken;
    if (entry != NULL)
        wait_served(entry);
    *out_bits = taken;
    return ALKA_OK;
}
