/*
 * Events as objects of the kernel, and each module's own: through that one the kernel speaks to it,
 * and others who were given a handle of it. Under the threads' lock, if nothing else is said.
 */
#ifndef ATHANOR_OBJECTS_EVENTS_H
#define ATHANOR_OBJECTS_EVENTS_H

#include "ipc/event.h"
#include "objects/ipc.h"

struct event_object {
    struct ipc_object ipc; /* the first member */
    struct event event;
};

/* For objects_makers. Not under the lock. */
alka_status event_object_make(const struct bundle_object *spec, struct object **out_object);

/* With one reference. Not under the lock. ALKA_E_SERVICE_LIMIT (it counts as one place of a queue),
 * ALKA_E_OUT_OF_MEMORY. */
ALKA_MUST_CHECK alka_status event_object_new(struct holder *maker, struct bundle_text name,
                                             struct event_object **out_event);

/* Takes those of the wanted bits that are set; waits for one until `deadline`. Not under the lock.
 */
alka_status event_object_wait(struct alka_context *caller, uint64_t handle, uint64_t wanted,
                              uint64_t deadline, uint64_t *out_bits);

/* A handle of the holder's own event: the same one, as long as it lives. Not under the lock. */
ALKA_MUST_CHECK alka_status events_own(struct holder *holder, uint64_t *out_handle);

/* Signals a module's own event. False: it never asked for one. Not under the lock. */
bool events_tell(const struct holder *holder, uint64_t bits);
/* The same to all modules. */
void events_tell_all(uint64_t bits);

#endif
