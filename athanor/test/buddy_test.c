/* The buddy allocator, against a model that knows who owns each frame. */
#include "mm/buddy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAMES 1000u

static struct buddy_frame frames[FRAMES];
static struct buddy buddy;

static void orders(void **state) {
    (void)state;
    assert_int_equal(buddy_order(0), 0);
    assert_int_equal(buddy_order(1), 0);
    assert_int_equal(buddy_order(3), 2);
    assert_int_equal(buddy_order(4), 2);
    assert_int_equal(buddy_order(UINT64_MAX), BUDDY_ORDERS);
}

static void joins_what_it_is_given(void **state) {
    (void)state;
    buddy_start(&buddy, frames, 64);
    uint32_t first;
    assert_false(buddy_take(&buddy, 0, &first));
    buddy_add(&buddy, 0, 64);
    buddy_add(&buddy, 10, 1000); /* known already, and beyond the end */
    buddy_add(&buddy, 64, 1);
    assert_int_equal(buddy.stats.total_frames, 64);
    assert_true(buddy_take(&buddy, 6, &first));
    assert_int_equal(first, 0);
    assert_false(buddy_take(&buddy, 0, &first));
    assert_true(buddy_give(&buddy, 0, 6));
    assert_false(buddy_take(&buddy, 7, &first));
    assert_false(buddy_take(&buddy, BUDDY_ORDERS, &first));
    assert_false(buddy_take(&buddy, UINT32_MAX, &first));
}

static void refuses_wrong_gives(void **state) {
    (void)state;
    buddy_start(&buddy, frames, 64);
    buddy_add(&buddy, 0, 60);
    uint32_t first;
    assert_true(buddy_take(&buddy, 2, &first));
    assert_false(buddy_give(&buddy, first, 1));
    assert_false(buddy_give(&buddy, first + 1, 0));
    assert_false(buddy_give(&buddy, first + 4, 2));
    assert_false(buddy_give(&buddy, 62, 0)); /* never had it */
    assert_false(buddy_give(&buddy, 64, 0));
    assert_false(buddy_give(&buddy, UINT32_MAX, 0));
    assert_true(buddy_give(&buddy, first, 2));
    assert_false(buddy_give(&buddy, first, 2));
    assert_int_equal(buddy.stats.bad_gives, 7);
    assert_int_equal(buddy.stats.free_frames, 60);
}

struct block {
    uint32_t first, order;
};

static void random_life(void **state) {
    (void)state;
    static uint8_t owned[FRAMES];
    static struct block blocks[FRAMES];
    uint32_t block_count = 0, taken = 0;
    memset(owned, 0, sizeof owned);
    buddy_start(&buddy, frames, FRAMES);
    buddy_add(&buddy, 3, 400);
    buddy_add(&buddy, 450, FRAMES - 450);
    uint64_t total = 400 + FRAMES - 450;
    srand(2);
    for (int round = 0; round < 100000; round++) {
        if (rand() % 2 == 0) {
            struct block block = {0, (uint32_t)rand() % 6};
            if (!buddy_take(&buddy, block.order, &block.first)) {
                continue;
            }
            uint32_t count = 1u << block.order;
            assert_int_equal(block.first % count, 0);
            assert_true(block.first >= 3 && block.first + count <= FRAMES);
            for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(owned[block.first + i]++, 0);
            }
            taken += count;
            blocks[block_count++] = block;
        } else if (block_count > 0) {
            uint32_t at = (uint32_t)rand() % block_count;
            struct block block = blocks[at];
            blocks[at] = blocks[--block_count];
            memset(owned + block.first, 0, (size_t)1 << block.order);
            taken -= 1u << block.order;
            assert_true(buddy_give(&buddy, block.first, block.order));
        }
        assert_int_equal(buddy.stats.free_frames, total - taken);
    }
    for (; block_count > 0; block_count--) {
        assert_true(
            buddy_give(&buddy, blocks[block_count - 1].first, blocks[block_count - 1].order));
    }
    /* All is joined again: frames 512–767 are one block, and three of half the size are left whole.
     */
    uint32_t first;
    assert_true(buddy_take(&buddy, 8, &first));
    assert_int_equal(first, 512);
    assert_false(buddy_take(&buddy, 8, &first));
    for (int i = 0; i < 3; i++) {
        assert_true(buddy_take(&buddy, 7, &first));
    }
    assert_false(buddy_take(&buddy, 7, &first));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders),
        cmocka_unit_test(joins_what_it_is_given),
        cmocka_unit_test(refuses_wrong_gives),
        cmocka_unit_test(random_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
