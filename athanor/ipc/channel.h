/*
 * Channels: bounded queues of messages, from any number of senders to any number of receivers.
 *
 * A message is bytes (0 to the channel's limit), who sent it, and up to CHANNEL_PARCELS_MAX
 * capabilities in transit. It is copied once into the channel's ring and once out of it; messages
 * arrive whole, once, in the order in which they were sent.
 *
 *   Back-pressure. A channel that is full refuses (ALKA_E_WOULD_BLOCK) and takes nothing; nothing
 *   that it took is ever dropped. It is full when it holds as many messages as it has places, or
 *   when its ring has no room for this one. An empty channel has room for the largest message.
 *
 *   Waiting is the caller's: channel_send and channel_receive never do. Who wants to wait joins
 *   `senders` or `receivers` (sched/wait.h) and tries again with its entry when woken. Whoever was
 *   there first goes first: while somebody waits, others are refused, however small their message.
 *
 *   Closing. Nobody can send any more. What is in the channel can be received; after that receivers
 *   get ALKA_E_CLOSED. All who wait are woken. The channel's memory is free when nobody waits.
 *
 * Nothing here allocates or locks: whoever hosts a channel serializes the calls. Sizes and bytes of
 * messages are hostile; senders' memory may change while it is copied, which does not matter here.
 */
#ifndef ATHANOR_IPC_CHANNEL_H
#define ATHANOR_IPC_CHANNEL_H

#include "ipc/event.h"
#include "sched/wait.h"
#include <alkahest/status.h>
#include <stdbool.h>
#include <stdint.h>

#define CHANNEL_RING_BYTES_MAX (1u << 24)
#define CHANNEL_PARCELS_MAX 4u
/* What a message takes in the ring besides its bytes, which are rounded up to as much. */
#define CHANNEL_HEADER_BYTES 32u

/* Capabilities in transit: node numbers of cap_parcel. */
struct channel_parcels {
    uint32_t count;
    uint32_t nodes[CHANNEL_PARCELS_MAX];
};

struct channel_message {
    const void *bytes;
    uint32_t size;
    uint32_t sender;                       /* as the receiver shall see it: an instance's id */
    const struct channel_parcels *parcels; /* NULL: none. The channel's, when it took the message */
};

struct channel_received {
    uint32_t size;
    uint32_t sender;
    uint64_t missed; /* what a topic could not deliver here since the last one was received */
    struct channel_parcels parcels; /* the receiver's now */
};

struct channel {
    uint8_t *ring;
    uint32_t ring_bytes; /* a power of two */
    uint32_t message_max, places;
    uint32_t count;      /* messages in it */
    uint64_t head, tail; /* bytes ever taken out and put in */
    bool is_closed;
    uint64_t missed; /* not told yet */
    struct wait_queue senders, receivers;
    struct event *watcher; /* is signalled `watched` bits whenever there is something to receive */
    uint64_t watched;
    /* For people: */
    uint64_t sent, received, refused, dropped;
};

/*
 * `ring_bytes` is a power of two up to CHANNEL_RING_BYTES_MAX in which one largest message fits;
 * the ring stays with the channel. ALKA_E_SERVICE_ARGUMENT: it is not, or places is 0.
 */
ALKA_MUST_CHECK alka_status channel_init(struct channel *channel, void *ring, uint32_t ring_bytes,
                                         uint32_t message_max, uint32_t places);

/* The smallest ring for `places` messages of `message_max` bytes; 0: there is none so large. */
uint32_t channel_ring_bytes(uint32_t message_max, uint32_t places);

/*
 * `entry`: of a caller that waits or would; NULL: of one that would not.
 * ALKA_E_CLOSED; ALKA_E_MESSAGE_SIZE: larger than the channel ever takes; ALKA_E_WOULD_BLOCK.
 */
ALKA_MUST_CHECK alka_status channel_may_send(struct channel *channel, uint32_t size,
                                             const struct wait_entry *entry);
/* The same errors; ALKA_OK: it has sent `size` bytes from `sender`, with `parcels` (NULL: none). */
ALKA_MUST_CHECK alka_status channel_put(struct channel *channel, const void *bytes, uint32_t size,
                                        uint32_t sender, const struct channel_parcels *parcels,
                                        struct wait_entry *entry);
ALKA_MUST_CHECK static inline alka_status channel_send(struct channel *channel,
                                                       const struct channel_message *message,
                                                       struct wait_entry *entry) {
    return channel_put(channel, message->bytes, message->size, message->sender, message->parcels,
                       entry);
}

/*
 * Takes the oldest message, if its bytes fit in `room` and its parcels are no more than
 * `parcel_room`; else ALKA_E_RECEIVE_SPACE, *out tells its size, sender and parcel count, and it
 * stays where it is. ALKA_E_WOULD_BLOCK, ALKA_E_CLOSED.
 */
ALKA_MUST_CHECK alka_status channel_receive(struct channel *channel, void *into, uint32_t room,
                                            uint32_t parcel_room, struct wait_entry *entry,
                                            struct channel_received *out);

/* Would channel_send with this entry be refused for lack of room only? */
bool channel_has_room(const struct channel *channel, uint32_t size, const struct wait_entry *entry);

/* Would channel_receive with this entry have to wait? */
static inline bool channel_must_wait(const struct channel *channel,
                                     const struct wait_entry *entry) {
    return channel->count == 0 ? !channel->is_closed : !wait_may_go(&channel->receivers, entry);
}

void channel_close(struct channel *channel);

/*
 * Throws the oldest message away. Its parcels are the caller's. For those who must drop: topics
 * that were told to, and the end of a channel. False: there was none.
 */
bool channel_drop_oldest(struct channel *channel, struct channel_parcels *out_parcels);

/* NULL: nobody. If something is in the channel, the watcher is told at once. */
void channel_watch(struct channel *channel, struct event *watcher, uint64_t bits);

#endif
