/*
 * Channels as objects of the kernel: ipc/channel.h with memory, payers, capabilities in transit and
 * threads that wait. Under the threads' lock, if nothing else is said.
 *
 *   What keeps what. A channel whose root capability is on its way in a message is kept by that
 *   message. A channel that keeps others in this way cannot itself be sent so, nor can one that is
 *   on its way take others in: so none ends up keeping itself. Derived capabilities keep nothing,
 *   and travel freely.
 */
#ifndef ATHANOR_OBJECTS_CHANNELS_H
#define ATHANOR_OBJECTS_CHANNELS_H

#include "ipc/channel.h"
#include "ipc/topic.h"
#include "objects/ipc.h"

struct event_object;

struct channel_object {
    struct ipc_object ipc; /* the first member */
    struct channel channel;
    struct topic_subscription subscription; /* of a subscriber's channel; else idle for good */
    struct event_object *watcher;           /* has a reference; NULL: nobody */
    uint32_t carries;                       /* root capabilities of channels in its messages */
    uint32_t is_carried;                    /* its own in messages */
};

/* What a module gets to know of a message, in its memory; the SDK's struct athanor_received. */
struct channel_news {
    uint32_t size, sender;
    uint64_t missed;
    uint32_t handle_count, reserved;
    uint64_t handles[CHANNEL_PARCELS_MAX];
};

/* For objects_makers. Not under the lock. */
alka_status channel_object_make(const struct bundle_object *spec, struct object **out_object);

/*
 * With one reference. Not under the lock. ALKA_E_SERVICE_ARGUMENT: there is no such channel;
 * ALKA_E_SERVICE_LIMIT, ALKA_E_OUT_OF_MEMORY.
 */
ALKA_MUST_CHECK alka_status channel_object_new(struct holder *maker, struct bundle_text name,
                                               uint32_t message_max, uint32_t places,
                                               struct channel_object **out_channel);

/* What a module sends, and to whom; the bytes are in its memory. */
struct channel_order {
    uint64_t handle, deadline;
    uint32_t at, size;
    uint32_t sending_count;
    struct cap_sending sendings[CHANNEL_PARCELS_MAX];
};

/*
 * The message, once or not at all: waits for room until the deadline. The caller traps if its
 * memory has no such range. Not under the lock.
 */
alka_status channel_object_post(struct alka_context *caller, const struct channel_order *order);
/* The same without capabilities: `size` bytes at `at`. */
alka_status channel_object_send(struct alka_context *caller, uint64_t handle, uint32_t at,
                                uint32_t size, uint64_t deadline);
/*
 * A message of at most `size` bytes goes to `at`, and a struct channel_news to `news_at`: on
 * success, with as many handles as there are; of ALKA_E_RECEIVE_SPACE and ALKA_E_HANDLE_LIMIT only
 * size and sender. The caller traps if its memory has no such ranges. Not under the lock.
 */
alka_status channel_object_receive(struct alka_context *caller, uint64_t handle, uint32_t at,
                                   uint32_t size, uint32_t news_at, uint64_t deadline);

/* For a thread of the kernel: the oldest message, whenever there is one; its capabilities are
 * dropped. Not under the lock. ALKA_E_CLOSED, ALKA_E_RECEIVE_SPACE. */
ALKA_MUST_CHECK alka_status channel_object_take(struct channel_object *from, void *into,
                                                uint32_t room, struct channel_received *out);

/* `event` gets a reference; NULL: nobody is told any more. Then objects_settle. */
void channel_object_watch(struct channel_object *channel, struct event_object *event,
                          uint64_t bits);
/* Whoever waits for it looks again. */
void channel_object_wake(struct channel_object *channel);

#endif
