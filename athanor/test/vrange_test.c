/* Address space: no overlap, nothing lost, failures without a trace. */
#include "mm/vrange.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE UINT64_C(4096)
#define BASE (UINT64_C(0xFFFFC00000000000))
#define PAGES 4096u

static int64_t extents_out, extents_allowed;

static struct vrange_extent *take(void *self) {
    (void)self;
    if (extents_allowed == 0) {
        return NULL;
    }
    extents_allowed--;
    extents_out++;
    return malloc(sizeof(struct vrange_extent));
}

static void give(void *self, struct vrange_extent *extent) {
    (void)self;
    extents_out--;
    free(extent);
}

static struct vrange range;

static int setup(void **state) {
    (void)state;
    extents_out = 0;
    extents_allowed = 1000000;
    vrange_start(&range, BASE, BASE + PAGES * PAGE, &(struct vrange_source){take, give, NULL});
    return 0;
}

static void takes_and_gives(void **state) {
    (void)state;
    uint64_t a, b, c;
    assert_true(vrange_take(&range, PAGE, PAGE, &a));
    assert_true(vrange_take(&range, 8 * PAGE, 16 * PAGE, &b));
    assert_int_equal(a, BASE);
    assert_int_equal(b, BASE + 16 * PAGE);
    assert_true(vrange_take(&range, 15 * PAGE, PAGE, &c)); /* the gap before b */
    assert_int_equal(c, BASE + PAGE);
    assert_int_equal(vrange_size(&range, b), 8 * PAGE);
    assert_int_equal(vrange_size(&range, b + PAGE), 0);
    assert_int_equal(vrange_give(&range, b + PAGE), 0);
    assert_int_equal(vrange_give(&range, b), 8 * PAGE);
    assert_int_equal(vrange_give(&range, b), 0);
    assert_int_equal(vrange_give(&range, a), PAGE);
    assert_int_equal(vrange_give(&range, c), 15 * PAGE);
    assert_int_equal(extents_out, 0);
    assert_true(vrange_take(&range, PAGES * PAGE, PAGE, &a));
    assert_false(vrange_take(&range, PAGE, PAGE, &b));
    assert_int_equal(vrange_give(&range, a), PAGES * PAGE);
}

static void trims(void **state) {
    (void)state;
    uint64_t a, b;
    assert_true(vrange_take(&range, 10 * PAGE, PAGE, &a));
    assert_false(vrange_trim(&range, a, 10 * PAGE));
    assert_false(vrange_trim(&range, a, 0));
    assert_false(vrange_trim(&range, a + PAGE, PAGE));
    assert_true(vrange_trim(&range, a, 3 * PAGE));
    assert_int_equal(range.used_bytes, 3 * PAGE);
    assert_true(vrange_take(&range, PAGE, PAGE, &b));
    assert_int_equal(b, a + 3 * PAGE);
    extents_allowed = 0;
    assert_false(vrange_trim(&range, a, PAGE)); /* no memory for the books */
    assert_int_equal(vrange_size(&range, a), 3 * PAGE);
    assert_int_equal(vrange_give(&range, a), 3 * PAGE);
    assert_int_equal(vrange_give(&range, b), PAGE);
    assert_int_equal(extents_out, 0);
}

static void failing_books_leave_no_trace(void **state) {
    (void)state;
    for (int64_t allowed = 0; allowed < 2; allowed++) {
        uint64_t a, all;
        extents_allowed = allowed;
        assert_int_equal(vrange_take(&range, PAGE, PAGE, &a), allowed > 0);
        if (allowed > 0) {
            assert_int_equal(vrange_give(&range, a), PAGE);
            extents_allowed = 1; /* a gap needs one, the rest another */
            range.all.base += PAGE;
            range.all.size_bytes -= PAGE;
            assert_false(vrange_take(&range, PAGE, 16 * PAGE, &a));
            range.all.base -= PAGE;
            range.all.size_bytes += PAGE;
        }
        assert_int_equal(extents_out, 0);
        assert_true(vrange_take(&range, PAGES * PAGE, PAGE, &all));
        assert_int_equal(vrange_give(&range, all), PAGES * PAGE);
    }
}

static void random_life(void **state) {
    (void)state;
    static uint8_t owned[PAGES];
    static uint64_t bases[300];
    uint64_t used = 0;
    memset(owned, 0, sizeof owned);
    memset(bases, 0, sizeof bases);
    srand(4);
    for (int round = 0; round < 50000; round++) {
        size_t i = (size_t)rand() % 300;
        if (bases[i] == 0) {
            uint64_t pages = 1 + (uint64_t)rand() % 60, align = PAGE << rand() % 6;
            if (!vrange_take(&range, pages * PAGE, align, &bases[i])) {
                continue;
            }
            assert_int_equal(bases[i] % align, 0);
            used += pages;
            for (uint64_t page = 0; page < pages; page++) {
                assert_int_equal(owned[(bases[i] - BASE) / PAGE + page]++, 0);
            }
            continue;
        }
        uint64_t size = vrange_give(&range, bases[i]);
        assert_true(size > 0);
        used -= size / PAGE;
        memset(owned + (bases[i] - BASE) / PAGE, 0, size / PAGE);
        bases[i] = 0;
        assert_int_equal(range.used_bytes, used * PAGE);
    }
    for (size_t i = 0; i < 300; i++) {
        assert_true(bases[i] == 0 || vrange_give(&range, bases[i]) > 0);
    }
    assert_int_equal(extents_out, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(takes_and_gives, setup),
        cmocka_unit_test_setup(trims, setup),
        cmocka_unit_test_setup(failing_books_leave_no_trace, setup),
        cmocka_unit_test_setup(random_life, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
