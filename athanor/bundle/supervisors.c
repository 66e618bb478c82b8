/*
 * Supervisors in a bundle (bundle.h has the layout). In: records that anybody may have written.
 * Out: entries that form one tree, or an error. Must never let a supervisor through that is not
 * behind its parent: that is why there are no circles.
 */
#include "raw.h"

/* Modules and supervisors are called by name in the same places. */
static bool is_duplicate(const struct bundle *bundle, struct bundle_text name, uint32_t idx) {
    for (uint32_t i = 0; i < idx; i++) {
        if (same_text(text_at(bundle, raw_supervisor_at(bundle, bundle->supervisors_off, i).name),
                      name))
            return true;
    }
    for (uint32_t i = 0; i < bundle->module_count; i++) {
        if (same_text(text_at(bundle, module_at(bundle, i).name), name))
            return true;
    }
    return false;
}

static bool is_possible(const struct bundle *bundle, const struct raw_supervisor *raw,
                        uint32_t idx) {
    bool is_placed = idx == 0 ? raw->parent_idx == 0 : raw->parent_idx < idx;
    return is_placed && raw->before_module <= bundle->module_count &&
           raw->strategy <= BUNDLE_REST_FOR_ONE && raw->restart <= BUNDLE_TEMPORARY &&
           raw->intensity <= BUNDLE_INTENSITY_MAX && raw->period_ms > 0 &&
           raw->period_ms <= BUNDLE_MS_MAX && raw->backoff_ms <= raw->backoff_max_ms &&
           raw->backoff_max_ms <= BUNDLE_MS_MAX;
}

enum bundle_error bundle_check_supervisors(const struct bundle *bundle) {
    if (!list_inside(bundle, bundle->supervisors_off, bundle->supervisor_count,
                     BUNDLE_SUPERVISORS_MAX, sizeof(struct raw_supervisor)))
        return BUNDLE_RANGE;
    for (uint32_t i = 0; i < bundle->supervisor_count; i++) {
        struct raw_supervisor raw = raw_supervisor_at(bundle, bundle->supervisors_off, i);
        TRY(bundle_check_name(bundle, raw.name));
        if (is_duplicate(bundle, text_at(bundle, raw.name), i))
            return BUNDLE_DUPLICATE;
        if (!is_possible(bundle, &raw, i))
            return BUNDLE_SUPERVISOR;
    }
    return BUNDLE_OK;
}

enum bundle_error bundle_check_supervised(const struct bundle *bundle,
                                          const struct raw_module *raw) {
    if (raw->supervisor == 0) {
        bool is_plain = raw->restart == 0 && raw->heartbeat_ms == 0 && raw->shutdown_ms == 0;
        return is_plain ? BUNDLE_OK : BUNDLE_SUPERVISOR;
    }
    bool is_possible = raw->supervisor <= bundle->supervisor_count &&
                       raw->restart <= BUNDLE_TEMPORARY && raw->heartbeat_ms <= BUNDLE_MS_MAX &&
                       raw->shutdown_ms <= BUNDLE_MS_MAX && raw->version_of == 0 &&
                       (raw->flags & FLAG_STOP_AFTER_TRAP) == 0;
    return is_possible ? BUNDLE_OK : BUNDLE_SUPERVISOR;
}

struct bundle_supervisor bundle_supervisor(const struct bundle *bundle, uint32_t supervisor_idx) {
    struct raw_supervisor raw = raw_supervisor_at(bundle, bundle->supervisors_off, supervisor_idx);
    return (struct bundle_supervisor){
        .name = text_at(bundle, raw.name),
        .parent_idx = raw.parent_idx,
        .before_module = raw.before_module,
        .strategy = (enum bundle_strategy)raw.strategy,
        .restart = (enum bundle_restart)raw.restart,
        .intensity = raw.intensity,
        .period_ms = raw.period_ms,
        .backoff_ms = raw.backoff_ms,
        .backoff_max_ms = raw.backoff_max_ms,
    };
}
