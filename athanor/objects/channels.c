/*
 * Channels that modules hold handles of (channels.h). In: handles and ranges of the callers'
 * memory. Out: messages, each to one receiver. It must never touch a caller's memory after a wait
 * that ended its call, nor keep what only its messages refer to.
 */
#include "objects/channels.h"
#include "mm/memory.h"
#include "modules/call.h"
#include "modules/modules.h"
#include "objects/events.h"
#include "services/argument.h"

/* Larger rings are mapped page by page. */
#define CHANNELS_HEAP_BYTES_MAX 65536u

/* --- Memory. --- */

static void *channels_take_ring(uint32_t bytes) {
    if (bytes <= CHANNELS_HEAP_BYTES_MAX) {
        return memory_take(bytes);
    }
    void *ring;
    return memory_map_pages(bytes, &ring) == ALKA_OK ? ring : NULL;
}

static void channels_give_ring(void *ring, uint32_t bytes) {
    if (bytes <= CHANNELS_HEAP_BYTES_MAX) {
        memory_give(ring, bytes);
    } else {
        memory_unmap_pages(ring, bytes);
    }
}

/* --- Parcels. --- */

/* The channel that this parcel of a message keeps; NULL: it keeps none. */
static struct channel_object *channels_kept_by(struct cap_parcel parcel) {
    const struct cap_object *root = cap_parcel_root(&objects_space, parcel);
    return root != NULL && root->kind == CAP_CHANNEL ? root->object : NULL;
}

/* It leaves a message of `from`, to wherever it goes. */
static void channels_parcel_leaves(struct channel_object *from, struct cap_parcel parcel) {
    struct channel_object *kept = channels_kept_by(parcel);
    if (kept != NULL) {
        kept->is_carried--;
        from->carries--;
    }
}

static void channels_discard(struct channel_object *from, const struct channel_parcels *parcels) {
    for (uint32_t i = 0; i < parcels->count; i++) {
        struct cap_parcel parcel = {parcels->nodes[i]};
        channels_parcel_leaves(from, parcel);
        cap_discard(&objects_space, parcel);
    }
}

/* Would something keep itself? */
static bool channels_may_carry(struct holder *holder, const struct channel_object *to,
                               const struct cap_sending *sending) {
    const struct cap_object *root = cap_root(&holder->table, sending->handle);
    if (sending->transfer != CAP_TRANSFER_MOVE || root == NULL || root->kind != CAP_CHANNEL) {
        return true;
    }
    const struct channel_object *kept = root->object;
    return kept != to && kept->carries == 0 && to->is_carried == 0;
}

static alka_status channels_pack(struct holder *holder, struct channel_object *to,
                                 const struct channel_order *order, struct channel_parcels *out) {
    struct cap_parcel parcels[CHANNEL_PARCELS_MAX];
    for (uint32_t i = 0; i < order->sending_count; i++) {
        if (!channels_may_carry(holder, to, &order->sendings[i])) {
            return ALKA_E_SERVICE_ARGUMENT;
        }
    }
    ALKA_TRY(cap_send_all(&holder->table, order->sendings, order->sending_count, parcels));
    out->count = order->sending_count;
    for (uint32_t i = 0; i < out->count; i++) {
        out->nodes[i] = parcels[i].node;
        struct channel_object *kept = channels_kept_by(parcels[i]);
        if (kept != NULL) {
            kept->is_carried++;
            to->carries++;
        }
    }
    return ALKA_OK;
}

/* The caller's memory, which need not be aligned. */
struct channels_news {
    struct channel_news news;
} __attribute__((packed));

/* Those that were revoked on their way are CAP_NO_HANDLE. The holder has room for all. */
static void channels_unpack(struct holder *holder, struct channel_object *from,
                            const struct channel_parcels *parcels, struct channels_news *out) {
    for (uint32_t i = 0; i < parcels->count; i++) {
        struct cap_parcel parcel = {parcels->nodes[i]};
        channels_parcel_leaves(from, parcel);
        uint64_t handle = CAP_NO_HANDLE;
        if (cap_accept(&objects_space, parcel, &holder->table, &handle) != ALKA_OK) {
            cap_discard(&objects_space, parcel);
        }
        out->news.handles[i] = handle;
    }
}

/* --- Lives. --- */

static void channels_destroy(struct object *object) {
    struct channel_object *channel = (struct channel_object *)object;
    struct channel_parcels parcels;
    uint64_t flags = threads_lock();
    topic_unsubscribe(&channel->subscription);
    channel_object_watch(channel, NULL, 0);
    while (channel_drop_oldest(&channel->channel, &parcels)) {
        channels_discard(channel, &parcels);
    }
    ipc_unlist(&channel->ipc);
    threads_unlock(flags);
    ipc_refund(channel->ipc.maker, channel->channel.places, channel->channel.ring_bytes);
    channels_give_ring(channel->channel.ring, channel->channel.ring_bytes);
    memory_give(channel, sizeof *channel);
}

static alka_status channels_build(uint32_t ring_bytes, uint32_t message_max, uint32_t places,
                                  struct channel_object **out_channel) {
    struct channel_object *channel = memory_take(sizeof *channel);
    void *ring = channels_take_ring(ring_bytes);
    alka_status status = ALKA_E_OUT_OF_MEMORY;
    if (channel != NULL && ring != NULL) {
        status = channel_init(&channel->channel, ring, ring_bytes, message_max, places);
    }
    if (status == ALKA_OK) {
        *out_channel = channel;
        return ALKA_OK;
    }
    if (ring != NULL) {
        channels_give_ring(ring, ring_bytes);
    }
    memory_give(channel, sizeof *channel);
    return status;
}

alka_status channel_object_new(struct holder *maker, struct bundle_text name, uint32_t message_max,
                               uint32_t places, struct channel_object **out_channel) {
    uint32_t ring_bytes = channel_ring_bytes(message_max, places);
    if (ring_bytes == 0) {
        return ALKA_E_SERVICE_ARGUMENT;
    }
    maker = ipc_payer(maker);
    ALKA_TRY(ipc_charge(maker, places, ring_bytes));
    alka_status status = channels_build(ring_bytes, message_max, places, out_channel);
    if (status != ALKA_OK) {
        ipc_refund(maker, places, ring_bytes);
        return status;
    }
    object_init(&(*out_channel)->ipc.object, CAP_CHANNEL, name, channels_destroy);
    uint64_t flags = threads_lock();
    ipc_list(&(*out_channel)->ipc, maker);
    threads_unlock(flags);
    return ALKA_OK;
}

alka_status channel_object_make(const struct bundle_object *spec, struct object **out_object) {
    struct channel_object *channel;
    ALKA_TRY(channel_object_new(NULL, spec->name, spec->size, spec->places, &channel));
    *out_object = &channel->ipc.object;
    return ALKA_OK;
}

/* --- Messages. --- */

/* Bytes of the caller's, and capabilities that are in transit already (NULL: none). */
static inline alka_status channels_put(struct alka_context *caller, struct holder *holder,
                                       struct channel_object *to, uint32_t at, uint32_t size,
                                       const struct channel_parcels *parcels) {
    const void *bytes = service_range(caller, at, size);
    if (bytes == NULL) {
        return ALKA_E_INTERRUPTED;
    }
    ALKA_TRY(
        channel_put(&to->channel, bytes, size, ipc_sender(holder), parcels, &thread_this()->wait));
    ipc_sent(holder, &to->ipc, size);
    return ALKA_OK;
}

static alka_status channels_send_now(const struct ipc_deed *deed, struct object *object,
                                     struct ipc_place *out_place) {
    struct channel_object *to = (struct channel_object *)object;
    const struct channel_order *order = deed->order;
    *out_place = (struct ipc_place){&to->channel.senders, object};
    return channels_put(deed->caller, deed->holder, to, order->at, order->size, NULL);
}

static alka_status channels_post_now(const struct ipc_deed *deed, struct object *object,
                                     struct ipc_place *out_place) {
    struct channel_object *to = (struct channel_object *)object;
    const struct channel_order *order = deed->order;
    struct channel_parcels parcels;
    *out_place = (struct ipc_place){&to->channel.senders, object};
    if (service_range(deed->caller, order->at, order->size) == NULL) {
        return ALKA_E_INTERRUPTED;
    }
    ALKA_TRY(channel_may_send(&to->channel, order->size, &thread_this()->wait));
    ALKA_TRY(channels_pack(deed->holder, to, order, &parcels));
    return channels_put(deed->caller, deed->holder, to, order->at, order->size, &parcels);
}

static struct ipc_deed channels_deed(struct alka_context *caller, const struct channel_order *order,
                                     uint32_t rights) {
    return (struct ipc_deed){.caller = caller,
                             .holder = holder_of(caller),
                             .handle = order->handle,
                             .deadline = order->deadline,
                             .kind = CAP_CHANNEL,
                             .rights = rights,
                             .order = order};
}

alka_status channel_object_post(struct alka_context *caller, const struct channel_order *order) {
    const struct ipc_deed deed = channels_deed(caller, order, CAP_WRITE);
    return ipc_do(&deed, channels_post_now);
}

/* What follows is split: what a message costs, and what it costs to wait before. */

static __attribute__((noinline)) alka_status
channels_wait_and_send(struct alka_context *caller, uint64_t handle, uint32_t at, uint32_t size,
                       uint64_t deadline, struct channel_object *to, uint64_t flags) {
    struct channel_order order;
    order.handle = handle;
    order.deadline = deadline;
    order.at = at;
    order.size = size;
    const struct ipc_deed deed = channels_deed(caller, &order, CAP_WRITE);
    const struct ipc_place place = {&to->channel.senders, &to->ipc.object};
    return ipc_wait_and_do(&deed, channels_send_now, place, flags);
}

alka_status channel_object_send(struct alka_context *caller, uint64_t handle, uint32_t at,
                                uint32_t size, uint64_t deadline) {
    struct holder *holder = holder_of(caller);
    struct object *object;
    uint64_t flags = threads_lock();
    alka_status status = object_look(holder, handle, CAP_CHANNEL, CAP_WRITE, &object);
    if (status == ALKA_OK) {
        struct channel_object *to = (struct channel_object *)object;
        status = channels_put(caller, holder, to, at, size, NULL);
        if (status == ALKA_E_WOULD_BLOCK) {
            return channels_wait_and_send(caller, handle, at, size, deadline, to, flags);
        }
    }
    threads_unlock(flags);
    return status;
}

/* Where a message goes, in the caller's memory. */
struct channels_room {
    uint32_t at, size, news_at;
};

static alka_status channels_get(struct alka_context *caller, struct holder *holder,
                                struct channel_object *from, struct channels_room room) {
    struct channel_received received;
    void *into = service_range(caller, room.at, room.size);
    struct channels_news *out =
        into == NULL ? NULL : service_range(caller, room.news_at, sizeof *out);
    if (out == NULL) {
        return ALKA_E_INTERRUPTED;
    }
    alka_status status = channel_receive(&from->channel, into, room.size,
                                         cap_room(&holder->table, CHANNEL_PARCELS_MAX),
                                         &thread_this()->wait, &received);
    if (status != ALKA_OK && status != ALKA_E_RECEIVE_SPACE) {
        return status;
    }
    out->news.size = received.size;
    out->news.sender = received.sender;
    if (status != ALKA_OK) {
        return received.size > room.size ? status : ALKA_E_HANDLE_LIMIT;
    }
    ipc_received(holder, &from->ipc, received.size);
    out->news.missed = received.missed;
    out->news.handle_count = received.parcels.count;
    if (received.parcels.count > 0) {
        channels_unpack(holder, from, &received.parcels, out);
    }
    return ALKA_OK;
}

static alka_status channels_receive_now(const struct ipc_deed *deed, struct object *object,
                                        struct ipc_place *out_place) {
    struct channel_object *from = (struct channel_object *)object;
    *out_place = (struct ipc_place){&from->channel.receivers, object};
    return channels_get(deed->caller, deed->holder, from,
                        *(const struct channels_room *)deed->order);
}

static __attribute__((noinline)) alka_status
channels_wait_and_receive(struct alka_context *caller, uint64_t handle, struct channels_room room,
                          uint64_t deadline, struct channel_object *from, uint64_t flags) {
    const struct ipc_deed deed = {.caller = caller,
                                  .holder = holder_of(caller),
                                  .handle = handle,
                                  .deadline = deadline,
                                  .kind = CAP_CHANNEL,
                                  .rights = CAP_READ,
                                  .order = &room};
    const struct ipc_place place = {&from->channel.receivers, &from->ipc.object};
    return ipc_wait_and_do(&deed, channels_receive_now, place, flags);
}

/* Does the caller wait, rather than trap, or receive now? */
static inline bool channels_has_to_wait(const struct alka_context *caller,
                                        const struct channel_object *from,
                                        struct channels_room room) {
    return channel_must_wait(&from->channel, &thread_this()->wait) &&
           alka_guest_bytes(caller, room.at, room.size) != NULL &&
           alka_guest_bytes(caller, room.news_at, sizeof(struct channel_news)) != NULL;
}

alka_status channel_object_receive(struct alka_context *caller, uint64_t handle, uint32_t at,
                                   uint32_t size, uint32_t news_at, uint64_t deadline) {
    const struct channels_room room = {at, size, news_at};
    struct holder *holder = holder_of(caller);
    struct object *object;
    uint64_t flags = threads_lock();
    alka_status status = object_look(holder, handle, CAP_CHANNEL, CAP_READ, &object);
    if (status == ALKA_OK) {
        struct channel_object *from = (struct channel_object *)object;
        if (channels_has_to_wait(caller, from, room)) {
            return channels_wait_and_receive(caller, handle, room, deadline, from, flags);
        }
        status = channels_get(caller, holder, from, room);
    }
    threads_unlock(flags);
    return status;
}

/* --- The kernel reads. --- */

alka_status channel_object_take(struct channel_object *from, void *into, uint32_t room,
                                struct channel_received *out) {
    struct wait_entry *entry = &thread_this()->wait;
    uint64_t flags = threads_lock();
    alka_status status =
        channel_receive(&from->channel, into, room, CHANNEL_PARCELS_MAX, entry, out);
    while (status == ALKA_E_WOULD_BLOCK) {
        wait_join(&from->channel.receivers, entry);
        status = thread_block(SCHED_NEVER);
        if (status == ALKA_OK) {
            status = channel_receive(&from->channel, into, room, CHANNEL_PARCELS_MAX, entry, out);
        }
    }
    wait_leave(entry);
    if (status == ALKA_OK) {
        channels_discard(from, &out->parcels);
    }
    threads_unlock(flags);
    objects_settle();
    return status;
}

/* --- Who is told. --- */

void channel_object_watch(struct channel_object *channel, struct event_object *event,
                          uint64_t bits) {
    struct event_object *before = channel->watcher;
    if (event != NULL) {
        object_hold(&event->ipc.object);
    }
    channel->watcher = event;
    channel_watch(&channel->channel, event != NULL ? &event->event : NULL, bits);
    if (before != NULL) {
        object_release(&before->ipc.object);
    }
}

void channel_object_wake(struct channel_object *channel) {
    wait_wake_all(&channel->channel.senders);
    wait_wake_all(&channel->channel.receivers);
}
