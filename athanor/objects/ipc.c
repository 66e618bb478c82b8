/*
 * What channels, topics and events share (ipc.h). In: threads that wait for them, and news of
 * handles that died. Out: the same threads, woken. It must never leave a thread in a queue whose
 * object is gone, or asleep with a handle that will never lead anywhere again.
 */
#include "objects/ipc.h"
#include "modules/call.h"
#include "modules/modules.h"
#include "objects/channels.h"
#include "objects/events.h"
#include "objects/topics.h"
#include "trace/trace.h"

static struct {
    struct ipc_object *first, *last;
    struct ipc_object *noted;
    bool all_noted; /* an instance has died, and with it what it had delegated */
    uint32_t next_number;
} ipc;

/* --- All of them. --- */

void ipc_list(struct ipc_object *object, struct holder *maker) {
    object->maker = maker;
    object->number = ++ipc.next_number;
    object->previous = ipc.last;
    if (ipc.last == NULL) {
        ipc.first = object;
    } else {
        ipc.last->next = object;
    }
    ipc.last = object;
}

void ipc_unlist(struct ipc_object *object) {
    if (object->previous == NULL) {
        ipc.first = object->next;
    } else {
        object->previous->next = object->next;
    }
    if (object->next == NULL) {
        ipc.last = object->previous;
    } else {
        object->next->previous = object->previous;
    }
}

struct ipc_object *ipc_next(const struct ipc_object *after) {
    return after == NULL ? ipc.first : after->next;
}

struct holder *ipc_payer(struct holder *maker) {
    return maker == NULL ? NULL : maker->payer;
}

alka_status ipc_charge(struct holder *maker, uint32_t places, uint64_t bytes) {
    if (maker == NULL) {
        return ALKA_OK;
    }
    uint32_t most = maker->module->entry.queue_places_max;
    if (maker->queue_places > most || places > most - maker->queue_places ||
        bytes > IPC_BYTES_MAX - maker->queue_bytes) {
        return ALKA_E_SERVICE_LIMIT;
    }
    maker->queue_places += places;
    maker->queue_bytes += bytes;
    return ALKA_OK;
}

void ipc_refund(struct holder *maker, uint32_t places, uint64_t bytes) {
    if (maker != NULL) {
        maker->queue_places -= places;
        maker->queue_bytes -= bytes;
    }
}

/* --- Waiting. --- */

static void ipc_wait_over(struct object *waited_for) {
    wait_leave(&thread_this()->wait);
    object_release(waited_for);
}

static void ipc_wait_at(const struct ipc_place *place) {
    object_hold(place->owner);
    wait_join(place->queue, &thread_this()->wait);
}

alka_status ipc_wait_and_do(const struct ipc_deed *deed, ipc_attempt *attempt,
                            struct ipc_place place, uint64_t flags) {
    struct object *object, *waits_for = place.owner;
    if (deed->deadline == 0) {
        threads_unlock(flags);
        return ALKA_E_WOULD_BLOCK;
    }
    ipc_wait_at(&place);
    for (;;) {
        alka_status status = call_block(deed->deadline);
        if (status == ALKA_OK) {
            status = object_look(deed->holder, deed->handle, deed->kind, deed->rights, &object);
        }
        if (status == ALKA_OK) {
            status = attempt(deed, object, &place);
        }
        if (status != ALKA_E_WOULD_BLOCK) {
            ipc_wait_over(waits_for);
            threads_unlock(flags);
            objects_settle();
            return status;
        }
        if (place.queue != thread_this()->wait.queue) {
            ipc_wait_over(waits_for);
            ipc_wait_at(&place);
            waits_for = place.owner;
        }
    }
}

alka_status ipc_do(const struct ipc_deed *deed, ipc_attempt *attempt) {
    struct object *object;
    struct ipc_place place;
    uint64_t flags = threads_lock();
    alka_status status = object_look(deed->holder, deed->handle, deed->kind, deed->rights, &object);
    if (status == ALKA_OK) {
        status = attempt(deed, object, &place);
    }
    if (status == ALKA_E_WOULD_BLOCK) {
        return ipc_wait_and_do(deed, attempt, place, flags);
    }
    threads_unlock(flags);
    return status;
}

/* --- Handles that died. --- */

void ipc_note(const struct cap_audit *record) {
    const enum cap_kind kind = record->object.kind;
    if (record->act == CAP_ACT_KILL) {
        ipc.all_noted = true;
        objects_are_unsettled = true;
    }
    bool takes_away = record->act == CAP_ACT_CLOSE || record->act == CAP_ACT_REVOKE ||
                      record->act == CAP_ACT_MOVE;
    if (!takes_away || (kind != CAP_CHANNEL && kind != CAP_TOPIC && kind != CAP_EVENT)) {
        return;
    }
    struct ipc_object *object = record->object.object;
    if (object->next_noted == NULL) {
        object->next_noted = ipc.noted == NULL ? object : ipc.noted;
        ipc.noted = object;
        objects_are_unsettled = true;
    }
}

static void ipc_wake(struct ipc_object *object) {
    if (object->object.kind == CAP_CHANNEL) {
        channel_object_wake((struct channel_object *)object);
    } else if (object->object.kind == CAP_TOPIC) {
        topic_object_wake((struct topic_object *)object);
    } else {
        wait_wake_all(&((struct event_object *)object)->event.waiting);
    }
}

/* Nobody else's threads wait with handles. */
static void ipc_wake_all(void) {
    for (struct thread *thread = thread_next(NULL); thread != NULL; thread = thread_next(thread)) {
        if (thread->wait.queue != NULL && thread->user != NULL) {
            thread->wait.wake(&thread->wait);
        }
    }
}

void ipc_settle(void) {
    if (ipc.noted == NULL && !ipc.all_noted) {
        return;
    }
    uint64_t flags = threads_lock();
    while (ipc.noted != NULL) {
        struct ipc_object *object = ipc.noted;
        ipc.noted = object->next_noted != object ? object->next_noted : NULL;
        object->next_noted = NULL;
        ipc_wake(object);
    }
    if (ipc.all_noted) {
        ipc_wake_all();
    }
    ipc.all_noted = false;
    threads_unlock(flags);
}

void ipc_renew(struct holder *holder) {
    if (holder->own_event != NULL) {
        holder->own_event->event.set = 0;
        holder->own_handle = CAP_NO_HANDLE;
    }
}
