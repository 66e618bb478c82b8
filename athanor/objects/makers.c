/*
 * Who makes the objects that a manifest names, by kind. In: what the manifest says, checked. Out:
 * an object with one reference.
 */
#include "objects/buffers.h"
#include "objects/events.h"
#include "objects/objects.h"
#include "objects/topics.h"

objects_make *const objects_makers[CAP_KIND_COUNT] = {
    [CAP_NOTHING] = NULL,
    [CAP_CHANNEL] = channel_object_make,
    [CAP_TOPIC] = topic_object_make,
    [CAP_EVENT] = event_object_make,
    [CAP_BUFFER] = buffers_make,
};
