/*
 * Events that modules hold handles of (events.h). In: bits. Out: the same, to whoever wants them.
 * It must never give a bit to two, or keep one from a module that still waits for it.
 */
#include "objects/events.h"
#include "mm/memory.h"
#include "modules/modules.h"
#include "sched/thread.h"

static void events_destroy(struct object *object) {
    struct event_object *event = (struct event_object *)object;
    uint64_t flags = threads_lock();
    ipc_unlist(&event->ipc);
    threads_unlock(flags);
    ipc_refund(event->ipc.maker, 1, 0);
    memory_give(event, sizeof *event);
}

alka_status event_object_new(struct holder *maker, struct bundle_text name,
                             struct event_object **out_event) {
    maker = ipc_payer(maker);
    ALKA_TRY(ipc_charge(maker, 1, 0));
    struct event_object *event = memory_take(sizeof *event);
    if (event == NULL) {
        ipc_refund(maker, 1, 0);
        return ALKA_E_OUT_OF_MEMORY;
    }
    object_init(&event->ipc.object, CAP_EVENT, name, events_destroy);
    uint64_t flags = threads_lock();
    ipc_list(&event->ipc, maker);
    threads_unlock(flags);
    *out_event = event;
    return ALKA_OK;
}

alka_status event_object_make(const struct bundle_object *spec, struct object **out_object) {
    struct event_object *event;
    ALKA_TRY(event_object_new(NULL, spec->name, &event));
    *out_object = &event->ipc.object;
    return ALKA_OK;
}

static alka_status events_wait_now(const struct ipc_deed *deed, struct object *object,
                                   struct ipc_place *out_place) {
    struct event *event = &((struct event_object *)object)->event;
    *out_place = (struct ipc_place){&event->waiting, object};
    return event_take(event, *(const uint64_t *)deed->order, &thread_this()->wait, deed->out);
}

alka_status event_object_wait(struct alka_context *caller, uint64_t handle, uint64_t wanted,
                              uint64_t deadline, uint64_t *out_bits) {
    uint64_t bits = 0;
    const struct ipc_deed deed = {.caller = caller,
                                  .holder = holder_of(caller),
                                  .handle = handle,
                                  .deadline = deadline,
                                  .kind = CAP_EVENT,
                                  .rights = CAP_READ,
                                  .order = &wanted,
                                  .out = &bits};
    ALKA_TRY(ipc_do(&deed, events_wait_now));
    *out_bits = bits;
    return ALKA_OK;
}

alka_status events_own(struct holder *holder, uint64_t *out_handle) {
    struct object *object;
    if (object_look(holder, holder->own_handle, CAP_EVENT, 0, &object) == ALKA_OK) {
        *out_handle = holder->own_handle;
        return ALKA_OK;
    }
    if (holder->own_event == NULL) { /* it stays for good */
        ALKA_TRY(event_object_new(NULL, holder->module->entry.name, &holder->own_event));
    }
    ALKA_TRY(object_grant(holder, &holder->own_event->ipc.object,
                          CAP_READ | CAP_WRITE | CAP_DELEGATE, out_handle));
    holder->own_handle = *out_handle;
    return ALKA_OK;
}

bool events_tell(const struct holder *holder, uint64_t bits) {
    if (holder == NULL || holder->own_event == NULL) {
        return false;
    }
    uint64_t flags = threads_lock();
    event_signal(&holder->own_event->event, bits);
    threads_unlock(flags);
    return true;
}

void events_tell_all(uint64_t bits) {
    for (uint32_t i = 0; modules_at(i) != NULL; i++) {
        const struct module *module = modules_at(i);
        if (module->of == NULL) {
            (void)events_tell(module->holder, bits);
        }
    }
}
