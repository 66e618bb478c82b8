/*
 * Asks of channels, topics and events what their header promises, and does to them what it forbids.
 * Each export returns 0, or the line of the first thing that was not as it should be.
 */
#include <athanor.h>

#define CHECK(what) \
    if (!(what))    \
    return __LINE__
#define CHECK_IS(status, number) CHECK((status) == (number))

enum {
    MS = 1000000,
    MANY = 1200,
    HANDLE_FULL = 703,
    LIMIT = 717,
    ARGUMENT = 718,
    MESSAGE_SIZE = 713
};
enum { HANDLE_KIND = 701, HANDLE_RIGHTS = 702, MIB = 1 << 20 };

static athanor_handle handles[MANY];
static struct athanor_received got;
static uint8_t large[3 << 19];

static int32_t put(athanor_handle channel, uint64_t value, uint64_t deadline) {
    return athanor_channel_send(channel, &value, sizeof value, deadline);
}

static int32_t take(athanor_handle channel, uint64_t *value, uint64_t deadline) {
    return athanor_channel_receive(channel, value, sizeof *value, &got, deadline);
}

ATHANOR_EXPORT("basics") int32_t basics(void) {
    athanor_handle channel;
    uint64_t value = 0;
    char small[4] = "abc";
    CHECK_IS(athanor_channel_create(16, 4, &channel), 0);
    CHECK_IS(take(channel, &value, 0), ATHANOR_WOULD_BLOCK);
    for (uint64_t i = 0; i < 4; i++)
        CHECK_IS(put(channel, i, 0), 0);
    CHECK_IS(put(channel, 4, 0), ATHANOR_WOULD_BLOCK);
    uint64_t start = athanor_clock_ns();
    CHECK_IS(put(channel, 4, start + 20 * MS), ATHANOR_TIMED_OUT);
    CHECK(athanor_clock_ns() - start >= 20 * MS);
    CHECK_IS(put(channel, 4, 1), ATHANOR_TIMED_OUT); /* long over */
    CHECK_IS(athanor_channel_send(channel, large, 17, 0), MESSAGE_SIZE);
    CHECK_IS(athanor_channel_receive(channel, small, 4, &got, 0), ATHANOR_SPACE);
    CHECK(got.size == 8 && small[0] == 'a');
    for (uint64_t i = 0; i < 4; i++) {
        CHECK_IS(take(channel, &value, ATHANOR_FOREVER), 0);
        CHECK(value == i && got.size == 8 && got.sender > 0 && got.handle_count == 0);
    }
    start = athanor_clock_ns();
    CHECK_IS(take(channel, &value, start + 20 * MS), ATHANOR_TIMED_OUT);
    CHECK(athanor_clock_ns() - start >= 20 * MS);
    CHECK_IS(athanor_channel_send(channel, small, 0, 0), 0); /* an empty message is one */
    CHECK_IS(put(channel, 7, 0), 0);
    CHECK_IS(athanor_channel_close(channel), 0);
    CHECK_IS(put(channel, 8, ATHANOR_FOREVER), ATHANOR_CLOSED);
    CHECK_IS(athanor_channel_receive(channel, small, 0, &got, ATHANOR_FOREVER), 0);
    CHECK(got.size == 0);
    CHECK_IS(take(channel, &value, ATHANOR_FOREVER), 0);
    CHECK(value == 7);
    CHECK_IS(take(channel, &value, ATHANOR_FOREVER), ATHANOR_CLOSED);
    CHECK_IS(athanor_close(channel), 0);
    CHECK_IS(take(channel, &value, ATHANOR_FOREVER), ATHANOR_STALE);
    CHECK_IS(athanor_close(channel), ATHANOR_STALE);
    return 0;
}

ATHANOR_EXPORT("large") int32_t large_messages(void) {
    athanor_handle channel;
    CHECK_IS(athanor_channel_create(sizeof large, 2, &channel), 0);
    for (uint32_t round = 0; round < 5; round++) { /* over the ring's end */
        for (uint32_t i = 0; i < sizeof large; i++)
            large[i] = (uint8_t)(i * 7 + i / 251 + round);
        CHECK_IS(athanor_channel_send(channel, large, sizeof large, 0), 0);
        CHECK_IS(athanor_channel_send(channel, large, 1 + round, 0), 0);
        for (uint32_t i = 0; i < sizeof large; i++)
            large[i] = 0;
        CHECK_IS(athanor_channel_receive(channel, large, sizeof large, &got, 0), 0);
        CHECK(got.size == sizeof large);
        for (uint32_t i = 0; i < sizeof large; i++)
            CHECK(large[i] == (uint8_t)(i * 7 + i / 251 + round));
        CHECK_IS(athanor_channel_receive(channel, large, sizeof large, &got, 0), 0);
        CHECK(got.size == 1 + round);
    }
    CHECK_IS(athanor_close(channel), 0);
    CHECK_IS(athanor_channel_create((16 << 20) - 32, 1, &channel), 0); /* the largest ring */
    CHECK_IS(athanor_channel_create(0, 1, &handles[0]), LIMIT); /* is all that one may have */
    CHECK_IS(athanor_close(channel), 0);
    CHECK_IS(athanor_channel_create((16 << 20) - 31, 1, &channel), ARGUMENT);
    CHECK_IS(athanor_channel_create(UINT32_MAX, UINT32_MAX, &channel), ARGUMENT);
    CHECK_IS(athanor_channel_create(64, 0, &channel), ARGUMENT);
    return 0;
}

/* More than a thousand at once, each with what was sent to it. */
ATHANOR_EXPORT("many") int32_t many(void) {
    for (uint32_t i = 0; i < MANY; i++) {
        CHECK_IS(athanor_channel_create(8, 2, &handles[i]), 0);
        CHECK_IS(put(handles[i], i * 3, 0), 0);
    }
    for (uint32_t i = MANY; i-- > 0;) {
        uint64_t value;
        CHECK_IS(take(handles[i], &value, 0), 0);
        CHECK(value == i * 3);
    }
    for (uint32_t i = 0; i < MANY; i++)
        CHECK_IS(athanor_close(handles[i]), 0);
    return 0;
}

ATHANOR_EXPORT("churn") int32_t churn(void) {
    for (uint32_t i = 0; i < 10000; i++) {
        athanor_handle channel, other;
        CHECK_IS(athanor_channel_create(64 + i % 5000, 1 + i % 7, &channel), 0);
        CHECK_IS(put(channel, i, 0), 0); /* goes with it */
        CHECK_IS(athanor_derive(channel, ATHANOR_READ, &other), 0);
        CHECK_IS(athanor_close(channel), 0);
        CHECK_IS(athanor_close(other), ATHANOR_STALE);
    }
    return 0;
}

/* Places of queues are counted over all channels, topics and events, and are given back. */
ATHANOR_EXPORT("limits") int32_t limits(void) {
    const struct athanor_topic_terms terms = {8, 100, 1 << ATHANOR_SKIPS, 1};
    const struct athanor_topic_terms too_many = {8, 4097, 1 << ATHANOR_SKIPS, 1};
    athanor_handle channel, topic, event;
    CHECK_IS(athanor_channel_create(8, 4097, &channel), LIMIT);
    CHECK_IS(athanor_channel_create(8, 3995, &channel), 0);
    CHECK_IS(athanor_topic_create(&too_many, &topic), LIMIT);
    CHECK_IS(athanor_topic_create(&terms, &topic), 0);
    CHECK_IS(athanor_channel_create(8, 2, &event), LIMIT);
    CHECK_IS(athanor_topic_subscribe(topic, ATHANOR_SKIPS, 2, &event), LIMIT);
    CHECK_IS(athanor_event_create(&event), 0);
    CHECK_IS(athanor_event_create(&handles[0]), LIMIT);
    CHECK_IS(athanor_close(event), 0);
    CHECK_IS(athanor_topic_subscribe(topic, ATHANOR_SKIPS, 0, &event), 0);
    CHECK_IS(athanor_channel_create(8, 1, &handles[0]), LIMIT);
    CHECK_IS(athanor_close(channel), 0);
    CHECK_IS(athanor_close(topic), 0);
    CHECK_IS(athanor_close(event), 0);
    CHECK_IS(athanor_channel_create(8, 4096, &channel), 0);
    CHECK_IS(athanor_close(channel), 0);
    return 0;
}

/* Numbers that were never given, and handles of other things. */
ATHANOR_EXPORT("forged") int32_t forged(void) {
    athanor_handle channel, event, reader;
    uint64_t value = 0;
    CHECK_IS(athanor_channel_create(8, 4, &channel), 0);
    CHECK_IS(athanor_event_create(&event), 0);
    for (uint32_t bit = 0; bit < 64; bit++) {
        athanor_handle wrong = channel ^ UINT64_C(1) << bit;
        int32_t status = put(wrong, 1, ATHANOR_FOREVER);
        CHECK(status == ATHANOR_STALE || status == HANDLE_KIND);
        status = take(wrong, &value, ATHANOR_FOREVER);
        CHECK(status == ATHANOR_STALE || status == HANDLE_KIND);
    }
    CHECK_IS(put(0, 1, 0), ATHANOR_STALE);
    CHECK_IS(put(UINT64_MAX, 1, 0), ATHANOR_STALE);
    CHECK_IS(put(event, 1, 0), HANDLE_KIND);
    CHECK_IS(athanor_event_signal(channel, 1), HANDLE_KIND);
    CHECK_IS(athanor_event_wait(channel, 1, &value, 0), HANDLE_KIND);
    CHECK_IS(athanor_topic_publish(channel, &value, 8, 0), HANDLE_KIND);
    CHECK_IS(athanor_topic_subscribe(event, ATHANOR_SKIPS, 0, &reader), HANDLE_KIND);
    CHECK_IS(athanor_topic_unsubscribe(channel), ARGUMENT);
    CHECK_IS(athanor_channel_watch(channel, channel, 1), HANDLE_KIND);
    CHECK_IS(athanor_channel_watch(channel, event, 0), ARGUMENT);
    CHECK_IS(athanor_channel_watch(channel, event, ATHANOR_EVENT_KERNEL_BITS), ARGUMENT);
    CHECK_IS(athanor_event_signal(event, ATHANOR_EVENT_KERNEL_BITS | 1), ARGUMENT);
    CHECK_IS(athanor_event_wait(event, 0, &value, ATHANOR_FOREVER), ARGUMENT);
    CHECK_IS(athanor_derive(channel, ATHANOR_READ, &reader), 0);
    CHECK_IS(put(reader, 1, 0), HANDLE_RIGHTS);
    CHECK_IS(athanor_channel_close(reader), HANDLE_RIGHTS);
    CHECK_IS(athanor_close(channel), 0);
    CHECK_IS(athanor_close(event), 0);
    return 0;
}

static int32_t post(athanor_handle channel, athanor_handle handle, uint32_t rights,
                    uint32_t moved) {
    struct athanor_message message = {.parcel_count = 1, .parcels = {{handle, rights, moved}}};
    return athanor_channel_post(channel, &message, 0);
}

ATHANOR_EXPORT("parcels") int32_t parcels(void) {
    athanor_handle way, cargo, other, inner;
    uint64_t value;
    CHECK_IS(athanor_channel_create(8, 8, &way), 0);
    CHECK_IS(athanor_channel_create(8, 2, &cargo), 0);
    /* Lent: it can do what it was lent for, and dies with what it was made from. */
    CHECK_IS(post(way, cargo, ATHANOR_WRITE, 0), 0);
    CHECK_IS(take(way, &value, 0), 0);
    CHECK(got.handle_count == 1 && got.size == 0);
    CHECK_IS(put(got.handles[0], 5, 0), 0);
    CHECK_IS(athanor_channel_close(got.handles[0]), HANDLE_RIGHTS);
    athanor_handle lent = got.handles[0];
    CHECK_IS(take(cargo, &value, 0), 0);
    CHECK(value == 5);
    CHECK_IS(athanor_revoke(cargo), 0);
    CHECK_IS(put(lent, 5, 0), ATHANOR_STALE);
    /* Revoked on its way: the message comes, without it. */
    CHECK_IS(post(way, cargo, ATHANOR_WRITE, 0), 0);
    CHECK_IS(athanor_revoke(cargo), 0);
    CHECK_IS(take(way, &value, 0), 0);
    CHECK(got.handle_count == 1 && got.handles[0] == 0);
    /* Given away, and back. */
    CHECK_IS(post(way, cargo, 0, 1), 0);
    CHECK_IS(put(cargo, 5, 0), ATHANOR_STALE);
    CHECK_IS(take(way, &value, 0), 0);
    cargo = got.handles[0];
    CHECK_IS(put(cargo, 5, 0), 0);
    /* Nothing keeps itself. */
    CHECK_IS(post(way, way, 0, 1), ARGUMENT);
    CHECK_IS(athanor_channel_create(8, 2, &other), 0);
    CHECK_IS(athanor_channel_create(8, 2, &inner), 0);
    CHECK_IS(athanor_derive(other, ATHANOR_WRITE, &lent), 0);
    CHECK_IS(post(way, other, 0, 1), 0);
    CHECK_IS(post(lent, inner, 0, 1), ARGUMENT); /* it is on its way itself */
    CHECK_IS(post(inner, way, 0, 1), ARGUMENT);  /* it keeps another */
    CHECK_IS(take(way, &value, 0), 0);
    other = got.handles[0];
    CHECK_IS(post(other, inner, 0, 1), 0); /* now it may; `other` goes with `inner` in it */
    CHECK_IS(athanor_close(other), 0);
    /* All or nothing. */
    struct athanor_message message = {
        .parcel_count = 2, .parcels = {{cargo, ATHANOR_WRITE, 0}, {lent, ATHANOR_WRITE, 0}}};
    CHECK_IS(athanor_channel_post(way, &message, 0), ATHANOR_STALE);
    message.parcels[1] = (struct athanor_parcel){cargo, 0, 1};
    CHECK_IS(athanor_channel_post(way, &message, 0), ARGUMENT);
    message.parcel_count = 5;
    CHECK_IS(athanor_channel_post(way, &message, 0), ARGUMENT);
    CHECK_IS(take(way, &value, 0), ATHANOR_WOULD_BLOCK);
    CHECK_IS(athanor_close(cargo), 0);
    CHECK_IS(athanor_close(way), 0);
    return 0;
}

ATHANOR_EXPORT("topics") int32_t topics(void) {
    const struct athanor_topic_terms terms = {8, 4, 15, 2};
    athanor_handle topic, to[4];
    uint64_t value;
    CHECK_IS(athanor_topic_create(&terms, &topic), 0);
    for (uint32_t slow = 0; slow < 4; slow++)
        CHECK_IS(athanor_topic_subscribe(topic, (enum athanor_slow)slow, 0, &to[slow]), 0);
    CHECK_IS(athanor_topic_subscribe(topic, ATHANOR_SKIPS, 0, &handles[0]), LIMIT);
    CHECK_IS(put(to[1], 1, 0), HANDLE_RIGHTS); /* only the topic sends there */
    for (uint64_t i = 0; i < 2; i++)
        CHECK_IS(athanor_topic_publish(topic, &i, 8, 0), 0);
    value = 2;
    CHECK_IS(athanor_topic_publish(topic, &value, 8, 0), ATHANOR_WOULD_BLOCK);
    CHECK_IS(athanor_topic_publish(topic, &value, 8, athanor_clock_ns() + 5 * MS),
             ATHANOR_TIMED_OUT);
    CHECK_IS(take(to[ATHANOR_BLOCKS], &value, 0), 0);
    CHECK(value == 0);
    value = 2;
    CHECK_IS(athanor_topic_publish(topic, &value, 8, 0), 0);
    CHECK_IS(take(to[ATHANOR_BLOCKS], &value, 0), 0);
    CHECK(value == 1 && got.missed == 0);
    CHECK_IS(take(to[ATHANOR_SKIPS], &value, 0), 0);
    CHECK(value == 0 && got.missed == 1);
    CHECK_IS(take(to[ATHANOR_DROPS], &value, 0), 0);
    CHECK(value == 1 && got.missed == 1);
    CHECK_IS(take(to[ATHANOR_LEAVES], &value, 0), 0);
    CHECK_IS(take(to[ATHANOR_LEAVES], &value, 0), 0);
    CHECK_IS(take(to[ATHANOR_LEAVES], &value, ATHANOR_FOREVER), ATHANOR_CLOSED);
    CHECK_IS(athanor_topic_unsubscribe(to[ATHANOR_SKIPS]), 0);
    CHECK_IS(take(to[ATHANOR_SKIPS], &value, 0), 0);
    CHECK_IS(take(to[ATHANOR_SKIPS], &value, ATHANOR_FOREVER), ATHANOR_CLOSED);
    CHECK_IS(athanor_topic_close(topic), 0);
    CHECK_IS(athanor_topic_publish(topic, &value, 8, ATHANOR_FOREVER), ATHANOR_CLOSED);
    CHECK_IS(take(to[ATHANOR_DROPS], &value, 0), 0);
    CHECK_IS(take(to[ATHANOR_DROPS], &value, ATHANOR_FOREVER), ATHANOR_CLOSED);
    for (uint32_t slow = 0; slow < 4; slow++)
        CHECK_IS(athanor_close(to[slow]), 0);
    CHECK_IS(athanor_close(topic), 0);
    return 0;
}

ATHANOR_EXPORT("events") int32_t events(void) {
    athanor_handle event, own, again, left, right;
    uint64_t bits = 0;
    CHECK_IS(athanor_event_create(&event), 0);
    CHECK_IS(athanor_event_wait(event, 7, &bits, 0), ATHANOR_WOULD_BLOCK);
    CHECK_IS(athanor_event_wait(event, 7, &bits, athanor_clock_ns() + 5 * MS), ATHANOR_TIMED_OUT);
    CHECK_IS(athanor_event_signal(event, 6), 0);
    CHECK_IS(athanor_event_wait(event, 3, &bits, 0), 0);
    CHECK(bits == 2);
    CHECK_IS(athanor_event_wait(event, 3, &bits, 0), ATHANOR_WOULD_BLOCK);
    CHECK_IS(athanor_event_wait(event, 12, &bits, ATHANOR_FOREVER), 0);
    CHECK(bits == 4);
    /* One thread for two channels. */
    CHECK_IS(athanor_channel_create(8, 2, &left), 0);
    CHECK_IS(athanor_channel_create(8, 2, &right), 0);
    CHECK_IS(athanor_channel_watch(left, event, 1), 0);
    CHECK_IS(put(right, 1, 0), 0);
    CHECK_IS(athanor_channel_watch(right, event, 2), 0); /* told at once of what is there */
    CHECK_IS(athanor_event_wait(event, 3, &bits, ATHANOR_FOREVER), 0);
    CHECK(bits == 2);
    CHECK_IS(put(left, 1, 0), 0);
    CHECK_IS(athanor_event_wait(event, 3, &bits, ATHANOR_FOREVER), 0);
    CHECK(bits == 1);
    CHECK_IS(athanor_channel_watch(left, 0, 0), 0);
    CHECK_IS(put(left, 1, 0), 0);
    CHECK_IS(athanor_event_wait(event, 3, &bits, 0), ATHANOR_WOULD_BLOCK);
    CHECK_IS(athanor_close(event), 0); /* `right` keeps it */
    CHECK_IS(put(right, 1, 0), 0);
    CHECK_IS(athanor_close(right), 0);
    CHECK_IS(athanor_close(left), 0);
    CHECK_IS(athanor_event_own(&own), 0);
    CHECK_IS(athanor_event_own(&again), 0);
    CHECK(own == again);
    CHECK_IS(athanor_event_signal(own, 1), 0);
    CHECK_IS(athanor_event_wait(own, 1, &bits, 0), 0);
    CHECK_IS(athanor_channel_close(own), HANDLE_KIND);
    CHECK_IS(athanor_close(own), 0);
    return 0;
}

/* Fills its table, then a message with handles finds no room, and stays until there is. */
ATHANOR_EXPORT("full") int32_t full(void) {
    athanor_handle way, cargo;
    uint64_t value;
    uint32_t count = 0;
    CHECK_IS(athanor_channel_create(8, 2, &way), 0);
    CHECK_IS(athanor_event_create(&cargo), 0);
    CHECK_IS(post(way, cargo, ATHANOR_WRITE, 0), 0);
    while (count < MANY && athanor_derive(cargo, ATHANOR_READ, &handles[count]) == 0)
        count++;
    if (count == MANY) /* the table is larger than that: others fill it */
        while (athanor_derive(cargo, ATHANOR_READ, &handles[0]) == 0)
            ;
    CHECK_IS(take(way, &value, ATHANOR_FOREVER), HANDLE_FULL);
    CHECK_IS(athanor_channel_create(8, 1, &handles[0]), HANDLE_FULL);
    CHECK_IS(athanor_event_create(&handles[0]), HANDLE_FULL);
    CHECK_IS(athanor_close(handles[1]), 0);
    CHECK_IS(take(way, &value, ATHANOR_FOREVER), 0);
    CHECK(got.handle_count == 1 && got.handles[0] != 0);
    CHECK_IS(athanor_close(cargo), 0); /* and all that was derived from it */
    CHECK_IS(athanor_close(way), 0);
    return 0;
}

/* --- What ends in a trap: a range that is not all in memory. The attacks are numbered. --- */

static int32_t attack(uint32_t number) {
    athanor_handle channel, topic;
    const struct athanor_topic_terms terms = {8, 4, 15, 2};
    uint8_t *edge = (uint8_t *)(uintptr_t)(__builtin_wasm_memory_size(0) << 16);
    struct athanor_message message = {.bytes = edge - 4, .size = 5};
    CHECK_IS(athanor_channel_create(1 << 16, 2, &channel), 0);
    CHECK_IS(athanor_topic_create(&terms, &topic), 0);
    CHECK_IS(put(channel, 1, 0), 0);
    /* What is just inside is good. */
    CHECK_IS(athanor_channel_send(channel, edge - 4, 4, 0), 0);
    CHECK_IS(athanor_channel_receive(channel, edge - 8, 8, &got, 0), 0);
    CHECK_IS(athanor_channel_send(channel, edge, 0, 0), 0);
    switch (number) {
    case 0:
        return athanor_channel_send(channel, edge - 4, 5, 0);
    case 1:
        return athanor_channel_send(channel, edge + 1, 0, 0);
    case 2:
        return athanor_channel_send(channel, (void *)1, SIZE_MAX, 0);
    case 3:
        return athanor_channel_send(channel, (void *)UINTPTR_MAX, 2, 0);
    case 4:
        return athanor_channel_receive(channel, edge - 4, 5, &got, 0);
    case 5:
        return athanor_channel_receive(channel, &got, 8, (struct athanor_received *)(edge - 8), 0);
    case 6:
        return athanor_channel_receive(channel, (void *)UINTPTR_MAX, SIZE_MAX, &got, 0);
    case 7:
        return athanor_channel_create(8, 1, (athanor_handle *)(edge - 7));
    case 8:
        return athanor_channel_post(channel, (struct athanor_message *)(edge - 16), 0);
    case 9:
        return athanor_channel_post(channel, &message, 0);
    case 10:
        return athanor_topic_create((struct athanor_topic_terms *)(edge - 15), &topic);
    case 11:
        return athanor_topic_create(&terms, (athanor_handle *)(edge - 1));
    case 12:
        return athanor_topic_publish(topic, edge - 4, 5, 0);
    case 13:
        return athanor_topic_subscribe(topic, ATHANOR_SKIPS, 0, (athanor_handle *)edge);
    case 14:
        return athanor_event_create((athanor_handle *)(edge - 7));
    case 15:
        return athanor_event_own((athanor_handle *)UINTPTR_MAX);
    case 16:
        return athanor_event_wait(topic, 1, (uint64_t *)(edge - 7), 0);
    default:
        return -1;
    }
}

#define ATTACK(number) \
    ATHANOR_EXPORT("attack_" #number) int32_t attack_##number(void) { return attack(number); }
/* clang-format off */
ATTACK(0) ATTACK(1) ATTACK(2) ATTACK(3) ATTACK(4) ATTACK(5) ATTACK(6) ATTACK(7) ATTACK(8)
ATTACK(9) ATTACK(10) ATTACK(11) ATTACK(12) ATTACK(13) ATTACK(14) ATTACK(15) ATTACK(16)
    /* clang-format on */

    /* --- Waits that somebody else must end. --- */

    static athanor_handle shared;

/* On a thread of its own; `shut`, `drop` or a kill ends it. */
ATHANOR_EXPORT("wait_here") int32_t wait_here(void) {
    uint64_t value;
    CHECK_IS(athanor_channel_create(8, 2, &shared), 0);
    int32_t status = take(shared, &value, ATHANOR_FOREVER);
    return status;
}
ATHANOR_EXPORT("shut") int32_t shut(void) { return athanor_channel_close(shared); }
ATHANOR_EXPORT("drop") int32_t drop(void) { return athanor_close(shared); }

ATHANOR_EXPORT("wait_full") int32_t wait_full(void) {
    CHECK_IS(athanor_channel_create(8, 1, &shared), 0);
    CHECK_IS(put(shared, 1, 0), 0);
    return put(shared, 2, ATHANOR_FOREVER);
}

ATHANOR_EXPORT("wait_event") int32_t wait_event(void) {
    uint64_t bits;
    CHECK_IS(athanor_event_create(&shared), 0);
    return athanor_event_wait(shared, 1, &bits, ATHANOR_FOREVER);
}

ATHANOR_EXPORT("fail") int32_t fail(void) { __builtin_trap(); }
