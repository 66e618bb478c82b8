/* The trace's ring: what is kept, and that nothing half-written is ever read. */
#include "trace/ring.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct trace_ring ring;

static void put(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = ring.written + 1;
        const struct trace_record record = {.ticks = number * 3,
                                            .arguments = {number, ~number},
                                            .thread = (uint32_t)number,
                                            .module = (uint16_t)(number % 7),
                                            .kind = (uint16_t)(number % 5)};
        trace_ring_put(&ring, &record);
    }
}

static void check(uint64_t number) {
    struct trace_record record;
    assert_true(trace_ring_get(&ring, number, &record));
    assert_int_equal(record.ticks, number * 3);
    assert_int_equal(record.arguments[0], number);
    assert_int_equal(record.arguments[1], ~number);
    assert_int_equal(record.thread, number);
    assert_int_equal(record.module, number % 7);
    assert_int_equal(record.kind, number % 5);
}

static void keeps_the_newest(void **state) {
    (void)state;
    static const uint64_t counts[] = {
        0, 1, 2, TRACE_RECORDS - 1, TRACE_RECORDS, TRACE_RECORDS + 1, 3 * TRACE_RECORDS + 17};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint64_t count = counts[i];
        trace_ring_clear(&ring);
        put(count);
        assert_int_equal(ring.written, count);
        uint64_t first = trace_ring_first(&ring, UINT64_MAX);
        assert_int_equal(count + 1 - first, count < TRACE_RECORDS ? count : TRACE_RECORDS);
        for (uint64_t number = first; number <= count; number++) {
            check(number);
        }
        struct trace_record record;
        assert_false(trace_ring_get(&ring, 0, &record));
        assert_false(trace_ring_get(&ring, count + 1, &record));
        assert_false(first > 1 && trace_ring_get(&ring, first - 1, &record));
    }
}

static void shows_the_last(void **state) {
    (void)state;
    trace_ring_clear(&ring);
    put(10);
    assert_int_equal(trace_ring_first(&ring, 3), 8);
    assert_int_equal(trace_ring_first(&ring, 10), 1);
    assert_int_equal(trace_ring_first(&ring, 11), 1);
    assert_int_equal(trace_ring_first(&ring, 0), 11);
    trace_ring_clear(&ring);
    assert_int_equal(trace_ring_first(&ring, 5), 1);
    struct trace_record record;
    assert_false(trace_ring_get(&ring, 1, &record)); /* what was there before is forgotten */
}

static void skips_what_is_being_written(void **state) {
    (void)state;
    trace_ring_clear(&ring);
    put(TRACE_RECORDS);
    /* As if a writer were interrupted in the middle of the next record. */
    ring.written++;
    ring.slots[ring.written % TRACE_RECORDS].number = 0;
    struct trace_record record;
    assert_false(trace_ring_get(&ring, ring.written, &record));
    assert_false(trace_ring_get(&ring, ring.written - TRACE_RECORDS, &record));
    check(ring.written - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_the_newest),
                                       cmocka_unit_test(shows_the_last),
                                       cmocka_unit_test(skips_what_is_being_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
