/*
 * Alkahest's events as log lines: a diagnostic on the consoles, a session's state transitions in
 * the log only. In: records whose names come from hostile modules. Out: printable lines.
 */
#include "console/format.h"
#include "console/log.h"
#include "crucible/crucible.h"
#include <alkahest/session.h>

static const char *event_state_name(uint32_t state) {
    static const char *const names[] = {
        [ALKA_SESSION_OPEN] = "open",           [ALKA_SESSION_VALIDATING] = "validating",
        [ALKA_SESSION_COMPILING] = "compiling", [ALKA_SESSION_LINKING] = "linking",
        [ALKA_SESSION_READY] = "ready",         [ALKA_SESSION_FAILED] = "failed",
    };
    return state < sizeof names / sizeof names[0] ? names[state] : "?";
}

void crucible_event(void *self, const struct alka_event *event) {
    (void)self;
    int name_bytes = (int)event->module_name.size;
    const char *name = event->module_name.data;
    switch (event->kind) {
    case ALKA_EVENT_STATE:
        log_line(ALKA_LOG_DEBUG, "%.*s: %s -> %s", name_bytes, name,
                 event_state_name(event->state_from), event_state_name(event->state_to));
        return;
    case ALKA_EVENT_DIAGNOSTIC:
        log_line(event->level, "%.*s: ALKA_%03u at byte %u", name_bytes, name,
                 (unsigned)event->diag.code, event->diag.offset);
        return;
    }
}
