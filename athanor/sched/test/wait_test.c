/* Wait queues: order, who is told, and that the word is passed on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched/wait.h>

enum { ENTRIES = 5 };

static uint32_t woken[ENTRIES];
static struct wait_entry entries[ENTRIES];

static void on_wake(struct wait_entry *entry) { woken[entry - entries]++; }

static void start(void) {
    for (uint32_t i = 0; i < ENTRIES; i++) {
        entries[i] = (struct wait_entry){.wake = on_wake};
        woken[i] = 0;
    }
}

static void only_the_head_is_woken_and_it_keeps_its_place(void **state) {
    (void)state;
    struct wait_queue queue = {0};
    start();
    wait_wake(&queue); /* nobody: nothing */
    for (uint32_t i = 0; i < 3; i++)
        wait_join(&queue, &entries[i]);
    wait_join(&queue, &entries[0]); /* joining again changes nothing */
    wait_wake(&queue);
    wait_wake(&queue);
    assert_int_equal(woken[0], 2);
    assert_int_equal(woken[1] + woken[2], 0);
    assert_int_equal(queue.count, 3);
    assert_true(wait_may_go(&queue, &entries[0]));
    assert_false(wait_may_go(&queue, &entries[1]));
    assert_false(wait_may_go(&queue, NULL));
    assert_false(wait_may_go(&queue, &entries[4]));
    struct wait_queue empty = {0};
    assert_true(wait_may_go(&empty, NULL));
    assert_true(wait_may_go(&empty, &entries[4]));
}

static void leaving_the_head_passes_the_word_on(void **state) {
    (void)state;
    struct wait_queue queue = {0};
    start();
    for (uint32_t i = 0; i < 4; i++)
        wait_join(&queue, &entries[i]);
    wait_leave(&entries[2]); /* from the middle: nobody's turn has come */
    assert_int_equal(woken[0] + woken[1] + woken[3], 0);
    wait_leave(&entries[0]);
    assert_int_equal(woken[1], 1);
    wait_served(&entries[1]);
    assert_int_equal(woken[3], 0);
    assert_ptr_equal(queue.first, &entries[3]);
    wait_leave(&entries[3]);
    wait_leave(&entries[3]);
    wait_served(&entries[4]); /* never joined */
    assert_null(queue.first);
    assert_null(queue.last);
    assert_int_equal(queue.count, 0);
    wait_join(&queue, &entries[3]);
    assert_ptr_equal(queue.first, &entries[3]);
}

static void all_can_be_woken(void **state) {
    (void)state;
    struct wait_queue queue = {0};
    start();
    for (uint32_t i = 0; i < ENTRIES; i++)
        wait_join(&queue, &entries[i]);
    wait_wake_all(&queue);
    for (uint32_t i = 0; i < ENTRIES; i++)
        assert_int_equal(woken[i], 1);
    assert_int_equal(queue.count, ENTRIES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_head_is_woken_and_it_keeps_its_place),
        cmocka_unit_test(leaving_the_head_passes_the_word_on),
        cmocka_unit_test(all_can_be_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
