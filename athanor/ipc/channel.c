/*
 * Channels (channel.h has the protocol). In: messages. Out: the same messages. Must never: lose,
 * double, split or reorder one; read or write outside the ring; let one overtake another.
 */
#include "ipc/channel.h"

/* A message in the ring: this, then its bytes, rounded up to RECORD_ALIGN. */
struct record {
    uint32_t size, sender;
    struct channel_parcels parcels;
    uint32_t reserved;
};

/* As large as a record: none lies across the ring's end. */
#define RECORD_ALIGN sizeof(struct record)

_Static_assert(sizeof(struct record) == CHANNEL_HEADER_BYTES, "callers compute with it");

static uint64_t record_bytes(uint32_t size) {
    return sizeof(struct record) +
           (((uint64_t)size + RECORD_ALIGN - 1) & ~(uint64_t)(RECORD_ALIGN - 1));
}

alka_status channel_init(struct channel *channel, void *ring, uint32_t ring_bytes,
                         uint32_t message_max, uint32_t places) {
    if (ring_bytes == 0 || (ring_bytes & (ring_bytes - 1)) != 0 ||
        ring_bytes > CHANNEL_RING_BYTES_MAX || places == 0 ||
        record_bytes(message_max) > ring_bytes)
        return ALKA_E_SERVICE_ARGUMENT;
    *channel = (struct channel){
        .ring = ring, .ring_bytes = ring_bytes, .message_max = message_max, .places = places};
    return ALKA_OK;
}

uint32_t channel_ring_bytes(uint32_t message_max, uint32_t places) {
    uint64_t largest = record_bytes(message_max);
    if (places == 0 || places > CHANNEL_RING_BYTES_MAX / largest)
        return 0;
    return 1u << (64 - __builtin_clzll(largest * places - 1));
}

/* --- The ring: counters run on, their low bits are places in it. --- */

static struct record *ring_record(const struct channel *channel, uint64_t at) {
    return (struct record *)(void *)(channel->ring + ((uint32_t)at & (channel->ring_bytes - 1)));
}

static void ring_write(struct channel *channel, uint64_t at, const void *bytes, uint32_t size) {
    uint32_t start = (uint32_t)at & (channel->ring_bytes - 1);
    uint32_t before_end = channel->ring_bytes - start;
    uint32_t first = size < before_end ? size : before_end;
    __builtin_memcpy(channel->ring + start, bytes, first);
    if (first < size)
        __builtin_memcpy(channel->ring, (const uint8_t *)bytes + first, size - first);
}

static void ring_read(const struct channel *channel, uint64_t at, void *bytes, uint32_t size) {
    uint32_t start = (uint32_t)at & (channel->ring_bytes - 1);
    uint32_t before_end = channel->ring_bytes - start;
    uint32_t first = size < before_end ? size : before_end;
    __builtin_memcpy(bytes, channel->ring + start, first);
    if (first < size)
        __builtin_memcpy((uint8_t *)bytes + first, channel->ring, size - first);
}

static bool ring_has_room(const struct channel *channel, uint32_t size) {
    uint64_t used = channel->tail - channel->head;
    return channel->count < channel->places && record_bytes(size) <= channel->ring_bytes - used;
}

static void ring_advance(struct channel *channel, uint32_t size) {
    channel->head += record_bytes(size);
    channel->count--;
}

/* --- Messages. --- */

/* The next sender in line may go on, if there is room for anything at all. */
static void channel_call_senders(struct channel *channel) {
    if (channel->senders.first != NULL && ring_has_room(channel, 0))
        wait_wake(&channel->senders);
}

static void channel_call_receivers(struct channel *channel) {
    if (channel->count == 0)
        return;
    wait_wake(&channel->receivers);
    if (channel->watcher != NULL)
        event_signal(channel->watcher, channel->watched);
}

bool channel_has_room(const struct channel *channel, uint32_t size,
                      const struct wait_entry *entry) {
    return wait_may_go(&channel->senders, entry) && ring_has_room(channel, size);
}

alka_status channel_may_send(struct channel *channel, uint32_t size,
                             const struct wait_entry *entry) {
    if (channel->is_closed)
        return ALKA_E_CLOSED;
    if (size > channel->message_max)
        return ALKA_E_MESSAGE_SIZE;
    if (channel_has_room(channel, size, entry))
        return ALKA_OK;
    channel->refused++;
    return ALKA_E_WOULD_BLOCK;
}

alka_status channel_put(struct channel *channel, const void *bytes, uint32_t size, uint32_t sender,
                        const struct channel_parcels *parcels, struct wait_entry *entry) {
    ALKA_TRY(channel_may_send(channel, size, entry));
    uint64_t at = channel->tail;
    struct record *record = ring_record(channel, at);
    record->size = size;
    record->sender = sender;
    record->parcels.count = 0;
    if (parcels != NULL)
        record->parcels = *parcels;
    channel->tail = at + record_bytes(size);
    channel->count++;
    channel->sent++;
    ring_write(channel, at + sizeof *record, bytes, size);
    if (entry != NULL)
        wait_served(entry);
    channel_call_senders(channel);
    channel_call_receivers(channel);
    return ALKA_OK;
}

alka_status channel_receive(struct channel *channel, void *into, uint32_t room,
                            uint32_t parcel_room, struct wait_entry *entry,
                            struct channel_received *out) {
    if (channel->count == 0)
        return channel->is_closed ? ALKA_E_CLOSED : ALKA_E_WOULD_BLOCK;
    if (!wait_may_go(&channel->receivers, entry))
        return ALKA_E_WOULD_BLOCK;
    const struct record *record = ring_record(channel, channel->head);
    out->size = record->size;
    out->sender = record->sender;
    out->missed = channel->missed;
    out->parcels.count = record->parcels.count;
    for (uint32_t i = 0; i < record->parcels.count; i++)
        out->parcels.nodes[i] = record->parcels.nodes[i];
    if (out->size > room || out->parcels.count > parcel_room)
        return ALKA_E_RECEIVE_SPACE;
    ring_read(channel, channel->head + sizeof *record, into, out->size);
    ring_advance(channel, out->size);
    channel->missed = 0;
    channel->received++;
    if (entry != NULL)
        wait_served(entry);
    channel_call_senders(channel);
    channel_call_receivers(channel);
    return ALKA_OK;
}

void channel_close(struct channel *channel) {
    channel->is_closed = true;
    wait_wake_all(&channel->senders);
    wait_wake_all(&channel->receivers);
    if (channel->watcher != NULL)
        event_signal(channel->watcher, channel->watched);
}

bool channel_drop_oldest(struct channel *channel, struct channel_parcels *out_parcels) {
    if (channel->count == 0)
        return false;
    const struct record *record = ring_record(channel, channel->head);
    *out_parcels = record->parcels;
    ring_advance(channel, record->size);
    channel->dropped++;
    channel_call_senders(channel);
    return true;
}

void channel_watch(struct channel *channel, struct event *watcher, uint64_t bits) {
    channel->watcher = watcher;
    channel->watched = bits;
    if (watcher != NULL && (channel->count > 0 || channel->is_closed))
        event_signal(watcher, bits);
}
