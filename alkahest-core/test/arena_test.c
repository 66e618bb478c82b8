/* The arena: alignment, zeroing, reuse after reset, limits, and failure of every single grant. */
#include "fake_crucible.h"

#include <alkahest/arena.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool is_zero(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (bytes[i])
            return false;
    return true;
}

static void allocations_are_zeroed_aligned_and_apart(void **state) {
    (void)state;
    struct fake_crucible fake;
    fake_crucible_init(&fake);
    struct alka_arena arena;
    alka_arena_init(&arena, &fake.crucible, 0);

    uint8_t *last = NULL;
    for (size_t i = 1; i < 2000; i += 7) {
        uint8_t *bytes;
        assert_int_equal(alka_arena_alloc(&arena, i, 3, &bytes), ALKA_OK);
        assert_int_equal((uintptr_t)bytes % 16, 0);
        assert_true(is_zero(bytes, i * 3));
        memset(bytes, 0xAA, i * 3);
        assert_ptr_not_equal(bytes, last);
        last = bytes;
    }
    assert_int_equal(arena.held_bytes, fake.held_bytes);
    alka_arena_drop(&arena);
    assert_int_equal(arena.held_bytes, 0);
    assert_true(fake_crucible_is_empty(&fake));
}

static void nothing_has_an_address_of_its_own(void **state) {
    (void)state;
    struct fake_crucible fake;
    fake_crucible_init(&fake);
    struct alka_arena arena;
    alka_arena_init(&arena, &fake.crucible, 0);
    void *first, *second;
    assert_int_equal(alka_arena_alloc(&arena, 0, 8, &first), ALKA_OK);
    assert_int_equal(alka_arena_alloc(&arena, 8, 0, &second), ALKA_OK);
    assert_non_null(first);
    assert_ptr_not_equal(first, second);
    alka_arena_drop(&arena);
    assert_true(fake_crucible_is_empty(&fake));
}

static void reset_reuses_memory_and_zeroes_it_again(void **state) {
    (void)state;
    struct fake_crucible fake;
    fake_crucible_init(&fake);
    struct alka_arena arena;
    alka_arena_init(&arena, &fake.crucible, 0);
    uint8_t *kept;
    assert_int_equal(alka_arena_alloc(&arena, 100, 1, &kept), ALKA_OK);
    memset(kept, 0x55, 100);
    struct alka_arena_mark mark = alka_arena_mark(&arena);
    uint32_t grants_after_warm_up = 0;
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 30; i++) {
            uint8_t *bytes;
            assert_int_equal(alka_arena_alloc(&arena, 5000, 1, &bytes), ALKA_OK);
            assert_true(is_zero(bytes, 5000));
            memset(bytes, 0xFF, 5000);
        }
        alka_arena_reset(&arena, mark);
        if (round == 2)
            grants_after_warm_up = fake.grants;
    }
    /* The spare chunk made later rounds cheaper than the first. */
    assert_true(fake.grants - grants_after_warm_up <= grants_after_warm_up);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(kept[i], 0x55);
    assert_true(fake.holding_count <= 2);
    alka_arena_drop(&arena);
    assert_true(fake_crucible_is_empty(&fake));
}

static void sizes_that_overflow_are_refused(void **state) {
    (void)state;
    struct fake_crucible fake;
    fake_crucible_init(&fake);
    struct alka_arena arena;
    alka_arena_init(&arena, &fake.crucible, 0);
    void *pointer = &fake;
    assert_int_equal(alka_arena_alloc(&arena, SIZE_MAX, 2, &pointer), ALKA_E_ARENA_LIMIT);
    assert_int_equal(alka_arena_alloc(&arena, SIZE_MAX, 1, &pointer), ALKA_E_ARENA_LIMIT);
    assert_int_equal(alka_arena_alloc(&arena, SIZE_MAX - 4096, 1, &pointer), ALKA_E_ARENA_LIMIT);
    assert_ptr_equal(pointer, &fake);
    assert_int_equal(fake.grants, 0);
    alka_arena_drop(&arena);
}

static void the_limit_holds_to_the_page(void **state) {
    (void)state;
    struct fake_crucible fake;
    fake_crucible_init(&fake);
    struct alka_arena arena;
    alka_arena_init(&arena, &fake.crucible, 10 * (size_t)ALKA_PAGE_BYTES);
    void *pointer;
    assert_int_equal(alka_arena_alloc(&arena, 11 * (size_t)ALKA_PAGE_BYTES, 1, &pointer),
                     ALKA_E_ARENA_LIMIT);
    assert_int_equal(alka_arena_alloc(&arena, 10 * (size_t)ALKA_PAGE_BYTES - 16, 1, &pointer),
                     ALKA_OK);
    assert_int_equal(arena.held_bytes, 10 * (size_t)ALKA_PAGE_BYTES);
    assert_int_equal(alka_arena_alloc(&arena, 1, 1, &pointer), ALKA_E_ARENA_LIMIT);
    alka_arena_drop(&arena);
    assert_true(fake_crucible_is_empty(&fake));
}

static void every_grant_may_fail(void **state) {
    (void)state;
    for (uint32_t fail_at = 0;; fail_at++) {
        struct fake_crucible fake;
        fake_crucible_init(&fake);
        fake.fail_at = fail_at;
        struct alka_arena arena;
        alka_arena_init(&arena, &fake.crucible, 0);
        alka_status status = ALKA_OK;
        for (unsigned i = 0; i < 100 && status == ALKA_OK; i++) {
            void *pointer;
            status = alka_arena_alloc(&arena, 10000, 1, &pointer);
        }
        alka_arena_drop(&arena);
        assert_true(fake_crucible_is_empty(&fake));
        if (fake.grants <= fail_at) {
            assert_int_equal(status, ALKA_OK);
            assert_true(fail_at > 2);
            return;
        }
        assert_int_equal(status, ALKA_E_OUT_OF_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_zeroed_aligned_and_apart),
        cmocka_unit_test(nothing_has_an_address_of_its_own),
        cmocka_unit_test(reset_reuses_memory_and_zeroes_it_again),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(the_limit_holds_to_the_page),
        cmocka_unit_test(every_grant_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
