/* The heap on a page source that counts, and fails on demand. */
#include "mm/heap.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t pages_out;
static uint64_t pages_allowed;

static void *take(void *self, uint32_t order) {
    (void)self;
    size_t pages = (size_t)1 << order;
    if (pages > pages_allowed) {
        return NULL;
    }
    pages_allowed -= pages;
    pages_out += (int64_t)pages;
    void *block = aligned_alloc(HEAP_PAGE_BYTES, pages * HEAP_PAGE_BYTES);
    memset(block, 0xA5, pages * HEAP_PAGE_BYTES);
    return block;
}

static void give(void *self, void *pages, uint32_t order) {
    (void)self;
    pages_out -= (int64_t)1 << order;
    free(pages);
}

static struct heap heap;

static int setup(void **state) {
    (void)state;
    pages_out = 0;
    pages_allowed = 10000;
    heap_start(&heap, &(struct heap_source){take, give, NULL});
    return 0;
}

static void every_size(void **state) {
    (void)state;
    for (size_t bytes = 1; bytes < 20000; bytes += bytes < 1200 ? 1 : 997) {
        uint8_t *block = heap_take(&heap, bytes);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 16, 0);
        for (size_t i = 0; i < bytes; i++) {
            assert_int_equal(block[i], 0);
        }
        memset(block, 0xFF, bytes);
        heap_give(&heap, block, bytes);
    }
    assert_int_equal(pages_out, 0);
    assert_int_equal(heap.stats.pages, 0);
    assert_int_equal(heap.stats.used_bytes, 0);
    assert_null(heap_take(&heap, 0));
    assert_null(heap_take(&heap, SIZE_MAX));
    assert_null(heap_take(&heap, SIZE_MAX - HEAP_PAGE_BYTES));
    heap_give(&heap, NULL, 100);
    assert_int_equal(heap.stats.bad_gives, 0);
}

#define BLOCKS 2000u

static void random_life(void **state) {
    (void)state;
    static struct {
        uint8_t *at;
        size_t bytes;
        uint8_t mark;
    } blocks[BLOCKS];
    srand(3);
    for (int round = 0; round < 200000; round++) {
        uint32_t i = (uint32_t)rand() % BLOCKS;
        if (blocks[i].at == NULL) {
            blocks[i].bytes = 1 + (size_t)rand() % (rand() % 20 == 0 ? 9000 : 600);
            blocks[i].mark = (uint8_t)rand();
            blocks[i].at = heap_take(&heap, blocks[i].bytes);
            if (blocks[i].at != NULL) {
                memset(blocks[i].at, blocks[i].mark, blocks[i].bytes);
            }
            continue;
        }
        for (size_t k = 0; k < blocks[i].bytes; k++) {
            assert_int_equal(blocks[i].at[k], blocks[i].mark);
        }
        heap_give(&heap, blocks[i].at, blocks[i].bytes);
        blocks[i].at = NULL;
    }
    for (uint32_t i = 0; i < BLOCKS; i++) {
        heap_give(&heap, blocks[i].at, blocks[i].bytes);
        blocks[i].at = NULL;
    }
    assert_int_equal(heap.stats.bad_gives, 0);
    assert_int_equal(pages_out, 0);
}

static void wrong_gives_are_counted(void **state) {
    (void)state;
    uint8_t *block = heap_take(&heap, 100);
    heap_give(&heap, block, 5);         /* another class */
    heap_give(&heap, block + 16, 100);  /* inside */
    heap_give(&heap, block + 128, 100); /* a block that is free */
    heap_give(&heap, block, 0);
    heap_give(&heap, block, 5000); /* no page */
    assert_int_equal(heap.stats.bad_gives, 5);
    uint8_t *other = heap_take(&heap, 100);
    heap_give(&heap, block, 100);
    heap_give(&heap, block, 100); /* twice */
    assert_int_equal(heap.stats.bad_gives, 6);
    heap_give(&heap, other, 100);
    assert_int_equal(pages_out, 0);
}

static void exhaustion_is_an_answer(void **state) {
    (void)state;
    pages_allowed = 3;
    void *blocks[100];
    size_t count = 0;
    while ((blocks[count] = heap_take(&heap, 576)) != NULL) {
        count++;
    }
    assert_int_equal(count, 3 * 7);
    assert_null(heap_take(&heap, 5000));
    assert_int_equal(heap.stats.refusals, 2);
    heap_give(&heap, blocks[0], 576);
    blocks[0] = heap_take(&heap, 576);
    assert_non_null(blocks[0]);
    for (size_t i = 0; i < count; i++) {
        heap_give(&heap, blocks[i], 576);
    }
    assert_int_equal(pages_out, 0);
}

static struct {
    const void *block;
    size_t bytes, offset;
    uint32_t count;
} damage;

static void note_damage(const void *block, size_t bytes, size_t offset) {
    damage.block = block;
    damage.bytes = bytes;
    damage.offset = offset;
    damage.count++;
}

/* A write to a block that was given back is told when the block is taken again, and only then. */
static void late_writes_are_found(void **state) {
    (void)state;
    heap.damaged = note_damage;
    damage.count = 0;
    for (size_t bytes = 1; bytes <= HEAP_SMALL_MAX; bytes += 13) {
        void *keeps_the_page = heap_take(&heap, bytes);
        uint8_t *block = heap_take(&heap, bytes);
        for (size_t i = 0; i < bytes; i++) {
            assert_int_equal(block[i], 0);
        }
        heap_give(&heap, block, bytes);
        assert_ptr_equal(heap_take(&heap, bytes), block);
        assert_int_equal(damage.count, 0);
        heap_give(&heap, block, bytes);
        block[bytes - 1] ^= 1;
        assert_ptr_equal(heap_take(&heap, bytes), block);
        assert_int_equal(damage.count, 1);
        assert_ptr_equal(damage.block, block);
        assert_true(damage.bytes >= bytes);
        assert_int_equal(damage.offset, (bytes - 1) / 8 * 8);
        damage.count = 0;
        heap_give(&heap, block, bytes);
        heap_give(&heap, keeps_the_page, bytes);
    }
    assert_int_equal(pages_out, 0);
}

static void counts_by_class(void **state) {
    (void)state;
    struct heap_class_stats class;
    void *one = heap_take(&heap, 576), *other = heap_take(&heap, 400),
         *large = heap_take(&heap, 5000);
    heap_class_stats(&heap, 9, &class);
    assert_int_equal(class.block_bytes, 576);
    assert_int_equal(class.used, 2);
    assert_int_equal(class.free, 5);
    heap_give(&heap, one, 576);
    heap_give(&heap, large, 5000);
    heap_class_stats(&heap, 9, &class);
    assert_int_equal(class.used, 1);
    assert_int_equal(class.free, 6);
    heap_give(&heap, other, 400);
    heap_class_stats(&heap, 9, &class);
    assert_int_equal(class.used + class.free, 0);
    assert_int_equal(heap.stats.peak_used_bytes, 5976);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_size, setup),
        cmocka_unit_test_setup(random_life, setup),
        cmocka_unit_test_setup(wrong_gives_are_counted, setup),
        cmocka_unit_test_setup(exhaustion_is_an_answer, setup),
        cmocka_unit_test_setup(late_writes_are_found, setup),
        cmocka_unit_test_setup(counts_by_class, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
