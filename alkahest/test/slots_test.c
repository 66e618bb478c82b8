/* Slots are used again: what the next instance finds must not tell from a slot made anew. */
#include <alkahest.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CONTEXT_BYTES = 2 * (int)ALKA_PAGE_BYTES, MEMORY_BYTES = 65536 };

static const uint64_t reserve_bytes = ALKA_SLOT_BYTES;

static struct alka_engine *engine;

static int open_engine(void **state) {
    (void)state;
    return alka_engine_open(NULL, &engine) == ALKA_OK ? 0 : -1;
}

static int close_engine(void **state) {
    (void)state;
    alka_engine_close(engine);
    return 0;
}

static uint64_t reserve(void) {
    const struct alka_crucible *crucible = alka_engine_crucible(engine);
    struct alka_host_addr base;
    assert_int_equal(crucible->slot_reserve(crucible->self, CONTEXT_BYTES, reserve_bytes, &base),
                     ALKA_OK);
    return base.value;
}

static void commit(uint64_t base, uint64_t from, uint64_t to) {
    const struct alka_crucible *crucible = alka_engine_crucible(engine);
    struct alka_host_addr address = {base};
    assert_int_equal(crucible->slot_commit(crucible->self, address, from, to), ALKA_OK);
}

static void release(uint64_t base) {
    const struct alka_crucible *crucible = alka_engine_crucible(engine);
    crucible->slot_release(crucible->self, (struct alka_host_addr){base}, CONTEXT_BYTES,
                           reserve_bytes);
}

static void fill(uint64_t address, size_t bytes) { memset((void *)address, 0xA5, bytes); }

static void assert_zero(uint64_t address, size_t bytes) {
    const uint8_t *at = (const uint8_t *)address;
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(at[i], 0);
}

/* Asks the kernel, which does not fault. */
static bool is_accessible(uint64_t address) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    bool is_readable = write(ends[1], (const void *)address, 1) == 1;
    (void)close(ends[0]);
    (void)close(ends[1]);
    return is_readable;
}

static void a_slot_comes_back_empty_and_unmapped(void **state) {
    (void)state;
    uint64_t first = reserve();
    commit(first, 0, MEMORY_BYTES);
    commit(first, MEMORY_BYTES, 4 * MEMORY_BYTES);
    fill(first - CONTEXT_BYTES, CONTEXT_BYTES + 4 * MEMORY_BYTES);
    release(first);

    uint64_t second = reserve();
    assert_int_equal(second, first);
    assert_zero(second - CONTEXT_BYTES, CONTEXT_BYTES);
    for (uint64_t at = 0; at < 4 * MEMORY_BYTES; at += ALKA_PAGE_BYTES)
        assert_false(is_accessible(second + at));
    commit(second, 0, MEMORY_BYTES);
    assert_zero(second, MEMORY_BYTES);
    assert_false(is_accessible(second + MEMORY_BYTES));
    assert_false(is_accessible(second + reserve_bytes - 1));
    release(second);
}

static void slots_in_use_are_different_ones(void **state) {
    (void)state;
    uint64_t slots[8];
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < 8; i++) {
            slots[i] = reserve();
            fill(slots[i] - CONTEXT_BYTES, CONTEXT_BYTES);
            for (unsigned other = 0; other < i; other++)
                assert_int_not_equal(slots[i], slots[other]);
        }
        for (unsigned i = 0; i < 8; i++)
            release(slots[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_slot_comes_back_empty_and_unmapped, open_engine,
                                        close_engine),
        cmocka_unit_test_setup_teardown(slots_in_use_are_different_ones, open_engine, close_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
