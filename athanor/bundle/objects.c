/*
 * Objects and grants of a bundle (bundle.h). In: records that anybody may have written. Out:
 * checked ones. They are in ascending order, so that nothing is there twice and no check is
 * quadratic.
 */
#include "ipc/names.h"
#include "raw.h"

static bool is_text_before(struct bundle_text first, struct bundle_text second) {
    uint32_t common = first.size < second.size ? first.size : second.size;
    int order = __builtin_memcmp(first.data, second.data, common);
    return order < 0 || (order == 0 && first.size < second.size);
}

static bool is_messages(const struct raw_object *raw) {
    return raw->size > 0 && raw->size <= BUNDLE_MESSAGE_BYTES_MAX && raw->places > 0 &&
           raw->places <= BUNDLE_PLACES_MAX &&
           (uint64_t)(raw->size + BUNDLE_MESSAGE_EXTRA_BYTES) * raw->places <=
               BUNDLE_CHANNEL_BYTES_MAX;
}

static bool is_module(const struct bundle *bundle, uint32_t module_idx) {
    return module_idx < bundle->module_count && module_at(bundle, module_idx).version_of == 0;
}

static bool is_sized(const struct bundle *bundle, const struct raw_object *raw) {
    bool is_topic = raw->kind == CAP_TOPIC;
    if ((raw->allowed & ~BUNDLE_TOPIC_SLOW_ALL) != 0 || (raw->allowed != 0) != is_topic ||
        (raw->subscribers != 0) != is_topic || raw->subscribers > BUNDLE_MODULES_MAX)
        return false;
    switch (raw->kind) {
    case CAP_CHANNEL:
    case CAP_TOPIC:
        return is_messages(raw) && raw->owner == 0;
    case CAP_EVENT:
        return raw->size == 0 && raw->places == 0 && raw->owner == 0;
    case CAP_BUFFER:
        return raw->size > 0 && raw->size <= BUNDLE_BUFFER_PAGES_MAX && raw->places == 0 &&
               (raw->owner == 0 || is_module(bundle, raw->owner - 1));
    default:
        return false;
    }
}

enum bundle_error bundle_check_objects(const struct bundle *bundle) {
    if (!list_inside(bundle, bundle->objects_off, bundle->object_count, BUNDLE_OBJECTS_MAX,
                     sizeof(struct raw_object)))
        return BUNDLE_RANGE;
    struct bundle_text last = {"", 0};
    for (uint32_t i = 0; i < bundle->object_count; i++) {
        struct raw_object raw = raw_object_at(bundle, bundle->objects_off, i);
        TRY(bundle_check_name(bundle, raw.name));
        struct bundle_text name = text_at(bundle, raw.name);
        if (!is_text_before(last, name) || !is_sized(bundle, &raw))
            return BUNDLE_OBJECT;
        last = name;
    }
    return BUNDLE_OK;
}

static bool is_target(const struct bundle *bundle, const struct raw_grant *raw) {
    switch (raw->target) {
    case BUNDLE_TARGET_OBJECT:
        return raw->target_idx < bundle->object_count;
    case BUNDLE_TARGET_DEFAULT:
        return raw->target_idx < IPC_DEFAULT_COUNT;
    case BUNDLE_TARGET_MODULE:
        return is_module(bundle, raw->target_idx);
    default:
        return false;
    }
}

enum bundle_error bundle_check_grants(const struct bundle *bundle, const struct raw_module *raw) {
    if (raw->grant_count > raw->handles_max || (raw->version_of != 0 && raw->grant_count != 0))
        return BUNDLE_GRANT;
    if (!range_inside(bundle->bytes, raw->grants_off,
                      raw->grant_count * (uint64_t)sizeof(struct raw_grant)))
        return BUNDLE_RANGE;
    struct raw_grant last = {0};
    for (uint32_t i = 0; i < raw->grant_count; i++) {
        struct raw_grant grant = raw_grant_at(bundle, raw->grants_off, i);
        bool is_after = i == 0 || grant.target > last.target ||
                        (grant.target == last.target && grant.target_idx > last.target_idx);
        if (!is_after || !is_target(bundle, &grant) || grant.rights == 0 ||
            (grant.rights & ~(uint32_t)CAP_ALL_RIGHTS) != 0)
            return BUNDLE_GRANT;
        last = grant;
    }
    return BUNDLE_OK;
}

struct bundle_object bundle_object(const struct bundle *bundle, uint32_t object_idx) {
    struct raw_object raw = raw_object_at(bundle, bundle->objects_off, object_idx);
    struct bundle_object object = {
        .kind = (enum cap_kind)raw.kind,
        .name = text_at(bundle, raw.name),
        .size = raw.size,
        .places = raw.places,
        .subscribers = raw.subscribers,
        .allowed = raw.allowed,
        .owner_idx = raw.owner == 0 ? BUNDLE_NO_INDEX : raw.owner - 1,
    };
    return object;
}

struct bundle_grant bundle_grant(const struct bundle *bundle, const struct bundle_module *module,
                                 uint32_t grant_idx) {
    struct raw_grant raw = raw_grant_at(bundle, module->grants_off, grant_idx);
    struct bundle_grant grant = {(enum bundle_target)raw.target, raw.target_idx, raw.rights};
    return grant;
}
