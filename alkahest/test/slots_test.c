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

static uint64_t reserve(uint64_t commit_bytes) {
    const struct alka_crucible *crucible = alka_engine_crucible(engine);
    struct alka_host_addr base;
    assert_int_equal(
        crucible->slot_reserve(crucible->self, CONTEXT_BYTES, commit_bytes, reserve_bytes, &base),
        ALKA_OK);
    return base.value;
}

static void commit(uint64_t base, uint64_t from, uint64_t to) {
    const struct alka_crucible *crucible = alka_engine_crucible(engine);
    struct alka_host_addr address = {base};
    assert_int_equal(crucible->slot_commit(crucible->self, address, from, to), ALKA_OK);
}

static void release(uint64_t base, uint64_t committed_bytes) {
    const struct alka_crucible *crucible = alka_engine_crucible(engine);
    crucible->slot_release(crucible->self, (struct alka_host_addr){base}, CONTEXT_BYTES,
                           committed_bytes, reserve_bytes);
}

static void fill(uint64_t address, size_t bytes) { memset((void *)address, 0xA5, bytes); }

static void assert_zero(uint64_t address, size_t bytes) {
    const uint8_t *at = (const uint8_t *)address;
    for (size_t i = 0; i < bytes; i++)
        if (at[i])
            fail_msg("byte %zu is %u", i, at[i]);
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

/* As if it had been made anew: the context and `commit_bytes` are zero, nothing behind is there. */
static void assert_new(uint64_t base, uint64_t commit_bytes) {
    assert_zero(base - CONTEXT_BYTES, CONTEXT_BYTES);
    assert_zero(base, commit_bytes);
    for (uint64_t at = commit_bytes; at < commit_bytes + 8 * MEMORY_BYTES; at += ALKA_PAGE_BYTES)
        assert_false(is_accessible(base + at));
    for (uint64_t at = MEMORY_BYTES; at < reserve_bytes; at *= 2)
        assert_true(at < commit_bytes || !is_accessible(base + at));
    assert_false(is_accessible(base + reserve_bytes - 1));
}

static void a_slot_comes_back_empty_and_unmapped(void **state) {
    (void)state;
    uint64_t first = reserve(0);
    assert_new(first, 0);
    commit(first, 0, MEMORY_BYTES);
    commit(first, MEMORY_BYTES, 4 * MEMORY_BYTES);
    fill(first - CONTEXT_BYTES, CONTEXT_BYTES + 4 * MEMORY_BYTES);
    release(first, 4 * MEMORY_BYTES);

    uint64_t second = reserve(0);
    assert_int_equal(second, first);
    assert_new(second, 0);
    commit(second, 0, MEMORY_BYTES);
    assert_new(second, MEMORY_BYTES);
    release(second, MEMORY_BYTES);
}

/* Whatever one had and the next one gets. Beyond 1 and 256 of these sizes a spare slot is cleared
 * in another way. */
static void sizes_follow_sizes(void **state) {
    (void)state;
    static const uint64_t sizes[] = {0, 1, 2, 7, 256, 257, 300};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    uint64_t place = 0;
    for (unsigned turn = 0; turn < SIZES * SIZES; turn++) {
        uint64_t had = sizes[turn / SIZES] * MEMORY_BYTES,
                 gets = sizes[turn % SIZES] * MEMORY_BYTES;
        uint64_t base = reserve(had);
        assert_int_equal(base, place ? place : base);
        place = base;
        fill(base - CONTEXT_BYTES, CONTEXT_BYTES + had);
        release(base, had);
        assert_int_equal(reserve(gets), place);
        assert_new(place, gets);
        fill(place, gets);
        release(place, gets);
    }
}

static void slots_in_use_are_different_ones(void **state) {
    (void)state;
    uint64_t slots[8];
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < 8; i++) {
            slots[i] = reserve(i % 2 * MEMORY_BYTES);
            assert_new(slots[i], i % 2 * MEMORY_BYTES);
            fill(slots[i] - CONTEXT_BYTES, CONTEXT_BYTES + i % 2 * MEMORY_BYTES);
            for (unsigned other = 0; other < i; other++)
                assert_int_not_equal(slots[i], slots[other]);
        }
        for (unsigned i = 0; i < 8; i++)
            release(slots[i], i % 2 * MEMORY_BYTES);
    }
}

/* --- The same by modules, one after the other. --- */

enum { MIN_PAGES_AT = 25, RUN_TURNS = 60 };

/* (module (memory (export "memory") 0)
 *   (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0)))
 *   (func (export "soil") (param i32) (result i32)
 *     (drop (memory.grow (local.get 0)))
 *     (memory.fill (i32.const 0) (i32.const 0xA5) (i32.mul (memory.size) (i32.const 65536)))
 *     (memory.size))) */
static const uint8_t soiler[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01,
    0x7f, 0x03, 0x03, 0x02, 0x00, 0x00, 0x05, 0x03, 0x01, 0x00, 0x00, 0x07, 0x18, 0x03, 0x06,
    0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x04, 0x70, 0x65, 0x65, 0x6b, 0x00, 0x00,
    0x04, 0x73, 0x6f, 0x69, 0x6c, 0x00, 0x01, 0x0a, 0x22, 0x02, 0x07, 0x00, 0x20, 0x00, 0x2d,
    0x00, 0x00, 0x0b, 0x18, 0x00, 0x20, 0x00, 0x40, 0x00, 0x1a, 0x41, 0x00, 0x41, 0xa5, 0x01,
    0x3f, 0x00, 0x41, 0x80, 0x80, 0x04, 0x6c, 0xfc, 0x0b, 0x00, 0x3f, 0x00, 0x0b,
};

static struct alka_image *compile(uint8_t min_pages) {
    static uint8_t bytes[128][sizeof soiler]; /* borrowed by the image */
    memcpy(bytes[min_pages], soiler, sizeof soiler);
    bytes[min_pages][MIN_PAGES_AT] = min_pages;
    struct alka_image *image;
    struct alka_diag diag;
    struct alka_span module = {bytes[min_pages], sizeof soiler};
    assert_int_equal(alka_engine_compile(engine, module, NULL, &image, &diag), ALKA_OK);
    return image;
}

static enum alka_trap call(struct alka_instance *instance, const char *name, uint32_t argument,
                           uint32_t *out_result) {
    struct alka_extern function;
    assert_true(alka_instance_export(instance, alka_name(name), &function));
    uint64_t value = argument;
    enum alka_trap trap;
    assert_int_equal(alka_engine_call(engine, function.func, &value, &trap, NULL), ALKA_OK);
    *out_result = (uint32_t)value;
    return trap;
}

/* Finds nothing of those before, leaves as much as it can. */
static void life(struct alka_image *image, uint32_t pages, uint32_t more_pages) {
    struct alka_instance *instance;
    struct alka_instantiate_error error;
    assert_int_equal(alka_engine_instantiate(engine, image, NULL, NULL, &instance, &error),
                     ALKA_OK);
    struct alka_extern memory;
    assert_true(alka_instance_export(instance, alka_name("memory"), &memory));
    uint32_t bytes = pages * MEMORY_BYTES, result;
    assert_zero(memory.memory->base.value, bytes);
    assert_int_equal(call(instance, "peek", bytes, &result), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(call(instance, "peek", 0x80000000, &result), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(call(instance, "soil", more_pages, &result), ALKA_TRAP_NONE);
    assert_int_equal(result, pages + more_pages);
    alka_instance_drop(instance);
}

static void instances_find_nothing_of_each_other(void **state) {
    assert_int_equal(open_engine(state), 0); /* here: cmocka's handlers of signals are older then */
    static const uint8_t pages[] = {0, 1, 2, 17, 100};
    static const uint32_t more[] = {0, 1, 5, 200};
    struct alka_image *images[5];
    for (unsigned i = 0; i < 5; i++)
        images[i] = compile(pages[i]);
    uint32_t random = 7;
    for (unsigned turn = 0; turn < RUN_TURNS; turn++) {
        random = random * 1664525u + 1013904223u;
        unsigned which = random >> 16;
        life(images[which % 5], pages[which % 5], more[which / 5 % 4]);
    }
    for (unsigned i = 0; i < 5; i++)
        alka_image_release(images[i]);
    assert_int_equal(close_engine(state), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_slot_comes_back_empty_and_unmapped, open_engine,
                                        close_engine),
        cmocka_unit_test_setup_teardown(sizes_follow_sizes, open_engine, close_engine),
        cmocka_unit_test_setup_teardown(slots_in_use_are_different_ones, open_engine, close_engine),
        cmocka_unit_test(instances_find_nothing_of_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
