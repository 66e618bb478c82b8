/* The directory of names against a list; two thousand names at once; what is always there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <ipc/names.h>
#include <ipc/topic.h>

enum { SMALL = 32, POOL = 60, LARGE = 4096 };

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % bound;
}

static struct alka_span span(const char *text) {
    return (struct alka_span){(const uint8_t *)text, strlen(text)};
}

static void names_have_limits(void **state) {
    (void)state;
    struct names_entry entries[4];
    struct names names;
    names_init(&names, entries, 4);
    int a, b;
    uint32_t kind;
    void *object;
    static const char longest[] = "12345678901234567890123456789012";
    static const char too_long[] = "123456789012345678901234567890123";
    assert_int_equal(names_add(&names, span(""), 1, &a), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(names_add(&names, span(too_long), 1, &a), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(names_add(&names, span(longest), 1, &a), ALKA_OK);
    assert_int_equal(names_add(&names, span(longest), 1, &b), ALKA_E_NAME_TAKEN);
    assert_int_equal(names_add(&names, span("b"), 2, &b), ALKA_OK);
    assert_int_equal(names_add(&names, span("c"), 2, &b), ALKA_E_SERVICE_LIMIT);
    assert_int_equal(names_find(&names, span(longest), &kind, &object), ALKA_OK);
    assert_ptr_equal(object, &a);
    assert_int_equal(kind, 1);
    assert_int_equal(names_find(&names, span(too_long), &kind, &object), ALKA_E_NO_SUCH_NAME);
    assert_int_equal(names_find(&names, span(""), &kind, &object), ALKA_E_NO_SUCH_NAME);
    assert_int_equal(names_find(&names, span("c"), &kind, &object), ALKA_E_NO_SUCH_NAME);
    assert_int_equal(names_remove(&names, span("c")), ALKA_E_NO_SUCH_NAME);
    assert_int_equal(names_remove(&names, span("b")), ALKA_OK);
    assert_int_equal(names_add(&names, span("c"), 2, &b), ALKA_OK);
}

static void random_names_match_a_list(void **state) {
    (void)state;
    struct names_entry entries[SMALL];
    struct names names;
    names_init(&names, entries, SMALL);
    bool present[POOL] = {false};
    char pool[POOL][8];
    uint32_t count = 0;
    for (uint32_t i = 0; i < POOL; i++)
        (void)snprintf(pool[i], sizeof pool[i], "n%u", i);
    for (uint32_t step = 0; step < 100000; step++) {
        uint32_t i = random_below(POOL);
        if (random_below(2) != 0) {
            alka_status expected = present[i]           ? ALKA_E_NAME_TAKEN
                                   : count == SMALL / 2 ? ALKA_E_SERVICE_LIMIT
                                                        : ALKA_OK;
            assert_int_equal(names_add(&names, span(pool[i]), i, pool[i]), expected);
            count += expected == ALKA_OK;
            present[i] |= expected == ALKA_OK;
        } else {
            assert_int_equal(names_remove(&names, span(pool[i])),
                             present[i] ? ALKA_OK : ALKA_E_NO_SUCH_NAME);
            count -= present[i];
            present[i] = false;
        }
        uint32_t look = random_below(POOL), kind;
        void *object;
        alka_status status = names_find(&names, span(pool[look]), &kind, &object);
        assert_int_equal(status, present[look] ? ALKA_OK : ALKA_E_NO_SUCH_NAME);
        if (status == ALKA_OK)
            assert_ptr_equal(object, pool[look]);
        assert_int_equal(names.count, count);
    }
    uint32_t cursor = 0, listed = 0;
    for (const struct names_entry *entry; (entry = names_next(&names, &cursor)) != NULL;) {
        assert_true(present[entry->kind]);
        listed++;
    }
    assert_int_equal(listed, count);
}

static void two_thousand_channels_have_names(void **state) {
    (void)state;
    static struct names_entry entries[LARGE];
    static struct channel channels[LARGE / 2];
    static uint8_t rings[LARGE / 2][128];
    struct names names;
    names_init(&names, entries, LARGE);
    for (uint32_t i = 0; i < LARGE / 2; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "channel-%u", i);
        assert_int_equal(channel_init(&channels[i], rings[i], 128, 64, 2), ALKA_OK);
        assert_int_equal(names_add(&names, span(name), 1, &channels[i]), ALKA_OK);
    }
    for (uint32_t i = 0; i < LARGE / 2; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "channel-%u", i);
        uint32_t kind, number;
        void *object;
        assert_int_equal(names_find(&names, span(name), &kind, &object), ALKA_OK);
        struct channel_message message = {&i, sizeof i, 0, NULL};
        assert_int_equal(channel_send(object, &message, NULL), ALKA_OK);
        struct channel_received received;
        assert_int_equal(channel_receive(&channels[i], &number, 4, 0, NULL, &received), ALKA_OK);
        assert_int_equal(number, i);
    }
}

static void what_is_always_there_cannot_hold_up_the_kernel(void **state) {
    (void)state;
    static const char *const expected[] = {"kernel", "debug", "broadcast", "log"};
    for (uint32_t i = 0; i < IPC_DEFAULT_COUNT; i++) {
        const struct ipc_default *it = &ipc_defaults[i];
        assert_string_equal(it->name, expected[i]);
        assert_true(channel_ring_bytes(it->message_max, it->places) != 0);
        assert_int_equal(it->is_topic ? it->allowed >> TOPIC_SLOW_BLOCKS & 1 : 0, 0);
    }
    assert_false(ipc_defaults[IPC_KERNEL].modules_write);
    assert_false(ipc_defaults[IPC_LOG].modules_read);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_limits),
        cmocka_unit_test(random_names_match_a_list),
        cmocka_unit_test(two_thousand_channels_have_names),
        cmocka_unit_test(what_is_always_there_cannot_hold_up_the_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
