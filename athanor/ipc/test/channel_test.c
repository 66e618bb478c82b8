/*
 * Channels: at their edges, and random senders and receivers against a model that is an array of
 * messages and two arrays of who waits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ipc/channel.h>

enum { PARTIES = 6, MODEL_MESSAGES = 64, SIZE_MAX_BYTES = 200 };

static uint64_t random_state;

static uint32_t random_below(uint32_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % bound;
}

static uint32_t wakes[2 * PARTIES];
static struct wait_entry entries[2 * PARTIES]; /* senders, then receivers */

static void on_wake(struct wait_entry *entry) { wakes[entry - entries]++; }

static void entries_reset(void) {
    for (uint32_t i = 0; i < 2 * PARTIES; i++) {
        entries[i] = (struct wait_entry){.wake = on_wake};
        wakes[i] = 0;
    }
}

static struct channel channel;
static uint8_t *ring; /* exactly as large as it must be, for the sanitizer */

static void open_channel(uint32_t ring_bytes, uint32_t message_max, uint32_t places) {
    free(ring);
    ring = malloc(ring_bytes);
    assert_non_null(ring);
    assert_int_equal(channel_init(&channel, ring, ring_bytes, message_max, places), ALKA_OK);
    entries_reset();
}

static alka_status send(const char *text, struct wait_entry *entry) {
    struct channel_message message = {text, (uint32_t)strlen(text), 7, NULL};
    return channel_send(&channel, &message, entry);
}

static alka_status receive(char *text, struct wait_entry *entry) {
    struct channel_received received;
    bool must_wait = channel_must_wait(&channel, entry);
    alka_status status = channel_receive(&channel, text, 99, 0, entry, &received);
    assert_int_equal(must_wait, status == ALKA_E_WOULD_BLOCK);
    if (status == ALKA_OK) {
        text[received.size] = '\0';
        assert_int_equal(received.sender, 7);
    }
    return status;
}

static void impossible_channels_are_refused(void **state) {
    (void)state;
    uint8_t bytes[256];
    assert_int_equal(channel_init(&channel, bytes, 0, 8, 1), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(channel_init(&channel, bytes, 96, 8, 1), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(channel_init(&channel, bytes, 64, 8, 0), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(channel_init(&channel, bytes, 64, 33, 1), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(channel_init(&channel, bytes, 64, UINT32_MAX, 1), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(channel_init(&channel, bytes, 64, 32, 1), ALKA_OK);
    assert_int_equal(channel_ring_bytes(64, 16), 2048);
    assert_int_equal(channel_ring_bytes(32, 1), 64);
    assert_int_equal(channel_ring_bytes(33, 1), 128);
    assert_int_equal(channel_ring_bytes(0, 0), 0);
    assert_int_equal(channel_ring_bytes(UINT32_MAX, UINT32_MAX), 0);
    assert_int_equal(channel_ring_bytes(65536, 255), CHANNEL_RING_BYTES_MAX);
    assert_int_equal(channel_ring_bytes(65536, 256), 0);
}

static void messages_arrive_whole_and_in_order(void **state) {
    (void)state;
    char text[100];
    open_channel(256, 100, 8);
    assert_int_equal(receive(text, NULL), ALKA_E_WOULD_BLOCK);
    assert_int_equal(send("first", NULL), ALKA_OK);
    assert_int_equal(send("", NULL), ALKA_OK);
    assert_int_equal(send("third one", NULL), ALKA_OK);
    assert_int_equal(receive(text, NULL), ALKA_OK);
    assert_string_equal(text, "first");
    assert_int_equal(receive(text, NULL), ALKA_OK);
    assert_string_equal(text, "");
    assert_int_equal(receive(text, NULL), ALKA_OK);
    assert_string_equal(text, "third one");
}

static void a_full_channel_refuses_and_keeps_what_it_has(void **state) {
    (void)state;
    char text[100];
    open_channel(4096, 100, 2);
    assert_int_equal(send("one", NULL), ALKA_OK);
    assert_int_equal(send("two", NULL), ALKA_OK);
    assert_int_equal(send("three", NULL), ALKA_E_WOULD_BLOCK); /* no place */
    assert_int_equal(channel.refused, 1);
    assert_int_equal(receive(text, NULL), ALKA_OK);
    assert_string_equal(text, "one");
    open_channel(64, 32, 9);
    assert_int_equal(send("one", NULL), ALKA_OK);
    assert_int_equal(send("two", NULL), ALKA_E_WOULD_BLOCK); /* no bytes */
    static const char long_text[34] = "123456789012345678901234567890123";
    assert_int_equal(send(long_text, NULL), ALKA_E_MESSAGE_SIZE);
}

static void a_message_that_does_not_fit_the_receiver_stays(void **state) {
    (void)state;
    open_channel(256, 64, 4);
    assert_int_equal(send("eight by", NULL), ALKA_OK);
    char small[7] = "xxxxxx", large[8];
    struct channel_received received = {0};
    assert_int_equal(channel_receive(&channel, small, 7, 0, NULL, &received), ALKA_E_RECEIVE_SPACE);
    assert_int_equal(received.size, 8);
    assert_string_equal(small, "xxxxxx");
    assert_int_equal(channel_receive(&channel, large, 8, 0, NULL, &received), ALKA_OK);
    assert_memory_equal(large, "eight by", 8);
}

static void parcels_travel_with_their_message(void **state) {
    (void)state;
    open_channel(256, 64, 4);
    struct channel_parcels parcels = {3, {11, 12, 13}};
    struct channel_message message = {"x", 1, 0, &parcels};
    assert_int_equal(channel_send(&channel, &message, NULL), ALKA_OK);
    assert_int_equal(channel_send(&channel, &message, NULL), ALKA_OK);
    char byte;
    struct channel_received received;
    assert_int_equal(channel_receive(&channel, &byte, 1, 2, NULL, &received), ALKA_E_RECEIVE_SPACE);
    assert_int_equal(received.parcels.count, 3);
    assert_int_equal(channel_receive(&channel, &byte, 1, 3, NULL, &received), ALKA_OK);
    assert_int_equal(received.parcels.nodes[2], 13);
    struct channel_parcels dropped = {0};
    assert_true(channel_drop_oldest(&channel, &dropped));
    assert_int_equal(dropped.count, 3);
    assert_int_equal(dropped.nodes[0], 11);
    assert_false(channel_drop_oldest(&channel, &dropped));
}

static void closing_lets_receivers_finish(void **state) {
    (void)state;
    char text[100];
    open_channel(256, 64, 1);
    assert_int_equal(send("last", NULL), ALKA_OK);
    wait_join(&channel.senders, &entries[0]);
    wait_join(&channel.senders, &entries[1]);
    wait_join(&channel.receivers, &entries[PARTIES]);
    wait_join(&channel.receivers, &entries[PARTIES + 1]);
    channel_close(&channel);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(wakes[i], 1);
        assert_int_equal(wakes[PARTIES + i], 1);
    }
    assert_int_equal(send("more", &entries[1]), ALKA_E_CLOSED);
    assert_int_equal(receive(text, &entries[PARTIES]), ALKA_OK);
    wait_join(&channel.receivers, &entries[PARTIES]);
    assert_int_equal(receive(text, &entries[PARTIES]), ALKA_E_CLOSED); /* first in line or not */
    assert_int_equal(receive(text, &entries[PARTIES + 1]), ALKA_E_CLOSED);
    assert_int_equal(receive(text, NULL), ALKA_E_CLOSED);
}

static void nobody_overtakes_who_waits(void **state) {
    (void)state;
    char text[100];
    open_channel(4096, 100, 1);
    assert_int_equal(send("a", &entries[0]), ALKA_OK);
    assert_int_equal(send("b", &entries[0]), ALKA_E_WOULD_BLOCK);
    wait_join(&channel.senders, &entries[0]);
    wait_join(&channel.senders, &entries[1]);
    assert_int_equal(receive(text, NULL), ALKA_OK);
    assert_int_equal(wakes[0], 1);
    assert_int_equal(send("c", NULL), ALKA_E_WOULD_BLOCK);
    assert_int_equal(send("c", &entries[1]), ALKA_E_WOULD_BLOCK);
    assert_int_equal(send("b", &entries[0]), ALKA_OK);
    assert_int_equal(wakes[1], 0); /* full again: no use */
    assert_null(entries[0].queue);
    assert_int_equal(receive(text, NULL), ALKA_OK);
    assert_string_equal(text, "b");
    assert_int_equal(wakes[1], 1);
    wait_leave(&entries[1]); /* gives up */
    assert_int_equal(send("d", NULL), ALKA_OK);
    wait_join(&channel.senders, &entries[2]);
    struct channel_parcels none;
    assert_true(channel_drop_oldest(&channel, &none));
    assert_int_equal(wakes[2], 1);
}

static void watchers_are_told_of_messages_and_of_the_end(void **state) {
    (void)state;
    open_channel(4096, 100, 4);
    struct event event = {0};
    uint64_t bits = 0;
    channel_watch(&channel, &event, 4);
    assert_int_equal(event_take(&event, UINT64_MAX, NULL, &bits), ALKA_E_WOULD_BLOCK);
    assert_int_equal(send("a", NULL), ALKA_OK);
    assert_int_equal(send("b", NULL), ALKA_OK);
    assert_int_equal(event_take(&event, 3, NULL, &bits), ALKA_E_WOULD_BLOCK);
    assert_int_equal(event_take(&event, 12, NULL, &bits), ALKA_OK);
    assert_int_equal(bits, 4);
    char text[100];
    assert_int_equal(receive(text, NULL), ALKA_OK);
    assert_int_equal(event_take(&event, 4, NULL, &bits), ALKA_OK); /* there is more */
    assert_int_equal(receive(text, NULL), ALKA_OK);
    assert_int_equal(event_take(&event, 4, NULL, &bits), ALKA_E_WOULD_BLOCK);
    channel_close(&channel);
    assert_int_equal(event_take(&event, 4, NULL, &bits), ALKA_OK);
    struct event other = {0};
    channel_watch(&channel, &other, 1);
    assert_int_equal(other.set, 1);
    channel_watch(&channel, NULL, 0);
}

static void events_keep_bits_until_they_are_taken(void **state) {
    (void)state;
    entries_reset();
    struct event event = {0};
    uint64_t bits = 0;
    wait_join(&event.waiting, &entries[0]);
    wait_join(&event.waiting, &entries[1]);
    event_signal(&event, EVENT_STOP | 1);
    event_signal(&event, 1);
    assert_int_equal(wakes[0], 2);
    assert_int_equal(wakes[1], 2);
    assert_int_equal(event_take(&event, 1, &entries[1], &bits), ALKA_OK); /* no order here */
    assert_int_equal(bits, 1);
    assert_null(entries[1].queue);
    assert_int_equal(event_take(&event, 1, &entries[0], &bits), ALKA_E_WOULD_BLOCK);
    assert_int_equal(event_take(&event, UINT64_MAX, &entries[0], &bits), ALKA_OK);
    assert_int_equal(bits, EVENT_STOP);
}

/* --- The model. --- */

struct model_message {
    uint8_t bytes[SIZE_MAX_BYTES];
    uint32_t size, sender, parcels;
};

static struct model_message messages[MODEL_MESSAGES];
static uint32_t message_count, model_used;
static int waiting[2][PARTIES]; /* senders, receivers: in their order */
static int waiting_count[2];
static struct model_message wanted[PARTIES]; /* what a waiting sender wants to send */

static uint32_t model_bytes(uint32_t size) { return CHANNEL_HEADER_BYTES + (size + 31) / 32 * 32; }

static bool model_may_go(int side, int party) {
    return waiting_count[side] == 0 || waiting[side][0] == party;
}

static void model_leave(int side, int party) {
    for (int i = 0; i < waiting_count[side]; i++) {
        if (waiting[side][i] != party)
            continue;
        memmove(&waiting[side][i], &waiting[side][i + 1],
                sizeof(int) * (size_t)(waiting_count[side] - i - 1));
        waiting_count[side]--;
        return;
    }
}

static bool model_waits(int side, int party) {
    for (int i = 0; i < waiting_count[side]; i++)
        if (waiting[side][i] == party)
            return true;
    return false;
}

static void model_random_message(struct model_message *message) {
    message->size = random_below(4) == 0 ? random_below(channel.message_max + 1)
                                         : random_below(channel.message_max / 4 + 1);
    message->parcels = random_below(4) == 0 ? random_below(CHANNEL_PARCELS_MAX + 1) : 0;
    message->sender = random_below(1000);
    for (uint32_t i = 0; i < message->size; i++)
        message->bytes[i] = (uint8_t)random_below(256);
}

static void step_send(int party) {
    bool waits = model_waits(0, party);
    if (!waits)
        model_random_message(&wanted[party]);
    const struct model_message *message = &wanted[party];
    bool fits = message_count < channel.places &&
                model_used + model_bytes(message->size) <= channel.ring_bytes;
    bool expected = fits && model_may_go(0, party);
    struct channel_parcels parcels = {message->parcels, {1, 2, 3, 4}};
    wakes[party] = 0;
    struct channel_message real = {message->bytes, message->size, message->sender, &parcels};
    assert_int_equal(channel_has_room(&channel, message->size, &entries[party]), expected);
    alka_status status = channel_send(&channel, &real, &entries[party]);
    assert_int_equal(status, expected ? ALKA_OK : ALKA_E_WOULD_BLOCK);
    if (expected) {
        messages[message_count++] = *message;
        model_used += model_bytes(message->size);
        model_leave(0, party);
    } else if (!waits && random_below(2)) {
        wait_join(&channel.senders, &entries[party]);
        waiting[0][waiting_count[0]++] = party;
    }
}

static void step_receive(int party) {
    uint8_t bytes[SIZE_MAX_BYTES];
    struct channel_received received;
    uint32_t room = random_below(3) == 0 ? random_below(20) : SIZE_MAX_BYTES;
    uint32_t parcel_room = random_below(3) == 0 ? 1 : CHANNEL_PARCELS_MAX;
    const struct model_message *oldest = &messages[0];
    alka_status expected = ALKA_OK;
    if (message_count == 0 || !model_may_go(1, party))
        expected = ALKA_E_WOULD_BLOCK;
    else if (oldest->size > room || oldest->parcels > parcel_room)
        expected = ALKA_E_RECEIVE_SPACE;
    wakes[PARTIES + party] = 0; /* trying uses it up */
    assert_int_equal(channel_must_wait(&channel, &entries[PARTIES + party]),
                     expected == ALKA_E_WOULD_BLOCK);
    alka_status status =
        channel_receive(&channel, bytes, room, parcel_room, &entries[PARTIES + party], &received);
    assert_int_equal(status, expected);
    if (status == ALKA_E_WOULD_BLOCK) {
        if (!model_waits(1, party) && random_below(2)) {
            wait_join(&channel.receivers, &entries[PARTIES + party]);
            waiting[1][waiting_count[1]++] = party;
        }
        return;
    }
    assert_int_equal(received.size, oldest->size);
    assert_int_equal(received.sender, oldest->sender);
    assert_int_equal(received.parcels.count, oldest->parcels);
    if (status != ALKA_OK) { /* nothing for this one */
        wait_leave(&entries[PARTIES + party]);
        model_leave(1, party);
        return;
    }
    assert_memory_equal(bytes, oldest->bytes, oldest->size);
    model_used -= model_bytes(oldest->size);
    memmove(&messages[0], &messages[1], sizeof messages[0] * --message_count);
    model_leave(1, party);
}

/* Whoever is first and could go on has been told since it could not. */
static void check_nobody_sleeps_on_work(void) {
    if (waiting_count[1] > 0 && message_count > 0)
        assert_true(wakes[PARTIES + waiting[1][0]] > 0);
    if (waiting_count[0] == 0)
        return;
    const struct model_message *first = &wanted[waiting[0][0]];
    if (message_count < channel.places &&
        model_used + model_bytes(first->size) <= channel.ring_bytes)
        assert_true(wakes[waiting[0][0]] > 0);
}

static void random_traffic_matches_the_model(void **state) {
    (void)state;
    uint64_t passed = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
        uint32_t message_max = random_below(SIZE_MAX_BYTES + 1);
        uint32_t places = 1 + random_below(MODEL_MESSAGES);
        open_channel(256u << random_below(4), message_max, places);
        message_count = model_used = 0;
        waiting_count[0] = waiting_count[1] = 0;
        /* Times when more is sent than received, and the other way round. */
        for (uint32_t step = 0; step < 1500; step++) {
            int party = (int)random_below(PARTIES);
            bool busy = step / 100 % 2 == 0;
            uint32_t dice = random_below(20);
            if (dice == 0) { /* gives up */
                int side = (int)random_below(2);
                wait_leave(&entries[side * PARTIES + party]);
                model_leave(side, party);
            } else if (dice < (busy ? 13 : 7)) {
                step_send(party);
            } else {
                step_receive(party);
            }
            assert_int_equal(channel.count, message_count);
            check_nobody_sleeps_on_work();
        }
        passed += channel.received;
        assert_int_equal(channel.sent, channel.received + message_count);
    }
    assert_in_range(passed, 20000, UINT32_MAX);
    free(ring);
    ring = NULL;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(impossible_channels_are_refused),
        cmocka_unit_test(messages_arrive_whole_and_in_order),
        cmocka_unit_test(a_full_channel_refuses_and_keeps_what_it_has),
        cmocka_unit_test(a_message_that_does_not_fit_the_receiver_stays),
        cmocka_unit_test(parcels_travel_with_their_message),
        cmocka_unit_test(closing_lets_receivers_finish),
        cmocka_unit_test(nobody_overtakes_who_waits),
        cmocka_unit_test(watchers_are_told_of_messages_and_of_the_end),
        cmocka_unit_test(events_keep_bits_until_they_are_taken),
        cmocka_unit_test(random_traffic_matches_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
