/*
 * Topics: what is published reaches every subscriber, each through a channel of its own. Messages
 * carry no capabilities here: there is one of those, and many subscribers.
 *
 * A subscriber that is slower than the publishers has a full channel. What happens then it decides
 * itself when it subscribes, within what the topic's owner allows (`allowed`):
 *   BLOCKS   the publishers wait for it: nothing is published to anybody until there is room
 *   SKIPS    it does not get this message
 *   DROPS    it loses its oldest messages and gets this one
 *   LEAVES   its subscription ends; what is in its channel it can still receive
 * Whoever misses messages is told how many with the next one it receives. Nobody else misses any.
 *
 * Publishing is all or nothing: before anything is delivered, every subscriber that BLOCKS is asked
 * for room. As with channels, the caller waits (in the queue that it is told) and tries again.
 */
#ifndef ATHANOR_IPC_TOPIC_H
#define ATHANOR_IPC_TOPIC_H

#include "ipc/channel.h"

enum topic_slow { TOPIC_SLOW_BLOCKS, TOPIC_SLOW_SKIPS, TOPIC_SLOW_DROPS, TOPIC_SLOW_LEAVES };

struct topic;

/* {0} is idle. Whoever subscribes keeps it, and its channel, until it is idle again. */
struct topic_subscription {
    struct topic *topic; /* NULL: idle. It is over, too, when the topic is closed or it LEAVES */
    struct topic_subscription *next, *previous;
    struct channel *channel; /* nobody else sends to it */
    enum topic_slow slow;
};

struct topic {
    struct topic_subscription *first, *last;
    uint32_t subscriber_count, subscriber_max;
    uint32_t message_max;
    uint32_t allowed; /* bits: 1 << enum topic_slow */
    bool is_closed;
    /* For people: */
    uint64_t published, refused, missed;
};

void topic_init(struct topic *topic, uint32_t message_max, uint32_t subscriber_max,
                uint32_t allowed);

/*
 * `channel` takes messages as large as the topic's, else ALKA_E_SERVICE_ARGUMENT; as for a policy
 * that is not allowed. ALKA_E_SERVICE_LIMIT: too many subscribers. ALKA_E_CLOSED.
 */
ALKA_MUST_CHECK alka_status topic_subscribe(struct topic *topic,
                                            struct topic_subscription *subscription,
                                            struct channel *channel, enum topic_slow slow);
/* Nothing if it is idle. Publishers who wait for its channel are told. */
void topic_unsubscribe(struct topic_subscription *subscription);

/*
 * ALKA_E_WOULD_BLOCK: *out_queue is where to wait; whoever waits in another one leaves that first.
 * ALKA_E_CLOSED, ALKA_E_MESSAGE_SIZE; ALKA_E_SERVICE_ARGUMENT: the message has parcels.
 * Linear in subscribers.
 */
ALKA_MUST_CHECK alka_status topic_publish(struct topic *topic,
                                          const struct channel_message *message,
                                          struct wait_entry *entry, struct wait_queue **out_queue);

/* Ends all subscriptions; their channels are closed. Publishers who wait are told. */
void topic_close(struct topic *topic);

#endif
