/* The memory map, against a slow model: an array with one kind per page. */
#include "mm/memory_map.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE MEMORY_PAGE_BYTES

static struct memory_map in, out;

static void reset(void) { memset(&in, 0, sizeof in); }

static void sorts_and_merges(void **state) {
    (void)state;
    reset();
    memory_map_add(&in, 8 * PAGE, 2 * PAGE, MEMORY_USABLE);
    memory_map_add(&in, 1 * PAGE, 3 * PAGE, MEMORY_USABLE);
    memory_map_add(&in, 4 * PAGE, 1 * PAGE, MEMORY_USABLE);
    memory_map_normalise(&in, &out);
    assert_int_equal(out.count, 2);
    assert_int_equal(out.ranges[0].base, PAGE);
    assert_int_equal(out.ranges[0].size_bytes, 4 * PAGE);
    assert_int_equal(out.ranges[1].base, 8 * PAGE);
}

static void restrictive_kind_wins(void **state) {
    (void)state;
    reset();
    memory_map_add(&in, 2 * PAGE, PAGE, MEMORY_RESERVED);
    memory_map_add(&in, 0, 10 * PAGE, MEMORY_USABLE);
    memory_map_add(&in, 2 * PAGE, 3 * PAGE, MEMORY_KERNEL);
    memory_map_normalise(&in, &out);
    const struct memory_range expected[] = {{0, 2 * PAGE, MEMORY_USABLE},
                                            {2 * PAGE, PAGE, MEMORY_RESERVED},
                                            {3 * PAGE, 2 * PAGE, MEMORY_KERNEL},
                                            {5 * PAGE, 5 * PAGE, MEMORY_USABLE}};
    assert_int_equal(out.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(out.ranges[i].base, expected[i].base);
        assert_int_equal(out.ranges[i].size_bytes, expected[i].size_bytes);
        assert_int_equal(out.ranges[i].kind, expected[i].kind);
    }
}

static void rounds_usable_in_and_others_out(void **state) {
    (void)state;
    reset();
    memory_map_add(&in, 1, 4 * PAGE, MEMORY_USABLE);             /* pages 1–3 whole */
    memory_map_add(&in, 2 * PAGE + 5, 1, MEMORY_RESERVED);       /* all of page 2 */
    memory_map_add(&in, 20 * PAGE + 1, PAGE - 2, MEMORY_USABLE); /* no whole page */
    memory_map_normalise(&in, &out);
    assert_int_equal(out.count, 3);
    assert_int_equal(memory_map_total(&out, MEMORY_USABLE), 2 * PAGE);
    assert_int_equal(memory_map_total(&out, MEMORY_RESERVED), PAGE);
}

static void survives_impossible_ranges(void **state) {
    (void)state;
    reset();
    memory_map_add(&in, UINT64_MAX, UINT64_MAX, MEMORY_USABLE);
    memory_map_add(&in, MEMORY_PHYS_LIMIT, PAGE, MEMORY_USABLE);
    memory_map_add(&in, 5 * PAGE, 0, MEMORY_USABLE);
    assert_int_equal(in.count, 0);
    memory_map_add(&in, MEMORY_PHYS_LIMIT - PAGE, UINT64_MAX, MEMORY_USABLE);
    memory_map_normalise(&in, &out);
    assert_int_equal(memory_map_total(&out, MEMORY_USABLE), PAGE);
}

static void dropping_makes_nothing_usable(void **state) {
    (void)state;
    reset();
    memory_map_add(&in, 0, 1000 * PAGE, MEMORY_USABLE);
    for (uint32_t i = 1; i < MEMORY_RANGES_MAX; i++) {
        memory_map_add(&in, (2000 + 2 * i) * PAGE, PAGE, MEMORY_USABLE);
    }
    assert_int_equal(in.count, MEMORY_RANGES_MAX);
    memory_map_add(&in, 500 * PAGE, PAGE, MEMORY_RESERVED);
    memory_map_add(&in, 9000 * PAGE, PAGE, MEMORY_USABLE);
    assert_int_equal(in.dropped, 2);
    memory_map_normalise(&in, &out);
    assert_int_equal(out.ranges[0].base, 2002 * PAGE);
    assert_int_equal(memory_map_total(&out, MEMORY_USABLE), (MEMORY_RANGES_MAX - 1) * PAGE);
}

#define MODEL_PAGES 64u

static void agrees_with_a_model(void **state) {
    (void)state;
    srand(1);
    for (int round = 0; round < 2000; round++) {
        int model[MODEL_PAGES];
        memset(model, 0xFF, sizeof model); /* -1: nothing */
        reset();
        for (int i = rand() % 20; i >= 0; i--) {
            uint64_t first = (uint64_t)rand() % MODEL_PAGES;
            uint64_t count = (uint64_t)rand() % (MODEL_PAGES - first + 1);
            enum memory_kind kind = (enum memory_kind)(rand() % (MEMORY_BAD + 1));
            memory_map_add(&in, first * PAGE, count * PAGE, kind);
            for (uint64_t page = first; page < first + count; page++) {
                model[page] = (int)kind > model[page] ? (int)kind : model[page];
            }
        }
        memory_map_normalise(&in, &out);
        int got[MODEL_PAGES];
        memset(got, 0xFF, sizeof got);
        uint64_t end = 0;
        for (uint32_t i = 0; i < out.count; i++) {
            assert_true(out.ranges[i].base >= end && out.ranges[i].size_bytes > 0);
            end = out.ranges[i].base + out.ranges[i].size_bytes;
            for (uint64_t page = out.ranges[i].base / PAGE; page < end / PAGE; page++) {
                got[page] = (int)out.ranges[i].kind;
            }
        }
        assert_memory_equal(got, model, sizeof got);
    }
}

static void carves_below_a_limit(void **state) {
    (void)state;
    reset();
    memory_map_add(&in, 0, 4 * PAGE, MEMORY_USABLE);
    memory_map_add(&in, 10 * PAGE, 10 * PAGE, MEMORY_USABLE);
    memory_map_normalise(&in, &out);
    uint64_t base;
    assert_true(memory_map_carve(&out, 1, 30 * PAGE, &base));
    assert_int_equal(base, 19 * PAGE);
    assert_true(memory_map_carve(&out, 2 * PAGE, 15 * PAGE, &base));
    assert_int_equal(base, 10 * PAGE); /* the bottom of a range that reaches beyond the limit */
    assert_true(memory_map_carve(&out, 3 * PAGE, 11 * PAGE, &base));
    assert_int_equal(base, 1 * PAGE);
    assert_false(memory_map_carve(&out, 8 * PAGE, UINT64_MAX, &base));
    assert_false(memory_map_carve(&out, 0, UINT64_MAX, &base));
    assert_false(memory_map_carve(&out, UINT64_MAX, UINT64_MAX, &base));
    assert_int_equal(memory_map_total(&out, MEMORY_USABLE), 8 * PAGE);
}

static void withholds_the_bottom(void **state) {
    (void)state;
    reset();
    memory_map_add(&in, 0, PAGE, MEMORY_MODULE);
    memory_map_add(&in, PAGE, 2 * PAGE, MEMORY_USABLE);
    memory_map_add(&in, 5 * PAGE, 10 * PAGE, MEMORY_USABLE);
    memory_map_normalise(&in, &out);
    memory_map_withhold_below(&out, 7 * PAGE);
    assert_int_equal(memory_map_total(&out, MEMORY_MODULE), PAGE);
    assert_int_equal(memory_map_total(&out, MEMORY_USABLE), 8 * PAGE);
    assert_int_equal(out.ranges[2].base, 7 * PAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_and_merges),
        cmocka_unit_test(restrictive_kind_wins),
        cmocka_unit_test(rounds_usable_in_and_others_out),
        cmocka_unit_test(survives_impossible_ranges),
        cmocka_unit_test(dropping_makes_nothing_usable),
        cmocka_unit_test(agrees_with_a_model),
        cmocka_unit_test(carves_below_a_limit),
        cmocka_unit_test(withholds_the_bottom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
