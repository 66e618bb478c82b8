/*
 * Alkahest's events in the log, but not on the consoles: whoever runs a session
 * says there how it ended. In: records whose names come from hostile modules.
 * Out: printable lines.
 */
#include "console/clean.h"
#include "console/log.h"
#include "crucible/crucible.h"
#include <alkahest/render.h>
#include <alkahest/session.h>

#define EVENT_NAME_BYTES 64u
#define EVENT_MESSAGE_BYTES 200u

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
    char name[EVENT_NAME_BYTES], message[EVENT_MESSAGE_BYTES];
    clean_text(name, sizeof name, event->module_name.data, event->module_name.size);
    switch (event->kind) {
    case ALKA_EVENT_STATE:
        log_line(ALKA_LOG_DEBUG, "%s: %s -> %s", name, event_state_name(event->state_from),
                 event_state_name(event->state_to));
        return;
    case ALKA_EVENT_DIAGNOSTIC:
        alka_render_message(&event->diag, NULL, message, sizeof message);
        log_line(ALKA_LOG_DEBUG, "%s: ALKA_%03u %s", name, (unsigned)event->diag.code, message);
        return;
    }
}
