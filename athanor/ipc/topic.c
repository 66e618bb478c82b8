/*
 * Topics (topic.h has the protocol). In: messages. Out: the same to every subscriber, or to nobody.
 * Must never: let a subscriber that did not ask for it hold the others up, or miss anything.
 */
#include "ipc/topic.h"
#include <stddef.h>

void topic_init(struct topic *topic, uint32_t message_max, uint32_t subscriber_max,
                uint32_t allowed) {
    *topic = (struct topic){
        .message_max = message_max, .subscriber_max = subscriber_max, .allowed = allowed};
}

alka_status topic_subscribe(struct topic *topic, struct topic_subscription *subscription,
                            struct channel *channel, enum topic_slow slow) {
    if (topic->is_closed)
        return ALKA_E_CLOSED;
    if (slow > TOPIC_SLOW_LEAVES || (topic->allowed >> slow & 1) == 0 ||
        channel->message_max < topic->message_max || subscription->topic != NULL)
        return ALKA_E_SERVICE_ARGUMENT;
    if (topic->subscriber_count == topic->subscriber_max)
        return ALKA_E_SERVICE_LIMIT;
    *subscription = (struct topic_subscription){
        .topic = topic, .previous = topic->last, .channel = channel, .slow = slow};
    if (topic->last == NULL)
        topic->first = subscription;
    else
        topic->last->next = subscription;
    topic->last = subscription;
    topic->subscriber_count++;
    return ALKA_OK;
}

static void topic_remove(struct topic *topic, struct topic_subscription *subscription) {
    if (subscription->previous == NULL)
        topic->first = subscription->next;
    else
        subscription->previous->next = subscription->next;
    if (subscription->next == NULL)
        topic->last = subscription->previous;
    else
        subscription->next->previous = subscription->previous;
    topic->subscriber_count--;
    subscription->topic = NULL;
}

void topic_unsubscribe(struct topic_subscription *subscription) {
    if (subscription->topic == NULL)
        return;
    topic_remove(subscription->topic, subscription);
    wait_wake_all(&subscription->channel->senders);
}

/* The first one that publishers have to wait for; NULL: there is none. */
static struct channel *topic_find_full(const struct topic *topic, uint32_t size,
                                       const struct wait_entry *entry) {
    for (struct topic_subscription *at = topic->first; at != NULL; at = at->next) {
        if (at->slow == TOPIC_SLOW_BLOCKS && !at->channel->is_closed &&
            !channel_has_room(at->channel, size, entry))
            return at->channel;
    }
    return NULL;
}

/* Makes room in the channel of somebody who would rather lose what is old. */
static void topic_drop(struct topic *topic, struct channel *channel, uint32_t size) {
    struct channel_parcels none; /* topics carry none */
    while (!channel_has_room(channel, size, NULL) && channel_drop_oldest(channel, &none)) {
        channel->missed++;
        topic->missed++;
    }
}

static void topic_deliver(struct topic *topic, struct topic_subscription *to,
                          const struct channel_message *message, struct wait_entry *entry) {
    if (to->slow == TOPIC_SLOW_DROPS)
        topic_drop(topic, to->channel, message->size);
    /* An entry is served by the channel in whose queue it is, and by no other. */
    bool is_waited_for = entry != NULL && entry->queue == &to->channel->senders;
    alka_status status = channel_send(to->channel, message, is_waited_for ? entry : NULL);
    if (status == ALKA_OK)
        return;
    topic->missed++;
    to->channel->missed++;
    if (status == ALKA_E_CLOSED || to->slow == TOPIC_SLOW_LEAVES) {
        topic_remove(topic, to);
        channel_close(to->channel);
    }
}

alka_status topic_publish(struct topic *topic, const struct channel_message *message,
                          struct wait_entry *entry, struct wait_queue **out_queue) {
    if (topic->is_closed)
        return ALKA_E_CLOSED;
    if (message->size > topic->message_max)
        return ALKA_E_MESSAGE_SIZE;
    if (message->parcels != NULL && message->parcels->count > 0)
        return ALKA_E_SERVICE_ARGUMENT;
    struct channel *full = topic_find_full(topic, message->size, entry);
    if (full != NULL) {
        topic->refused++;
        *out_queue = &full->senders;
        return ALKA_E_WOULD_BLOCK;
    }
    struct topic_subscription *next;
    for (struct topic_subscription *at = topic->first; at != NULL; at = next) {
        next = at->next;
        topic_deliver(topic, at, message, entry);
    }
    topic->published++;
    if (entry != NULL)
        wait_leave(entry); /* of a subscriber that has gone since */
    return ALKA_OK;
}

void topic_close(struct topic *topic) {
    topic->is_closed = true;
    struct topic_subscription *next;
    for (struct topic_subscription *at = topic->first; at != NULL; at = next) {
        next = at->next;
        topic_remove(topic, at);
        channel_close(at->channel);
    }
}
