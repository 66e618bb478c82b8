/*
 * The channel `log` and modules' lines (log_channel.h). In: bytes that modules wrote. Out: lines of
 * the log, each with the name of who wrote it. It must never let one module fill the log.
 */
#include "objects/log_channel.h"
#include "console/clean.h"
#include "console/log.h"
#include "modules/modules.h"
#include "objects/channels.h"
#include "sched/thread.h"
#include "time/clock.h"

#define LOG_LINE_CUT_BYTES 400u
#define LOG_CHANNEL_BYTES 512u /* of a message: ipc/defaults.def */

void log_module_line(struct holder *holder, const char *name, const void *text, uint32_t bytes) {
    char line[LOG_LINE_CUT_BYTES];
    uint64_t refused;
    struct holder *payer = holder->payer;
    uint32_t rate_max = payer->module->entry.log_rate_max;
    if (!rate_take(&payer->log_lines, rate_max, clock_ns(), &refused)) {
        return;
    }
    if (refused > 0) {
        log_info("%s: wrote %lu more lines than it may", name, refused);
    }
    clean_text(line, sizeof line, text, bytes);
    log_info("%s: %s", name, line);
}

static void log_channel_main(void *argument) {
    struct channel_object *channel = argument;
    char text[LOG_CHANNEL_BYTES];
    struct channel_received received;
    while (channel_object_take(channel, text, sizeof text, &received) == ALKA_OK) {
        const struct module *module =
            received.sender == IPC_SENDER_KERNEL ? NULL : modules_by_id(received.sender - 1);
        if (module != NULL) {
            log_module_line(module->holder, module->name, text, received.size);
        }
    }
}

static bool log_channel_is_granted(const struct object *object) {
    const struct module *module;
    for (uint32_t i = 0; (module = modules_at(i)) != NULL; i++) {
        for (uint32_t grant = 0; grant < module->holder->grant_count; grant++) {
            if (module->holder->grants[grant].object == object) {
                return true;
            }
        }
    }
    return false;
}

void log_channel_start(void) {
    struct object *object;
    struct thread *thread;
    if (!objects_at(IPC_LOG, &object) || object == NULL || !log_channel_is_granted(object)) {
        return;
    }
    if (thread_make("log", NULL, SCHED_PRIORITIES / 2, log_channel_main, object, &thread) !=
        ALKA_OK) {
        log_error("no memory for a thread that reads the channel `log`");
        return;
    }
    thread_start(thread);
}
