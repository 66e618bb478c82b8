/* Topics: each policy by hand, then random publishers and subscribers against lists of numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ipc/topic.h>

enum { SUBSCRIBERS = 5, RING = 1024, ALL = 15 };

static struct topic topic;
static struct channel channels[SUBSCRIBERS];
static uint8_t rings[SUBSCRIBERS][RING];
static struct topic_subscription subscriptions[SUBSCRIBERS];
static struct wait_entry publishers[2];
static uint32_t wakes[2];

static uint64_t random_state;

static uint32_t random_below(uint32_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % bound;
}

static void on_wake(struct wait_entry *entry) { wakes[entry - publishers]++; }

static void begin(void) {
    topic_init(&topic, 8, SUBSCRIBERS, ALL);
    memset(subscriptions, 0, sizeof subscriptions);
    for (int i = 0; i < 2; i++) {
        publishers[i] = (struct wait_entry){.wake = on_wake};
        wakes[i] = 0;
    }
}

static void open_channel(int i, uint32_t places) {
    assert_int_equal(channel_init(&channels[i], rings[i], RING, 8, places), ALKA_OK);
}

static alka_status subscribe(int i, uint32_t places, enum topic_slow slow) {
    open_channel(i, places);
    return topic_subscribe(&topic, &subscriptions[i], &channels[i], slow);
}

static alka_status publish(uint64_t number, struct wait_entry *entry, struct wait_queue **queue) {
    struct channel_message message = {&number, sizeof number, 0, NULL};
    struct wait_queue *unused;
    return topic_publish(&topic, &message, entry, queue == NULL ? &unused : queue);
}

static alka_status receive(int i, uint64_t *number, uint64_t *missed) {
    struct channel_received received;
    alka_status status = channel_receive(&channels[i], number, 8, 0, NULL, &received);
    *missed = status == ALKA_OK ? received.missed : 0;
    return status;
}

static void assert_receives(int i, uint64_t number, uint64_t missed) {
    uint64_t is_number, is_missed;
    assert_int_equal(receive(i, &is_number, &is_missed), ALKA_OK);
    assert_int_equal(is_number, number);
    assert_int_equal(is_missed, missed);
}

static void everybody_gets_everything(void **state) {
    (void)state;
    begin();
    assert_int_equal(publish(1, NULL, NULL), ALKA_OK); /* nobody listens */
    for (int i = 0; i < 3; i++)
        assert_int_equal(subscribe(i, 4, TOPIC_SLOW_BLOCKS), ALKA_OK);
    assert_int_equal(publish(2, NULL, NULL), ALKA_OK);
    assert_int_equal(publish(3, NULL, NULL), ALKA_OK);
    for (int i = 0; i < 3; i++) {
        assert_receives(i, 2, 0);
        assert_receives(i, 3, 0);
    }
}

static void who_blocks_holds_up_publishing_to_all(void **state) {
    (void)state;
    begin();
    assert_int_equal(subscribe(0, 4, TOPIC_SLOW_BLOCKS), ALKA_OK);
    assert_int_equal(subscribe(1, 1, TOPIC_SLOW_BLOCKS), ALKA_OK);
    assert_int_equal(publish(1, NULL, NULL), ALKA_OK);
    struct wait_queue *queue = NULL;
    assert_int_equal(publish(2, &publishers[0], &queue), ALKA_E_WOULD_BLOCK);
    assert_ptr_equal(queue, &channels[1].senders);
    wait_join(queue, &publishers[0]);
    assert_int_equal(publish(3, &publishers[1], &queue), ALKA_E_WOULD_BLOCK);
    wait_join(queue, &publishers[1]);
    assert_int_equal(channels[0].count, 1); /* all or nothing */
    assert_receives(1, 1, 0);
    assert_int_equal(wakes[0], 1);
    assert_int_equal(publish(3, &publishers[1], &queue), ALKA_E_WOULD_BLOCK); /* not its turn */
    assert_int_equal(publish(2, &publishers[0], &queue), ALKA_OK);
    assert_null(publishers[0].queue);
    assert_int_equal(channels[0].count, 2);
    assert_receives(1, 2, 0);
    assert_int_equal(publish(4, &publishers[1], &queue), ALKA_OK);
    assert_int_equal(publish(3, &publishers[1], &queue), ALKA_E_WOULD_BLOCK);
    wait_join(queue, &publishers[1]);
    wakes[1] = 0;
    topic_unsubscribe(&subscriptions[1]); /* whom publishers[1] waits for */
    assert_true(wakes[1] > 0);
    assert_int_equal(publish(3, &publishers[1], &queue), ALKA_OK);
    assert_null(publishers[1].queue);
    assert_receives(0, 1, 0);
    assert_receives(0, 2, 0);
    assert_receives(0, 4, 0);
    assert_receives(0, 3, 0);
}

static void who_skips_misses_the_new_ones(void **state) {
    (void)state;
    begin();
    assert_int_equal(subscribe(0, 2, TOPIC_SLOW_SKIPS), ALKA_OK);
    for (uint64_t n = 1; n <= 5; n++)
        assert_int_equal(publish(n, NULL, NULL), ALKA_OK);
    assert_receives(0, 1, 3);
    assert_receives(0, 2, 0);
    assert_int_equal(publish(6, NULL, NULL), ALKA_OK);
    assert_receives(0, 6, 0);
    assert_int_equal(topic.missed, 3);
}

static void who_drops_loses_the_old_ones(void **state) {
    (void)state;
    begin();
    assert_int_equal(subscribe(0, 2, TOPIC_SLOW_DROPS), ALKA_OK);
    for (uint64_t n = 1; n <= 5; n++)
        assert_int_equal(publish(n, NULL, NULL), ALKA_OK);
    assert_receives(0, 4, 3);
    assert_receives(0, 5, 0);
}

static void who_leaves_keeps_what_it_had(void **state) {
    (void)state;
    begin();
    assert_int_equal(subscribe(0, 2, TOPIC_SLOW_LEAVES), ALKA_OK);
    assert_int_equal(subscribe(1, 9, TOPIC_SLOW_BLOCKS), ALKA_OK);
    for (uint64_t n = 1; n <= 4; n++)
        assert_int_equal(publish(n, NULL, NULL), ALKA_OK);
    uint64_t number, missed;
    assert_receives(0, 1, 1);
    assert_receives(0, 2, 0);
    assert_int_equal(receive(0, &number, &missed), ALKA_E_CLOSED);
    assert_null(subscriptions[0].topic);
    assert_int_equal(topic.subscriber_count, 1);
    assert_int_equal(channels[1].count, 4);
    assert_int_equal(subscribe(0, 2, TOPIC_SLOW_LEAVES), ALKA_OK); /* it can come back */
}

static void what_is_not_allowed_is_refused(void **state) {
    (void)state;
    begin();
    topic_init(&topic, 8, 1, 1u << TOPIC_SLOW_SKIPS);
    assert_int_equal(subscribe(0, 2, TOPIC_SLOW_BLOCKS), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(subscribe(0, 2, (enum topic_slow)77), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(channel_init(&channels[0], rings[0], RING, 7, 2), ALKA_OK);
    assert_int_equal(topic_subscribe(&topic, &subscriptions[0], &channels[0], TOPIC_SLOW_SKIPS),
                     ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(subscribe(0, 2, TOPIC_SLOW_SKIPS), ALKA_OK);
    assert_int_equal(subscribe(0, 2, TOPIC_SLOW_SKIPS), ALKA_E_SERVICE_ARGUMENT); /* twice */
    assert_int_equal(subscribe(1, 2, TOPIC_SLOW_SKIPS), ALKA_E_SERVICE_LIMIT);
    struct wait_queue *queue;
    struct channel_message large = {"123456789", 9, 0, NULL};
    assert_int_equal(topic_publish(&topic, &large, NULL, &queue), ALKA_E_MESSAGE_SIZE);
    struct channel_parcels parcels = {1, {5}};
    struct channel_message parcel = {"1", 1, 0, &parcels};
    assert_int_equal(topic_publish(&topic, &parcel, NULL, &queue), ALKA_E_SERVICE_ARGUMENT);
    topic_close(&topic);
    assert_int_equal(publish(1, NULL, NULL), ALKA_E_CLOSED);
    assert_int_equal(subscribe(2, 2, TOPIC_SLOW_SKIPS), ALKA_E_CLOSED);
    topic_unsubscribe(&subscriptions[0]);
}

static void closing_ends_every_subscription(void **state) {
    (void)state;
    begin();
    for (int i = 0; i < 3; i++)
        assert_int_equal(subscribe(i, 1, TOPIC_SLOW_BLOCKS), ALKA_OK);
    assert_int_equal(publish(1, NULL, NULL), ALKA_OK);
    struct wait_queue *queue;
    assert_int_equal(publish(2, &publishers[0], &queue), ALKA_E_WOULD_BLOCK);
    wait_join(queue, &publishers[0]);
    topic_close(&topic);
    assert_int_equal(wakes[0], 1);
    assert_int_equal(publish(2, &publishers[0], &queue), ALKA_E_CLOSED);
    wait_leave(&publishers[0]);
    uint64_t number, missed;
    for (int i = 0; i < 3; i++) {
        assert_receives(i, 1, 0);
        assert_int_equal(receive(i, &number, &missed), ALKA_E_CLOSED);
    }
}

static void a_closed_channel_ends_its_subscription(void **state) {
    (void)state;
    begin();
    for (int i = 0; i < 3; i++)
        assert_int_equal(subscribe(i, 1, (enum topic_slow)i), ALKA_OK);
    assert_int_equal(publish(1, NULL, NULL), ALKA_OK); /* full ones, too */
    for (int i = 0; i < 3; i++)
        channel_close(&channels[i]);
    assert_int_equal(publish(1, NULL, NULL), ALKA_OK);
    assert_int_equal(topic.subscriber_count, 0);
}

/* --- The model: what is in each subscriber's channel. --- */

struct model {
    bool subscribed;
    uint64_t in[16], missed;
    uint32_t count, places;
};

static struct model models[SUBSCRIBERS];

static void model_pop(struct model *model) {
    memmove(&model->in[0], &model->in[1], sizeof model->in[0] * --model->count);
}

static void step_publish(uint64_t number) {
    bool blocked = false;
    for (int i = 0; i < SUBSCRIBERS; i++)
        blocked |= models[i].subscribed && subscriptions[i].slow == TOPIC_SLOW_BLOCKS &&
                   models[i].count == models[i].places;
    assert_int_equal(publish(number, NULL, NULL), blocked ? ALKA_E_WOULD_BLOCK : ALKA_OK);
    for (int i = 0; i < SUBSCRIBERS && !blocked; i++) {
        struct model *model = &models[i];
        if (!model->subscribed)
            continue;
        if (model->count == model->places) {
            model->missed++;
            if (subscriptions[i].slow == TOPIC_SLOW_DROPS)
                model_pop(model);
            else if (subscriptions[i].slow == TOPIC_SLOW_LEAVES)
                model->subscribed = false;
        }
        if (model->count < model->places && model->subscribed)
            model->in[model->count++] = number;
    }
}

static void step_receive(int i) {
    struct model *model = &models[i];
    uint64_t number, missed;
    alka_status status = receive(i, &number, &missed);
    if (model->count == 0) {
        assert_int_not_equal(status, ALKA_OK);
        return;
    }
    assert_int_equal(status, ALKA_OK);
    assert_int_equal(number, model->in[0]);
    assert_int_equal(missed, model->missed);
    model->missed = 0;
    model_pop(model);
}

static void random_topics_match_the_model(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
        begin();
        memset(models, 0, sizeof models);
        for (int i = 0; i < SUBSCRIBERS; i++)
            open_channel(i, 1);
        for (uint64_t step = 1; step < 600; step++) {
            int i = (int)random_below(SUBSCRIBERS);
            uint32_t dice = random_below(20);
            if (dice == 0 && !models[i].subscribed) {
                uint32_t places = 1 + random_below(15);
                assert_int_equal(subscribe(i, places, (enum topic_slow)random_below(4)), ALKA_OK);
                models[i] = (struct model){.subscribed = true, .places = places};
            } else if (dice == 1 && random_below(10) == 0) {
                topic_unsubscribe(&subscriptions[i]);
                models[i].subscribed = false;
            } else if (dice < 8) {
                step_publish(step);
            } else {
                step_receive(i);
            }
            for (i = 0; i < SUBSCRIBERS; i++) {
                assert_int_equal(channels[i].count, models[i].count);
                assert_int_equal(subscriptions[i].topic != NULL, models[i].subscribed);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_gets_everything),
        cmocka_unit_test(who_blocks_holds_up_publishing_to_all),
        cmocka_unit_test(who_skips_misses_the_new_ones),
        cmocka_unit_test(who_drops_loses_the_old_ones),
        cmocka_unit_test(who_leaves_keeps_what_it_had),
        cmocka_unit_test(what_is_not_allowed_is_refused),
        cmocka_unit_test(closing_ends_every_subscription),
        cmocka_unit_test(a_closed_channel_ends_its_subscription),
        cmocka_unit_test(random_topics_match_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
