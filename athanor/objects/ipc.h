/*
 * What channels, topics and events have in common as objects of the kernel: a list of all of them,
 * whose queue places they use, and how a thread waits for one.
 *
 * Everything here and in channels.h, topics.h and events.h is called under the threads' lock, if
 * nothing else is said: these are wait queues, and who is woken may run when it is left. Objects
 * are destroyed outside of it: under it references are released, behind it objects_settle is
 * called.
 */
#ifndef ATHANOR_OBJECTS_IPC_H
#define ATHANOR_OBJECTS_IPC_H

#include "objects/objects.h"
#include "sched/lock.h"
#include "sched/wait.h"
#include "trace/trace.h"

/* All rings of one module's channels together. */
#define IPC_BYTES_MAX (UINT64_C(1) << 24)
/* Who made a message, as its receiver sees it: the kernel, or a module's id and 1. */
#define IPC_SENDER_KERNEL 0u

/* The first member of each. */
struct ipc_object {
    struct object object;
    struct ipc_object *next, *previous; /* all of them, oldest first */
    struct ipc_object *next_noted;      /* itself: the last one */
    struct holder *maker;               /* who pays for it; NULL: the kernel */
    uint32_t number;                    /* what people call it if it has no name */
};

void ipc_list(struct ipc_object *object, struct holder *maker);
void ipc_unlist(struct ipc_object *object);
/* Start with NULL. */
struct ipc_object *ipc_next(const struct ipc_object *after);

/* Who is to pay for what `maker` makes: itself, or its loader; NULL: the kernel. */
struct holder *ipc_payer(struct holder *maker);
/* Places in queues, and memory for them. ALKA_E_SERVICE_LIMIT. Not under the lock. */
ALKA_MUST_CHECK alka_status ipc_charge(struct holder *maker, uint32_t places, uint64_t bytes);
void ipc_refund(struct holder *maker, uint32_t places, uint64_t bytes);

/* As the receiver of a message shall see whoever sends it. */
static inline uint32_t ipc_sender(const struct holder *holder) { return holder->table.id + 1; }

/* A message was sent to, or received from, an object. */
static inline void ipc_sent(struct holder *holder, const struct ipc_object *to, uint32_t bytes) {
    holder->sent++;
    trace(TRACE_SEND, holder->module, to->number, bytes);
}
static inline void ipc_received(struct holder *holder, const struct ipc_object *from,
                                uint32_t bytes) {
    holder->received++;
    trace(TRACE_RECEIVE, holder->module, from->number, bytes);
}

/* --- Waiting. --- */

/* What a module does with a handle, as often as it takes. */
struct ipc_deed {
    struct alka_context *caller;
    struct holder *holder; /* the caller's */
    uint64_t handle, deadline;
    enum cap_kind kind; /* that the handle must have, with these rights */
    uint32_t rights;
    const void *order; /* the kind's own */
    void *out;
};

/* Where to wait. */
struct ipc_place {
    struct wait_queue *queue;
    struct object *owner; /* of the queue; has a reference meanwhile */
};

/* Under the lock. ALKA_E_WOULD_BLOCK: *out_place is where to wait before the next attempt. */
typedef alka_status ipc_attempt(const struct ipc_deed *deed, struct object *object,
                                struct ipc_place *out_place);

/*
 * Looks the handle up and attempts it, again after each wait, until the deadline. Not under the
 * lock. ALKA_E_WOULD_BLOCK: the deadline is 0; ALKA_E_TIMED_OUT; ALKA_E_INTERRUPTED: the caller's
 * memory must not be touched any more; what the look-up or the attempt says.
 */
alka_status ipc_do(const struct ipc_deed *deed, ipc_attempt *attempt);
/* The same from the first wait on, which is at `place`. Under the lock (`flags`), which is left. */
alka_status ipc_wait_and_do(const struct ipc_deed *deed, ipc_attempt *attempt,
                            struct ipc_place place, uint64_t flags);

/* --- Handles that die while somebody waits with them. --- */

/* For whoever hears what happens to capabilities: takes a note. */
void ipc_note(const struct cap_audit *record);
/* Those who wait with handles that may be dead look again. Not under the lock. */
void ipc_settle(void);
/* A new life of the holder: nothing was signalled to it yet. Not under the lock. */
void ipc_renew(struct holder *holder);

#endif
