/*
 * Is killed, exhausts what it may have, and calls the kernel with any arguments. What ends in `_on`
 * does not return; what begins with `fill_` takes all that there is and traps. The kernel writes to
 * the mailbox before it calls.
 */
#include "common.h"

static struct {
    uint32_t service, words[5];
    athanor_handle handle;
} mailbox;
ATHANOR_EXPORT("mailbox") uint32_t mailbox_at(void) { return (uint32_t)(uintptr_t)&mailbox; }

static struct place place ATHANOR_BUFFER_PLACE;

static athanor_handle opened(const char *name) {
    athanor_handle handle = ATHANOR_NO_HANDLE;
    return athanor_open_name(name, &handle) == 0 ? handle : ATHANOR_NO_HANDLE;
}

/* --- What it is there for. The first result of a life is always the same. --- */

static uint32_t table[64] = {3, 1, 4, 1, 5, 9, 2, 6}, soil[4096];

ATHANOR_EXPORT("work") uint32_t work(void) {
    uint32_t hash = 1;
    for (uint32_t i = 0; i < 4096; i++) {
        hash = mixed(hash ^ soil[i] ^ table[i % 64], i);
        if (i % 128 == 0)
            soil[i] = hash;
    }
    table[hash % 64]++;
    return hash;
}

/* --- Steps; each ends with 0 if it could do what it does. --- */

static int32_t step_send(uint32_t number) {
    struct note note = note_make(NOTE_PLAIN, number, 0);
    return athanor_channel_send(opened("risky"), &note, sizeof note, ATHANOR_FOREVER);
}

static int32_t step_receive(uint32_t number) {
    struct note note;
    struct athanor_received received;
    int32_t status =
        athanor_channel_receive(opened("feed"), &note, sizeof note, &received, ATHANOR_FOREVER);
    if (status == 0 && note.kind != NOTE_PLAIN && athanor_buffer_place(note.handle, &place) == 0) {
        if (note.kind == NOTE_WRITE)
            place_fill(&place, number);
        else
            (void)place_wrong(&place, note.number);
        if (number % 2 == 0)
            (void)athanor_buffer_return(note.handle);
        else
            (void)athanor_buffer_displace(note.handle);
    }
    return status;
}

enum { LENT = 6 };
static athanor_handle lent[LENT];

static int32_t step_lend(uint32_t number) {
    athanor_handle *slot = &lent[number % LENT], over_there;
    enum athanor_access access = number % 3 == 0 ? ATHANOR_FOR_WRITING : ATHANOR_FOR_READING;
    if (*slot != ATHANOR_NO_HANDLE)
        (void)athanor_close(*slot);
    *slot = ATHANOR_NO_HANDLE;
    if (athanor_buffer_create(BUFFER_PAGES, slot) != 0)
        return 0; /* the machine's memory may be out */
    (void)athanor_buffer_place(*slot, &place);
    place_fill(&place, number);
    (void)athanor_buffer_displace(*slot);
    if (athanor_buffer_lend(*slot, opened("catcher"), access, &over_there) != 0)
        return 0; /* the other one's handles may be out */
    struct note note =
        note_make(access == ATHANOR_FOR_WRITING ? NOTE_WRITE : NOTE_READ, number, over_there);
    return athanor_channel_send(opened("risky"), &note, sizeof note, ATHANOR_FOREVER);
}

static int32_t step_publish(uint32_t number) {
    struct note note = note_make(NOTE_PLAIN, number, 0);
    return athanor_topic_publish(opened("gossip"), &note, sizeof note, ATHANOR_FOREVER);
}

static int32_t step_subscribe(uint32_t number) {
    athanor_handle channel;
    if (athanor_topic_subscribe(opened("beat"), (enum athanor_slow)(number % 4), 2, &channel) != 0)
        return 0; /* there may be as many as can be */
    for (uint32_t i = 0; i < 3; i++) {
        struct note note;
        struct athanor_received received;
        (void)athanor_channel_receive(channel, &note, sizeof note, &received, ATHANOR_FOREVER);
    }
    if (number % 2 == 0)
        (void)athanor_topic_unsubscribe(channel);
    return athanor_close(channel);
}

static int32_t step_post(uint32_t number) {
    athanor_handle event, other;
    if (athanor_event_create(&event) != 0 || athanor_event_create(&other) != 0)
        return 0;
    struct note note = note_make(NOTE_PLAIN, number, 0);
    struct athanor_message message = {.bytes = &note, .size = sizeof note, .parcel_count = 2};
    message.parcels[0] = (struct athanor_parcel){event, ATHANOR_WRITE, 0};
    message.parcels[1] = (struct athanor_parcel){other, ATHANOR_READ | ATHANOR_WRITE, number % 2};
    int32_t status = athanor_channel_post(opened("risky"), &message, ATHANOR_FOREVER);
    (void)athanor_close(event);
    (void)athanor_close(other); /* unless it is gone */
    return status == ATHANOR_FULL ? 0 : status;
}

static int32_t step_delegate(uint32_t number) {
    athanor_handle event, derived, over_there;
    if (athanor_event_create(&event) != 0)
        return 0;
    (void)athanor_derive(event, ATHANOR_WRITE | ATHANOR_DELEGATE, &derived);
    (void)athanor_delegate(derived, ATHANOR_WRITE, opened("catcher"), &over_there);
    if (number % 2 == 0)
        (void)athanor_revoke(event);
    return athanor_close(event);
}

static int32_t step_allocate(uint32_t number) {
    athanor_handle channel, topic, subscription, event, buffer;
    struct athanor_topic_terms terms = {64, 4, 15, 4};
    if (athanor_channel_create(64, 1 + number % 8, &channel) == 0) {
        if (athanor_event_create(&event) == 0) {
            (void)athanor_channel_watch(channel, event, 1);
            (void)athanor_channel_send(channel, soil, 64, 0);
            (void)athanor_close(event);
        }
        (void)athanor_close(channel);
    }
    if (athanor_topic_create(&terms, &topic) == 0) {
        if (athanor_topic_subscribe(topic, ATHANOR_DROPS, 2, &subscription) == 0) {
            (void)athanor_topic_publish(topic, soil, 64, 0);
            (void)athanor_close(subscription);
        }
        (void)athanor_close(topic);
    }
    if (athanor_buffer_create(1 + number % 4, &buffer) == 0)
        (void)athanor_close(buffer);
    if (number % 64 == 0)
        (void)__builtin_wasm_memory_grow(0, 1);
    return 0;
}

static int32_t step_work(uint32_t number) {
    soil[number % 4096] += work();
    return 0;
}

typedef int32_t step(uint32_t number);
#define FOREVER_ON(name)                                  \
    ATHANOR_EXPORT(#name "_on") int32_t name##_on(void) { \
        for (uint32_t number = 1;; number++) {            \
            int32_t status = step_##name(number);         \
            if (status != 0)                              \
                return status;                            \
        }                                                 \
    }
FOREVER_ON(send)
FOREVER_ON(receive)
FOREVER_ON(lend)
FOREVER_ON(publish)
FOREVER_ON(subscribe)
FOREVER_ON(post)
FOREVER_ON(delegate)
FOREVER_ON(allocate)

ATHANOR_EXPORT("mix_on") int32_t mix_on(void) {
    static step *const steps[] = {step_send,     step_receive,   step_lend,
                                  step_publish,  step_subscribe, step_post,
                                  step_delegate, step_allocate,  step_work};
    uint32_t seed;
    athanor_random(&seed, sizeof seed);
    for (uint32_t number = 1;; number++) {
        int32_t status = steps[mixed(seed, number) % (sizeof steps / sizeof steps[0])](number);
        if (status != 0)
            return status;
    }
}

/* Speaks to nobody else: for flipped bits. */
ATHANOR_EXPORT("alone") int32_t alone(void) {
    for (uint32_t number = 1; number < 8; number++)
        (void)(step_allocate(number) + step_work(number));
    return 0;
}

/* Without a stack, which a thread of this module may be using. */
ATHANOR_EXPORT("trap") void trap(void) { __builtin_trap(); }

/* --- All there is. --- */

ATHANOR_EXPORT("fill_events") void fill_events(void) {
    athanor_handle event;
    while (athanor_event_create(&event) == 0)
        continue;
    __builtin_trap();
}

ATHANOR_EXPORT("fill_channels") void fill_channels(void) {
    athanor_handle channel;
    while (athanor_channel_create(64, 128, &channel) == 0)
        while (athanor_channel_send(channel, soil, 64, 0) == 0)
            continue;
    __builtin_trap();
}

ATHANOR_EXPORT("fill_topics") void fill_topics(void) {
    athanor_handle topic, subscription;
    struct athanor_topic_terms terms = {64, 8, 15, 16};
    while (athanor_topic_create(&terms, &topic) == 0)
        while (athanor_topic_subscribe(topic, ATHANOR_SKIPS, 0, &subscription) == 0)
            (void)athanor_topic_publish(topic, soil, 64, 0);
    __builtin_trap();
}

ATHANOR_EXPORT("fill_buffers") void fill_buffers(void) {
    athanor_handle buffer;
    while (athanor_buffer_create(8, &buffer) == 0)
        continue;
    __builtin_trap();
}

ATHANOR_EXPORT("fill_parcels") void fill_parcels(void) {
    athanor_handle channel, event;
    if (athanor_channel_create(64, 512, &channel) == 0 && athanor_event_create(&event) == 0) {
        struct athanor_message message = {.bytes = soil, .size = 64, .parcel_count = 4};
        for (uint32_t i = 0; i < 4; i++)
            message.parcels[i] = (struct athanor_parcel){event, ATHANOR_WRITE, 0};
        while (athanor_channel_post(channel, &message, 0) == 0)
            continue;
    }
    __builtin_trap();
}

/* --- Stale handles. --- */

static uint32_t is_stale(int32_t status) { return status == ATHANOR_STALE; }

/* How many functions took it for something. */
static int32_t not_stale(athanor_handle handle) {
    struct athanor_handle_info info;
    struct athanor_received received;
    struct athanor_buffer_info buffer_info;
    athanor_handle out, peer = opened("catcher");
    uint64_t bits;
    uint32_t stale =
        is_stale(athanor_handle_info(handle, &info)) + is_stale(athanor_derive(handle, 1, &out)) +
        is_stale(athanor_delegate(handle, 1, peer, &out)) +
        is_stale(athanor_move(handle, peer, &out)) + is_stale(athanor_revoke(handle)) +
        is_stale(athanor_channel_send(handle, soil, 4, 0)) +
        is_stale(athanor_channel_receive(handle, soil, 4, &received, 0)) +
        is_stale(athanor_channel_close(handle)) + is_stale(athanor_event_signal(handle, 1)) +
        is_stale(athanor_event_wait(handle, 1, &bits, 0)) +
        is_stale(athanor_topic_publish(handle, soil, 4, 0)) +
        is_stale(athanor_topic_subscribe(handle, ATHANOR_DROPS, 1, &out)) +
        is_stale(athanor_topic_close(handle)) + is_stale(athanor_buffer_place(handle, &place)) +
        is_stale(athanor_buffer_displace(handle)) +
        is_stale(athanor_buffer_lend(handle, peer, ATHANOR_FOR_READING, &out)) +
        is_stale(athanor_buffer_return(handle)) +
        is_stale(athanor_buffer_info(handle, &buffer_info)) + is_stale(athanor_close(handle));
    return 19 - (int32_t)stale;
}

/* Revoked, then closed. */
ATHANOR_EXPORT("stale") int32_t stale(void) {
    athanor_handle handles[3], derived;
    int32_t wrong = 0;
    if (athanor_event_create(&handles[0]) != 0 || athanor_channel_create(64, 2, &handles[1]) != 0 ||
        athanor_buffer_create(1, &handles[2]) != 0)
        return 0; /* the machine's memory may be out */
    for (uint32_t i = 0; i < 3; i++) {
        wrong += athanor_derive(handles[i], ATHANOR_READ | ATHANOR_WRITE, &derived) != 0;
        wrong += athanor_revoke(handles[i]) != 0;
        wrong += not_stale(derived) + (athanor_close(handles[i]) != 0) + not_stale(handles[i]);
    }
    return wrong;
}

/* A number of an earlier life, or any number. */
ATHANOR_EXPORT("grab") int32_t grab(void) {
    athanor_handle own; /* which stays with the module for good, once it was asked for */
    return athanor_event_own(&own) != 0 ? 1 : athanor_event_create(&mailbox.handle);
}
ATHANOR_EXPORT("old") int32_t old(void) { return not_stale(mailbox.handle); }

/* --- Any arguments. --- */

#define AT(word) ((void *)(uintptr_t)(word))

/* One of what there is, or any number. */
static athanor_handle some_handle(uint32_t word) {
    static athanor_handle event, channel, topic, buffer;
    static const struct athanor_topic_terms terms = {64, 4, 15, 4};
    switch (word % 8) {
    case 0:
        return athanor_event_create(&event) == 0 ? event : 0;
    case 1:
        return athanor_channel_create(64, 4, &channel) == 0 ? channel : 0;
    case 2:
        return athanor_topic_create(&terms, &topic) == 0 ? topic : 0;
    case 3:
        return athanor_buffer_create(2, &buffer) == 0 ? buffer : 0;
    case 4:
        return opened("ghost"); /* whose table may be filled: it begins anew all the time */
    case 5:
        return ATHANOR_NO_HANDLE;
    default:
        return (uint64_t)word << 32 | mailbox.words[4];
    }
}

static void any_message(uint32_t a, uint32_t b, uint32_t c, athanor_handle h) {
    struct athanor_message message = {.bytes = AT(a), .size = b, .parcel_count = c % 7};
    for (uint32_t i = 0; i < ATHANOR_PARCELS_MAX; i++)
        message.parcels[i] = (struct athanor_parcel){i % 2 == 0 ? h : some_handle(c + i), a, b};
    (void)athanor_channel_post(some_handle(1), &message, 0);
}

static void any_terms(uint32_t a, uint32_t b, uint32_t c) {
    athanor_handle out;
    struct athanor_topic_terms terms = {a, b, c, a ^ b};
    (void)athanor_topic_create(&terms, &out);
}

static void any_buffer(uint32_t which, athanor_handle h, athanor_handle k, uint32_t a, uint32_t b) {
    switch (which) {
    case 0:
        (void)athanor_buffer_create(a, AT(b));
        return;
    case 1:
        (void)athanor_buffer_place(h, AT(a));
        return;
    case 2:
        (void)athanor_buffer_displace(h);
        return;
    case 3:
        (void)athanor_buffer_lend(h, k, (enum athanor_access)a, AT(b));
        return;
    case 4:
        (void)athanor_buffer_return(h);
        return;
    case 5:
        (void)athanor_buffer_recall(h, k);
        return;
    case 6:
        (void)athanor_buffer_give(h, k, AT(b));
        return;
    case 7:
        (void)athanor_buffer_info(h, AT(a));
        return;
    default: /* the kernel writes where a buffer stands that may only be read */
        (void)athanor_buffer_place(h, &place);
        (void)athanor_buffer_lend(h, k, b % 2 == 0 ? ATHANOR_FOR_READING : ATHANOR_FOR_WRITING,
                                  &mailbox.handle);
        athanor_random((uint8_t *)&place + a % 4096, 4096);
        return;
    }
}

static void any_handles(uint32_t which, athanor_handle h, athanor_handle k, uint32_t a,
                        uint32_t b) {
    switch (which) {
    case 0:
        (void)athanor_open(AT(a), b, AT(mailbox.words[2]));
        return;
    case 1:
        (void)athanor_derive(h, a, AT(b));
        return;
    case 2:
        (void)athanor_delegate(h, a, k, AT(b));
        return;
    case 3:
        (void)athanor_move(h, k, AT(b));
        return;
    case 4:
        (void)athanor_handle_info(h, AT(a));
        return;
    case 5:
        (void)athanor_revoke(h);
        return;
    default:
        (void)athanor_close(h);
        return;
    }
}

static void any_ipc(uint32_t which, athanor_handle h, athanor_handle k, uint32_t a, uint32_t b) {
    uint32_t c = mailbox.words[2];
    uint64_t deadline = b % 2 == 0 ? 0 : (uint64_t)a << 32 | b;
    switch (which) {
    case 0:
        (void)athanor_channel_create(a, b, AT(c));
        return;
    case 1:
        (void)athanor_channel_send(h, AT(a), b, deadline);
        return;
    case 2:
        (void)athanor_channel_post(h, AT(a), deadline);
        return;
    case 3:
        (void)athanor_channel_receive(h, AT(a), b, AT(c), deadline);
        return;
    case 4:
        (void)athanor_channel_close(h);
        return;
    case 5:
        (void)athanor_channel_watch(h, k, deadline);
        return;
    case 6:
        (void)athanor_topic_create(AT(a), AT(b));
        return;
    case 7:
        (void)athanor_topic_publish(h, AT(a), b, deadline);
        return;
    case 8:
        (void)athanor_topic_subscribe(h, (enum athanor_slow)a, b, AT(c));
        return;
    case 9:
        (void)athanor_topic_unsubscribe(h);
        return;
    case 10:
        (void)athanor_topic_close(h);
        return;
    case 11:
        (void)athanor_event_create(AT(a));
        return;
    case 12:
        (void)athanor_event_own(AT(a));
        return;
    case 13:
        (void)athanor_event_signal(h, deadline);
        return;
    case 14:
        (void)athanor_event_wait(h, deadline, AT(a), deadline);
        return;
    case 15:
        any_message(a, b, c, h);
        return;
    case 16:
        any_terms(a, b, c);
        return;
    default:
        (void)athanor_sleep_until(deadline);
        return;
    }
}

enum { ANY_BUFFER = 9, ANY_HANDLES = 7, ANY_IPC = 18 };
ATHANOR_EXPORT("any") void any(void) {
    uint32_t which = mailbox.service % (ANY_BUFFER + ANY_HANDLES + ANY_IPC), a = mailbox.words[0],
             b = mailbox.words[1];
    athanor_handle h = some_handle(mailbox.words[3]), k = some_handle(mailbox.words[4]);
    if (which < ANY_BUFFER)
        any_buffer(which, h, k, a, b);
    else if (which < ANY_BUFFER + ANY_HANDLES)
        any_handles(which - ANY_BUFFER, h, k, a, b);
    else
        any_ipc(which - ANY_BUFFER - ANY_HANDLES, h, k, a, b);
}
