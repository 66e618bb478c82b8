/*
 * Topics that modules hold handles of (topics.h). In: messages. Out: the same, in subscribers'
 * channels. It must never let a module hold the kernel up.
 */
#include "objects/topics.h"
#include "mm/memory.h"
#include "modules/modules.h"
#include "sched/thread.h"
#include "services/argument.h"

#define TOPIC_SLOW_ALL 15u

static struct topic_object *topics_of(struct object *object) {
    return (struct topic_object *)object;
}

static void topics_destroy(struct object *object) {
    struct topic_object *topic = topics_of(object);
    uint64_t flags = threads_lock();
    topic_close(&topic->topic);
    ipc_unlist(&topic->ipc);
    threads_unlock(flags);
    ipc_refund(topic->ipc.maker, topic->topic.subscriber_max, 0);
    memory_give(topic, sizeof *topic);
}

alka_status topic_object_new(struct holder *maker, struct bundle_text name,
                             const struct topic_terms *terms, struct topic_object **out_topic) {
    if (terms->subscriber_max == 0 || terms->allowed == 0 ||
        (terms->allowed & ~TOPIC_SLOW_ALL) != 0 ||
        channel_ring_bytes(terms->message_max, terms->places) == 0) {
        return ALKA_E_SERVICE_ARGUMENT;
    }
    maker = ipc_payer(maker);
    ALKA_TRY(ipc_charge(maker, terms->subscriber_max, 0));
    struct topic_object *topic = memory_take(sizeof *topic);
    if (topic == NULL) {
        ipc_refund(maker, terms->subscriber_max, 0);
        return ALKA_E_OUT_OF_MEMORY;
    }
    topic_init(&topic->topic, terms->message_max, terms->subscriber_max, terms->allowed);
    topic->places = terms->places;
    object_init(&topic->ipc.object, CAP_TOPIC, name, topics_destroy);
    uint64_t flags = threads_lock();
    ipc_list(&topic->ipc, maker);
    threads_unlock(flags);
    *out_topic = topic;
    return ALKA_OK;
}

alka_status topic_object_make(const struct bundle_object *spec, struct object **out_object) {
    const struct topic_terms terms = {.message_max = spec->size,
                                      .subscriber_max = spec->subscribers,
                                      .allowed = spec->allowed,
                                      .places = spec->places};
    struct topic_object *topic;
    ALKA_TRY(topic_object_new(NULL, spec->name, &terms, &topic));
    *out_object = &topic->ipc.object;
    return ALKA_OK;
}

/* Publishers wait in the queue of a subscriber's channel. */
static struct object *topics_owner_of(struct wait_queue *senders) {
    struct channel_object *channel =
        (struct channel_object *)((char *)senders -
                                  offsetof(struct channel_object, channel.senders));
    return &channel->ipc.object;
}

static alka_status topics_publish_now(const struct ipc_deed *deed, struct object *object,
                                      struct ipc_place *out_place) {
    struct topic_object *topic = topics_of(object);
    const struct channel_order *order = deed->order;
    const struct channel_message message = {.bytes =
                                                service_range(deed->caller, order->at, order->size),
                                            .size = order->size,
                                            .sender = ipc_sender(deed->holder)};
    if (message.bytes == NULL) {
        return ALKA_E_INTERRUPTED;
    }
    alka_status status =
        topic_publish(&topic->topic, &message, &thread_this()->wait, &out_place->queue);
    if (status == ALKA_E_WOULD_BLOCK) {
        out_place->owner = topics_owner_of(out_place->queue);
    } else if (status == ALKA_OK) {
        ipc_sent(deed->holder, &topic->ipc, message.size);
    }
    return status;
}

alka_status topic_object_publish(struct alka_context *caller, const struct channel_order *order) {
    const struct ipc_deed deed = {.caller = caller,
                                  .holder = holder_of(caller),
                                  .handle = order->handle,
                                  .deadline = order->deadline,
                                  .kind = CAP_TOPIC,
                                  .rights = CAP_WRITE,
                                  .order = order};
    return ipc_do(&deed, topics_publish_now);
}

static alka_status topics_join(struct holder *holder, uint64_t handle, uint32_t slow,
                               struct channel_object *channel, uint64_t *out_channel) {
    struct object *object; /* again: memory for the channel may have taken a while */
    ALKA_TRY(object_look(holder, handle, CAP_TOPIC, CAP_READ, &object));
    uint64_t flags = threads_lock();
    alka_status status = topic_subscribe(&topics_of(object)->topic, &channel->subscription,
                                         &channel->channel, (enum topic_slow)slow);
    threads_unlock(flags);
    if (status != ALKA_OK) {
        return status;
    }
    return object_grant(holder, &channel->ipc.object,
                        CAP_READ | CAP_CONTROL | CAP_DELEGATE | CAP_MOVE, out_channel);
}

alka_status topic_object_subscribe(struct holder *holder, uint64_t handle, uint32_t slow,
                                   uint32_t places, uint64_t *out_channel) {
    struct object *object;
    struct channel_object *channel;
    const struct bundle_text no_name = {"", 0};
    ALKA_TRY(object_look(holder, handle, CAP_TOPIC, CAP_READ, &object));
    const struct topic_object *topic = topics_of(object);
    ALKA_TRY(channel_object_new(holder, no_name, topic->topic.message_max,
                                places == 0 ? topic->places : places, &channel));
    alka_status status = topics_join(holder, handle, slow, channel, out_channel);
    object_drop(&channel->ipc.object); /* the handle's reference remains, if there is one */
    return status;
}

void topic_object_wake(struct topic_object *topic) {
    for (struct topic_subscription *at = topic->topic.first; at != NULL; at = at->next) {
        wait_wake_all(&at->channel->senders);
    }
}

void topics_tell(enum ipc_default_id id, const void *bytes, uint32_t size) {
    struct object *object;
    if (!objects_at(id, &object) || object == NULL) {
        return;
    }
    const struct channel_message message = {
        .bytes = bytes, .size = size, .sender = IPC_SENDER_KERNEL};
    struct wait_queue *queue;
    uint64_t flags = threads_lock();
    alka_status status = topic_publish(&topics_of(object)->topic, &message, NULL, &queue);
    (void)status; /* the defaults drop, and take messages of this size */
    threads_unlock(flags);
}
