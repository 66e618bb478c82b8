/*
 * The shell's commands about channels, topics and events. In: names, checked. Out: tables, or with
 * -k key=value lines. Printing switches threads: what is shown is copied first, some at a time.
 */
#include "console/log.h"
#include "modules/modules.h"
#include "objects/events.h"
#include "objects/topics.h"
#include "sched/thread.h"
#include "shell/module_commands.h"
#include "shell/parse.h"
#include "shell/shell.h"
#include <alkahest/render.h>
#include <string.h>

#define CHANNELS_AT_A_TIME 16u

struct ipc_row {
    char name[NAMES_BYTES_MAX + 1], maker[BUNDLE_NAME_BYTES_MAX + 1];
    enum cap_kind kind;
    uint32_t number, places, queued, senders, receivers;
    uint64_t sent, received, refused, missed;
};

static void ipc_copy_channel(const struct channel_object *from, struct ipc_row *row) {
    const struct channel *channel = &from->channel;
    row->places = channel->places;
    row->queued = channel->count;
    row->senders = channel->senders.count;
    row->receivers = channel->receivers.count;
    row->sent = channel->sent;
    row->received = channel->received;
    row->refused = channel->refused;
    row->missed = channel->dropped;
}

static void ipc_copy(const struct ipc_object *from, struct ipc_row *row) {
    *row = (struct ipc_row){.kind = from->object.kind, .number = from->number};
    memcpy(row->name, from->object.name, sizeof row->name);
    if (from->maker != NULL) {
        memcpy(row->maker, from->maker->module->name, sizeof row->maker);
    }
    if (row->kind == CAP_CHANNEL) {
        ipc_copy_channel((const struct channel_object *)from, row);
    } else if (row->kind == CAP_TOPIC) {
        const struct topic *topic = &((const struct topic_object *)from)->topic;
        row->places = topic->subscriber_max;
        row->receivers = topic->subscriber_count;
        row->sent = topic->published;
        row->refused = topic->refused;
        row->missed = topic->missed;
    } else {
        const struct event *event = &((const struct event_object *)from)->event;
        row->queued = event->set != 0 ? 1 : 0;
        row->receivers = event->waiting.count;
        row->sent = event->signals;
    }
}

/* Those behind number `after`; there may be others in between by now. */
static uint32_t ipc_copy_some(uint32_t after, struct ipc_row *rows) {
    uint32_t count = 0;
    uint64_t flags = threads_lock();
    for (const struct ipc_object *at = ipc_next(NULL); at != NULL && count < CHANNELS_AT_A_TIME;
         at = ipc_next(at)) {
        if (at->number > after) {
            ipc_copy(at, &rows[count++]);
        }
    }
    threads_unlock(flags);
    return count;
}

static void ipc_print(const struct ipc_row *row) {
    print(shell_keys ? "number=%u name=%s kind=%s maker=%s places=%u queued=%u sent=%lu "
                       "received=%lu refused=%lu missed=%lu senders=%u receivers=%u\n"
                     : "%5u %-16s %-8s %-12s %6u %6u %9lu %9lu %8lu %6lu %4u %4u\n",
          row->number, row->name[0] != '\0' ? row->name : "-", cap_kind_name(row->kind),
          row->maker[0] != '\0' ? row->maker : "-", row->places, row->queued, row->sent,
          row->received, row->refused, row->missed, row->senders, row->receivers);
}

static void command_queues(void) {
    const struct module *module;
    for (uint32_t i = 0; (module = modules_next(&i)) != NULL; i++) {
        const struct holder *holder = module->holder;
        bool is_used = holder->queue_places + holder->sent + holder->received > 0;
        if (module->of != NULL || (!is_used && !shell_keys)) {
            continue;
        }
        print(shell_keys ? "module=%s places=%u places_max=%u bytes=%lu sent=%lu received=%lu\n"
                         : "%s: %u of %u places, %lu bytes; %lu messages sent, %lu received\n",
              module->name, holder->queue_places, module->entry.queue_places_max,
              holder->queue_bytes, holder->sent, holder->received);
    }
}

void command_channels(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    struct ipc_row rows[CHANNELS_AT_A_TIME];
    uint32_t copied, last = 0;
    if (!shell_keys) {
        print("%5s %-16s %-8s %-12s %6s %6s %9s %9s %8s %6s %4s %4s\n", "", "name", "kind", "maker",
              "places", "queued", "sent", "received", "refused", "missed", "snd", "rcv");
    }
    while ((copied = ipc_copy_some(last, rows)) > 0) {
        for (uint32_t i = 0; i < copied; i++) {
            ipc_print(&rows[i]);
        }
        last = rows[copied - 1].number;
    }
    command_queues();
}

/* --- send and signal --- */

static alka_status ipc_send(struct object *object, const char *text) {
    const struct channel_message message = {
        .bytes = text, .size = (uint32_t)strlen(text), .sender = IPC_SENDER_KERNEL};
    struct wait_queue *queue;
    alka_status status = ALKA_E_HANDLE_KIND;
    uint64_t flags = threads_lock();
    if (object->kind == CAP_CHANNEL) {
        status = channel_send(&((struct channel_object *)object)->channel, &message, NULL);
    } else if (object->kind == CAP_TOPIC) {
        status = topic_publish(&((struct topic_object *)object)->topic, &message, NULL, &queue);
    }
    threads_unlock(flags);
    return status;
}

void command_send(size_t count, const char *const *words) {
    (void)count;
    struct object *object = NULL;
    for (uint32_t i = 0; objects_at(i, &object); i++) {
        if (object != NULL && strcmp(object->name, words[1]) == 0) {
            break;
        }
        object = NULL;
    }
    if (object == NULL) {
        shell_fail("%s: nothing is called so; `channels` lists what there is", words[1]);
        return;
    }
    alka_status status = ipc_send(object, words[2]);
    if (status != ALKA_OK) {
        shell_fail("%s: ALKA_%u %s", words[1], (unsigned)status, alka_code_text((uint32_t)status));
    }
}

void command_signal(size_t count, const char *const *words) {
    (void)count;
    const struct module *module = command_module(words[1]);
    uint64_t bits;
    if (module == NULL) {
        return;
    }
    if (!shell_number(words[2], &bits) || bits == 0 || (bits & EVENT_KERNEL_BITS) != 0) {
        shell_fail("%s: bits are a number from 1 to 2^56 - 1", words[2]);
    } else if (!events_tell(module->holder, bits)) {
        shell_fail("%s: it has not asked for an event of its own", words[1]);
    }
}
