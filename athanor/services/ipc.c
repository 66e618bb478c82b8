/*
 * Services about channels, topics and events. In: numbers from module code. Out: a status, and what
 * they point to. Ranges are looked at again after a wait: the memory may have become smaller. After
 * ALKA_E_INTERRUPTED nothing of the caller is touched.
 */
#include "services/ipc.h"
#include "modules/modules.h"
#include "objects/events.h"
#include "objects/topics.h"
#include "sched/thread.h"
#include "services/argument.h"

static const struct bundle_text ipc_no_name = {"", 0};

/* What a module that makes something may do with it. */
#define IPC_MAKERS_RIGHTS CAP_ALL_RIGHTS

/* The new object's only reference becomes the caller's handle. */
static uint32_t ipc_hand_over(struct holder *holder, struct object *object, void *out) {
    uint64_t handle;
    alka_status status = ALKA_E_INTERRUPTED; /* the holder's next life knows nothing of it */
    if (!service_is_over()) {
        status = object_grant(holder, object, IPC_MAKERS_RIGHTS, &handle);
    }
    object_drop(object);
    if (status == ALKA_OK) {
        service_put_handle(out, handle);
    }
    return (uint32_t)status;
}

/* --- Channels. --- */

uint32_t service_channel_create(uint32_t message_max, uint32_t places, uint32_t out,
                                struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_channel_create, message_max);
    void *range = service_range(caller, out, sizeof(uint64_t));
    struct channel_object *channel;
    if (range == NULL) {
        return 0;
    }
    alka_status status =
        channel_object_new(holder_of(caller), ipc_no_name, message_max, places, &channel);
    return status != ALKA_OK ? (uint32_t)status
                             : ipc_hand_over(holder_of(caller), &channel->ipc.object, range);
}

uint32_t service_channel_send(uint64_t handle, uint32_t bytes, uint32_t size, uint64_t deadline,
                              struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_channel_send, handle);
    return (uint32_t)channel_object_send(caller, handle, bytes, size,
                                         service_deadline(deadline, caller));
}

/* As sdk/include/athanor.h declares them. */
struct ipc_parcel {
    uint64_t handle;
    uint32_t rights, is_moved;
};
struct ipc_message {
    uint32_t bytes, size, parcel_count, reserved;
    struct ipc_parcel parcels[CHANNEL_PARCELS_MAX];
};

uint32_t service_channel_post(uint64_t handle, uint32_t message, uint64_t deadline,
                              struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_channel_post, handle);
    const void *range = service_range(caller, message, sizeof(struct ipc_message));
    struct ipc_message told;
    if (range == NULL) {
        return 0;
    }
    memcpy(&told, range, sizeof told);
    if (told.parcel_count > CHANNEL_PARCELS_MAX) {
        return ALKA_E_SERVICE_ARGUMENT;
    }
    struct channel_order order = {.handle = handle,
                                  .deadline = service_deadline(deadline, caller),
                                  .at = told.bytes,
                                  .size = told.size,
                                  .sending_count = told.parcel_count};
    for (uint32_t i = 0; i < told.parcel_count; i++) {
        const struct ipc_parcel *parcel = &told.parcels[i];
        order.sendings[i] = (struct cap_sending){
            .handle = parcel->handle,
            .transfer = parcel->is_moved != 0 ? CAP_TRANSFER_MOVE : CAP_TRANSFER_DERIVE,
            .rights = parcel->rights,
        };
    }
    return (uint32_t)channel_object_post(caller, &order);
}

uint32_t service_channel_receive(uint64_t handle, uint32_t into, uint32_t room, uint32_t out,
                                 uint64_t deadline, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_channel_receive, handle);
    return (uint32_t)channel_object_receive(caller, handle, into, room, out,
                                            service_deadline(deadline, caller));
}

uint32_t service_channel_close(uint64_t handle, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_channel_close, handle);
    struct object *object;
    alka_status status = object_look(holder_of(caller), handle, CAP_CHANNEL, CAP_CONTROL, &object);
    if (status == ALKA_OK) {
        uint64_t flags = threads_lock();
        channel_close(&((struct channel_object *)object)->channel);
        threads_unlock(flags);
    }
    return (uint32_t)status;
}

/* Which bits of an event modules may use. */
static bool ipc_are_modules_bits(uint64_t bits) {
    return bits != 0 && (bits & EVENT_KERNEL_BITS) == 0;
}

uint32_t service_channel_watch(uint64_t handle, uint64_t event, uint64_t bits,
                               struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_channel_watch, handle);
    struct holder *holder = holder_of(caller);
    struct object *channel, *watcher = NULL;
    alka_status status = object_look(holder, handle, CAP_CHANNEL, CAP_READ, &channel);
    if (status == ALKA_OK && event != CAP_NO_HANDLE) {
        status = object_look(holder, event, CAP_EVENT, CAP_WRITE, &watcher);
    }
    if (status == ALKA_OK && watcher != NULL && !ipc_are_modules_bits(bits)) {
        status = ALKA_E_SERVICE_ARGUMENT;
    }
    if (status == ALKA_OK) {
        uint64_t flags = threads_lock();
        channel_object_watch((struct channel_object *)channel, (struct event_object *)watcher,
                             bits);
        threads_unlock(flags);
        objects_settle();
    }
    return (uint32_t)status;
}

/* --- Topics. --- */

uint32_t service_topic_create(uint32_t terms, uint32_t out, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_topic_create, 0);
    struct topic_terms told; /* laid out as in sdk/include/athanor.h */
    const void *from = service_range(caller, terms, sizeof told);
    void *range = from == NULL ? NULL : service_range(caller, out, sizeof(uint64_t));
    struct topic_object *topic;
    if (range == NULL) {
        return 0;
    }
    memcpy(&told, from, sizeof told);
    alka_status status = topic_object_new(holder_of(caller), ipc_no_name, &told, &topic);
    return status != ALKA_OK ? (uint32_t)status
                             : ipc_hand_over(holder_of(caller), &topic->ipc.object, range);
}

uint32_t service_topic_publish(uint64_t handle, uint32_t bytes, uint32_t size, uint64_t deadline,
                               struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_topic_publish, handle);
    const struct channel_order order = {.handle = handle,
                                        .deadline = service_deadline(deadline, caller),
                                        .at = bytes,
                                        .size = size};
    return (uint32_t)topic_object_publish(caller, &order);
}

uint32_t service_topic_subscribe(uint64_t handle, uint32_t slow, uint32_t places, uint32_t out,
                                 struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_topic_subscribe, handle);
    void *range = service_range(caller, out, sizeof(uint64_t));
    uint64_t channel;
    if (range == NULL) {
        return 0;
    }
    alka_status status = topic_object_subscribe(holder_of(caller), handle, slow, places, &channel);
    if (status == ALKA_OK) {
        service_put_handle(range, channel);
    }
    return (uint32_t)status;
}

uint32_t service_topic_unsubscribe(uint64_t channel, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_topic_unsubscribe, channel);
    struct object *object;
    alka_status status = object_look(holder_of(caller), channel, CAP_CHANNEL, CAP_CONTROL, &object);
    if (status != ALKA_OK) {
        return (uint32_t)status;
    }
    struct channel_object *its = (struct channel_object *)object;
    if (its->subscription.channel == NULL) { /* not a subscriber's */
        return ALKA_E_SERVICE_ARGUMENT;
    }
    uint64_t flags = threads_lock();
    topic_unsubscribe(&its->subscription);
    channel_close(&its->channel);
    threads_unlock(flags);
    return 0;
}

uint32_t service_topic_close(uint64_t handle, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_topic_close, handle);
    struct object *object;
    alka_status status = object_look(holder_of(caller), handle, CAP_TOPIC, CAP_CONTROL, &object);
    if (status == ALKA_OK) {
        uint64_t flags = threads_lock();
        topic_close(&((struct topic_object *)object)->topic);
        threads_unlock(flags);
    }
    return (uint32_t)status;
}

/* --- Events. --- */

uint32_t service_event_create(uint32_t out, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_event_create, 0);
    void *range = service_range(caller, out, sizeof(uint64_t));
    struct event_object *event;
    if (range == NULL) {
        return 0;
    }
    alka_status status = event_object_new(holder_of(caller), ipc_no_name, &event);
    return status != ALKA_OK ? (uint32_t)status
                             : ipc_hand_over(holder_of(caller), &event->ipc.object, range);
}

uint32_t service_event_own(uint32_t out, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_event_own, 0);
    void *range = service_range(caller, out, sizeof(uint64_t));
    uint64_t handle;
    if (range == NULL) {
        return 0;
    }
    alka_status status = events_own(holder_of(caller), &handle);
    if (status == ALKA_OK) {
        service_put_handle(range, handle);
    }
    return (uint32_t)status;
}

uint32_t service_event_signal(uint64_t handle, uint64_t bits, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_event_signal, handle);
    struct object *object;
    alka_status status = object_look(holder_of(caller), handle, CAP_EVENT, CAP_WRITE, &object);
    if (status == ALKA_OK && !ipc_are_modules_bits(bits)) {
        return ALKA_E_SERVICE_ARGUMENT;
    }
    if (status == ALKA_OK) {
        uint64_t flags = threads_lock();
        event_signal(&((struct event_object *)object)->event, bits);
        threads_unlock(flags);
    }
    return (uint32_t)status;
}

uint32_t service_event_wait(uint64_t handle, uint64_t wanted, uint32_t out, uint64_t deadline,
                            struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_event_wait, handle);
    uint64_t bits;
    if (service_range(caller, out, sizeof bits) == NULL) {
        return 0;
    }
    if (wanted == 0) { /* it would never come */
        return ALKA_E_SERVICE_ARGUMENT;
    }
    alka_status status =
        event_object_wait(caller, handle, wanted, service_deadline(deadline, caller), &bits);
    if (status != ALKA_OK || service_is_over()) {
        return (uint32_t)status;
    }
    void *range = service_range(caller, out, sizeof bits);
    if (range != NULL) {
        service_put_handle(range, bits);
    }
    return 0;
}
