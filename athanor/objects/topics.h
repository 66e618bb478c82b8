/*
 * Topics as objects of the kernel: ipc/topic.h with memory, subscribers' channels and publishers
 * that wait. Under the threads' lock, if nothing else is said.
 */
#ifndef ATHANOR_OBJECTS_TOPICS_H
#define ATHANOR_OBJECTS_TOPICS_H

#include "ipc/topic.h"
#include "objects/channels.h"

struct topic_object {
    struct ipc_object ipc; /* the first member */
    struct topic topic;
    uint32_t places; /* of a subscriber that does not say how many */
};

struct topic_terms {
    uint32_t message_max, subscriber_max;
    uint32_t allowed; /* bits: 1 << enum topic_slow */
    uint32_t places;
};

/* For objects_makers. Not under the lock. */
alka_status topic_object_make(const struct bundle_object *spec, struct object **out_object);

/*
 * With one reference. Not under the lock. It counts as one place of a queue for each subscriber.
 * ALKA_E_SERVICE_ARGUMENT, ALKA_E_SERVICE_LIMIT, ALKA_E_OUT_OF_MEMORY.
 */
ALKA_MUST_CHECK alka_status topic_object_new(struct holder *maker, struct bundle_text name,
                                             const struct topic_terms *terms,
                                             struct topic_object **out_topic);

/* To all subscribers or to nobody; waits for those whom publishers wait for. Not under the lock. */
alka_status topic_object_publish(struct alka_context *caller, const struct channel_order *order);

/* A channel, which the holder pays for, subscribed to the topic of a handle; it can be read only.
 * `places` 0: as many as the topic says. Not under the lock. */
ALKA_MUST_CHECK alka_status topic_object_subscribe(struct holder *holder, uint64_t handle,
                                                   uint32_t slow, uint32_t places,
                                                   uint64_t *out_channel);

/* Whoever waits to publish looks again. */
void topic_object_wake(struct topic_object *topic);

/* The kernel publishes; nobody holds it up. Not under the lock, nor in exception handlers. */
void topics_tell(enum ipc_default_id id, const void *bytes, uint32_t size);

#endif
