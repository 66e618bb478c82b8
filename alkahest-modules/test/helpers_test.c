/* Runtime helpers at their edges: bounds that nearly overflow, nothing written before a trap,
 * overlapping copies, dropped segments, functions that another instance can name. */
#include "fake_crucible.h"

#include <alkahest/helpers.h>
#include <alkahest/instance.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

/* --- Two instances by hand, and a control stack for traps to be raised on. --- */

enum { PAGE = ALKA_WASM_PAGE_BYTES, TABLE_ENTRIES = 8 };

static struct {
    struct fake_crucible fake;
    uint8_t bytes[PAGE];
    uint8_t module_bytes[16];
    struct alka_data_segment data;
    struct alka_global_def globals[2];
    int32_t global_disp[2];
    uint64_t cells[3]; /* of global 1; what global 0 points to; the pointer */
    struct alka_image image;
    struct alka_memory memory;
    struct alka_memory *memories[1];
    struct alka_table funcs, externs, theirs;
    struct alka_table *tables[3];
    uint32_t data_bytes[1];
    uint64_t references[3];
    struct alka_elements elements[1];
    struct alka_instance instance, other;
    struct alka_func func, other_func;
    struct alka_context context;
} world;

static void world_table(struct alka_table *table, alka_valtype type, struct alka_instance *owner) {
    struct alka_range range = {.min = TABLE_ENTRIES, .max = 12, .has_max = true};
    assert_int_equal(alka_table_make(table, &world.fake.crucible, type, &range, 100), ALKA_OK);
    table->owner = owner;
}

static int world_open(void **state) {
    (void)state;
    memset(&world, 0, sizeof world);
    fake_crucible_init(&world.fake);
    memset(world.bytes, 0x55, sizeof world.bytes);
    memcpy(world.module_bytes, "0123456789abcdef", 16);
    world.memory = (struct alka_memory){.base = {(uint64_t)world.bytes}, .pages = 1};
    world.memories[0] = &world.memory;
    world_table(&world.funcs, ALKA_FUNCREF, &world.instance);
    world_table(&world.externs, ALKA_EXTERNREF, &world.instance);
    world_table(&world.theirs, ALKA_FUNCREF, &world.other);
    world.tables[0] = &world.funcs;
    world.tables[1] = &world.externs;
    world.tables[2] = &world.theirs;
    world.data = (struct alka_data_segment){.bytes = {4, 8}};
    world.data_bytes[0] = 8;
    world.func = (struct alka_func){.code = 1, .type_id = 7, .instance = &world.instance};
    world.other_func = (struct alka_func){.code = 2, .type_id = 8, .instance = &world.other};
    world.references[0] = world.references[2] = (uint64_t)&world.func;
    world.elements[0] = (struct alka_elements){world.references, 3};
    world.image.module.bytes = (struct alka_span){world.module_bytes, 16};
    world.image.module.datas = &world.data;
    world.image.module.globals = world.globals;
    world.image.module.imported_globals = 1;
    world.image.layout.global_disp = world.global_disp;
    world.globals[0] =
        (struct alka_global_def){.type = ALKA_FUNCREF, .is_mutable = true, .imported = true};
    world.globals[1] = (struct alka_global_def){.type = ALKA_FUNCREF, .is_mutable = true};
    world.global_disp[0] = -8;
    world.global_disp[1] = -24;
    world.cells[2] = (uint64_t)&world.cells[1];
    world.instance.base.value = (uint64_t)(&world.cells[2] + 1);
    world.instance.image = &world.image;
    world.instance.memories = world.memories;
    world.instance.tables = world.tables;
    world.instance.data_bytes = world.data_bytes;
    world.instance.elements = world.elements;
    world.context.instance = &world.instance;
    return 0;
}

static int world_close(void **state) {
    (void)state;
    alka_table_drop(&world.funcs);
    alka_table_drop(&world.externs);
    alka_table_drop(&world.theirs);
    return fake_crucible_is_empty(&world.fake) ? 0 : 1;
}

/* Calls on a control stack, as module code would; the trap that was raised. */
static void (*trap_body)(void);
static ucontext_t trap_back, trap_there;

static void trap_enter(void) { trap_body(); }

static enum alka_trap trap_of(void (*body)(void)) {
    static uint8_t *stack;
    if (!stack)
        stack = aligned_alloc(ALKA_CONTROL_STACK_BYTES, ALKA_CONTROL_STACK_BYTES);
    assert_non_null(stack);
    struct alka_thread *thread =
        (void *)(stack + ALKA_CONTROL_STACK_BYTES - sizeof(struct alka_thread));
    uint64_t back = 0; /* where it would return to */
    *thread = (struct alka_thread){.host_call = &back};
    assert_int_equal(getcontext(&trap_there), 0);
    trap_there.uc_stack.ss_sp = stack;
    trap_there.uc_stack.ss_size = ALKA_CONTROL_STACK_BYTES - sizeof(struct alka_thread);
    trap_there.uc_link = &trap_back;
    trap_body = body;
    makecontext(&trap_there, trap_enter, 0);
    assert_int_equal(swapcontext(&trap_back, &trap_there), 0);
    return (enum alka_trap)thread->pending;
}

static uint64_t args[3];
static uint32_t which[2];
static uint64_t result;

static void call_copy(void) {
    alka_helper_memory_copy(args[0], args[1], args[2], 0, 0, &world.context);
}
static void call_fill(void) {
    alka_helper_memory_fill(args[0], (uint32_t)args[1], args[2], 0, &world.context);
}
static void call_init(void) {
    alka_helper_memory_init(args[0], (uint32_t)args[1], (uint32_t)args[2], 0, 0, &world.context);
}
static void call_table_set(void) {
    alka_helper_table_set(args[0], args[1], which[0], &world.context);
}
static void call_table_grow(void) {
    result = alka_helper_table_grow(args[0], args[1], which[0], &world.context);
}
static void call_table_fill(void) {
    alka_helper_table_fill(args[0], args[1], args[2], which[0], &world.context);
}
static void call_table_copy(void) {
    alka_helper_table_copy(args[0], args[1], args[2], which[0], which[1], &world.context);
}
static void call_table_init(void) {
    alka_helper_table_init(args[0], (uint32_t)args[1], (uint32_t)args[2], 0, which[0],
                           &world.context);
}
static void call_global_set(void) { alka_helper_global_set(args[0], which[0], &world.context); }

static enum alka_trap with(void (*body)(void), uint64_t first, uint64_t second, uint64_t third) {
    args[0] = first;
    args[1] = second;
    args[2] = third;
    return trap_of(body);
}

static bool is_untouched(void) {
    for (unsigned i = 0; i < PAGE; i++)
        if (world.bytes[i] != 0x55)
            return false;
    return true;
}

/* --- Memory. --- */

static void memory_fill_keeps_its_bounds(void **state) {
    (void)state;
    assert_int_equal(with(call_fill, PAGE - 1, 1, 2), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_fill, PAGE + 1, 1, 0), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_fill, 0, 1, PAGE + 1), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_fill, 0xFFFFFFFF, 1, 0xFFFFFFFF), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_fill, UINT64_MAX, 1, 2), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_fill, 2, 1, UINT64_MAX), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_fill, PAGE, 1, 0), ALKA_TRAP_NONE);
    assert_true(is_untouched());
    assert_int_equal(with(call_fill, PAGE - 2, 0x1FF, 2), ALKA_TRAP_NONE);
    assert_int_equal(world.bytes[PAGE - 3], 0x55);
    assert_int_equal(world.bytes[PAGE - 2], 0xFF);
    assert_int_equal(world.bytes[PAGE - 1], 0xFF);
    assert_int_equal(with(call_fill, 0, 7, PAGE), ALKA_TRAP_NONE);
    assert_int_equal(world.bytes[0], 7);
}

static void memory_copy_keeps_its_bounds_and_overlaps(void **state) {
    (void)state;
    assert_int_equal(with(call_copy, 0, PAGE - 1, 2), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_copy, PAGE - 1, 0, 2), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_copy, 0, UINT64_MAX, 1), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_copy, UINT64_MAX - 1, 0, 4), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_copy, PAGE + 1, 0, 0), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_copy, 0, PAGE + 1, 0), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_copy, PAGE, PAGE, 0), ALKA_TRAP_NONE);
    assert_true(is_untouched());
    memcpy(world.bytes, "abcdef", 6);
    assert_int_equal(with(call_copy, 2, 0, 6), ALKA_TRAP_NONE);
    assert_memory_equal(world.bytes, "ababcdef", 8);
    assert_int_equal(with(call_copy, 0, 2, 6), ALKA_TRAP_NONE);
    assert_memory_equal(world.bytes, "abcdefef", 8);
}

static void memory_init_reads_the_segment_until_it_is_dropped(void **state) {
    (void)state;
    assert_int_equal(with(call_init, 0, 0, 9), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_init, 0, 9, 0), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_init, 0, UINT32_MAX, 2), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_init, PAGE - 7, 0, 8), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_init, PAGE, 8, 0), ALKA_TRAP_NONE);
    assert_true(is_untouched());
    assert_int_equal(with(call_init, PAGE - 7, 1, 7), ALKA_TRAP_NONE);
    assert_memory_equal(world.bytes + PAGE - 8, "U56789ab", 8);
    alka_helper_data_drop(0, &world.context);
    alka_helper_data_drop(0, &world.context);
    assert_int_equal(with(call_init, 0, 0, 1), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_init, 0, 1, 0), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(with(call_init, 0, 0, 0), ALKA_TRAP_NONE);
}

/* --- Tables. --- */

static uint64_t func_at(const struct alka_table *table, uint64_t index) {
    return ((const struct alka_table_entry *)table->entries)[index].func;
}
static uint64_t extern_at(uint64_t index) {
    return ((const uint64_t *)world.externs.entries)[index];
}

static void table_set_keeps_its_bounds(void **state) {
    (void)state;
    which[0] = 1;
    assert_int_equal(with(call_table_set, TABLE_ENTRIES, 5, 0), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(with(call_table_set, UINT32_MAX, 5, 0), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(with(call_table_set, UINT64_MAX, 5, 0), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(with(call_table_set, 7, 5, 0), ALKA_TRAP_NONE);
    assert_int_equal(extern_at(7), 5);
    which[0] = 0;
    assert_int_equal(with(call_table_set, 7, (uint64_t)&world.func, 0), ALKA_TRAP_NONE);
    const struct alka_table_entry *entries = world.funcs.entries;
    assert_int_equal(entries[7].code, 1);
    assert_int_equal(entries[7].type_id, 7);
    assert_int_equal(with(call_table_set, 7, 0, 0), ALKA_TRAP_NONE);
    assert_int_equal(entries[7].code, 0);
    assert_int_equal(entries[7].type_id, ALKA_NO_INDEX);
    assert_false(world.instance.is_pinned);
}

static void table_fill_keeps_its_bounds(void **state) {
    (void)state;
    which[0] = 1;
    assert_int_equal(with(call_table_fill, 7, 5, 2), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(with(call_table_fill, TABLE_ENTRIES + 1, 5, 0), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(with(call_table_fill, 1, 5, UINT64_MAX), ALKA_TRAP_TABLE_BOUNDS);
    for (unsigned i = 0; i < TABLE_ENTRIES; i++)
        assert_int_equal(extern_at(i), 0);
    assert_int_equal(with(call_table_fill, TABLE_ENTRIES, 5, 0), ALKA_TRAP_NONE);
    assert_int_equal(with(call_table_fill, 6, 5, 2), ALKA_TRAP_NONE);
    assert_int_equal(extern_at(5), 0);
    assert_int_equal(extern_at(6), 5);
    assert_int_equal(extern_at(7), 5);
}

static void table_grow_grows_or_changes_nothing(void **state) {
    (void)state;
    which[0] = 1;
    assert_int_equal(with(call_table_grow, 9, 5, 0), ALKA_TRAP_NONE);
    assert_int_equal(result, UINT64_MAX);
    assert_int_equal(with(call_table_grow, 9, UINT32_MAX, 0), ALKA_TRAP_NONE);
    assert_int_equal(result, UINT64_MAX);
    assert_int_equal(with(call_table_grow, 9, UINT64_MAX, 0), ALKA_TRAP_NONE);
    assert_int_equal(result, UINT64_MAX);
    assert_int_equal(world.externs.size, TABLE_ENTRIES);
    assert_int_equal(with(call_table_grow, 9, 0, 0), ALKA_TRAP_NONE);
    assert_int_equal(result, TABLE_ENTRIES);
    assert_int_equal(with(call_table_grow, 9, 4, 0), ALKA_TRAP_NONE);
    assert_int_equal(result, TABLE_ENTRIES);
    assert_int_equal(extern_at(7), 0);
    assert_int_equal(extern_at(8), 9);
    assert_int_equal(extern_at(11), 9);
    which[0] = 0;
    assert_int_equal(with(call_table_grow, (uint64_t)&world.func, 4, 0), ALKA_TRAP_NONE);
    assert_int_equal(func_at(&world.funcs, 11), &world.func);
    assert_int_equal(func_at(&world.funcs, 7), 0);
}

static void table_copy_keeps_its_bounds_and_overlaps(void **state) {
    (void)state;
    which[0] = which[1] = 1;
    uint64_t *entries = world.externs.entries;
    for (unsigned i = 0; i < TABLE_ENTRIES; i++)
        entries[i] = i;
    assert_int_equal(with(call_table_copy, 7, 0, 2), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(with(call_table_copy, 0, 7, 2), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(with(call_table_copy, 0, UINT64_MAX, 1), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(with(call_table_copy, 9, 0, 0), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(entries[7], 7);
    assert_int_equal(with(call_table_copy, 8, 8, 0), ALKA_TRAP_NONE);
    assert_int_equal(with(call_table_copy, 1, 0, 7), ALKA_TRAP_NONE);
    for (unsigned i = 1; i < TABLE_ENTRIES; i++)
        assert_int_equal(entries[i], i - 1);
    assert_int_equal(with(call_table_copy, 0, 1, 7), ALKA_TRAP_NONE);
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(entries[i], i);
}

static void table_init_reads_the_segment_until_it_is_dropped(void **state) {
    (void)state;
    which[0] = 0;
    assert_int_equal(with(call_table_init, 0, 1, 3), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(with(call_table_init, 6, 0, 3), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(with(call_table_init, 0, UINT32_MAX, 2), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(with(call_table_init, 9, 0, 0), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(func_at(&world.funcs, 6), 0);
    assert_int_equal(with(call_table_init, 5, 0, 3), ALKA_TRAP_NONE);
    assert_int_equal(func_at(&world.funcs, 5), &world.func);
    assert_int_equal(func_at(&world.funcs, 6), 0);
    assert_int_equal(func_at(&world.funcs, 7), &world.func);
    alka_helper_elem_drop(0, &world.context);
    alka_helper_elem_drop(0, &world.context);
    assert_int_equal(with(call_table_init, 0, 0, 1), ALKA_TRAP_TABLE_BOUNDS);
    assert_int_equal(with(call_table_init, 8, 0, 0), ALKA_TRAP_NONE);
}

/* --- Who must stay. --- */

static void functions_in_a_table_of_another_owner_stay(void **state) {
    (void)state;
    which[0] = 2;
    which[1] = 0;
    assert_int_equal(with(call_table_set, 0, (uint64_t)&world.other_func, 0), ALKA_TRAP_NONE);
    assert_false(world.other.is_pinned);
    assert_int_equal(with(call_table_copy, 0, 0, 8), ALKA_TRAP_NONE); /* nulls */
    assert_false(world.instance.is_pinned);
    alka_table_set_func(&world.funcs, 3, &world.func);
    assert_false(world.instance.is_pinned);
    assert_int_equal(with(call_table_copy, 0, 0, 8), ALKA_TRAP_NONE);
    assert_true(world.instance.is_pinned);
    assert_int_equal(func_at(&world.theirs, 3), &world.func);
    assert_int_equal(with(call_table_fill, 0, (uint64_t)&world.func, 8), ALKA_TRAP_NONE);
    assert_int_equal(world.instance.holders, 1);
}

static void functions_in_globals_stay(void **state) {
    (void)state;
    which[0] = 1;
    assert_int_equal(with(call_global_set, (uint64_t)&world.func, 0, 0), ALKA_TRAP_NONE);
    assert_int_equal(world.cells[0], &world.func);
    assert_false(world.instance.is_pinned);
    assert_int_equal(with(call_global_set, (uint64_t)&world.other_func, 0, 0), ALKA_TRAP_NONE);
    assert_true(world.other.is_pinned);
    which[0] = 0;
    assert_int_equal(with(call_global_set, (uint64_t)&world.func, 0, 0), ALKA_TRAP_NONE);
    assert_int_equal(world.cells[1], &world.func);
    assert_true(world.instance.is_pinned);
    assert_int_equal(with(call_global_set, 0, 0, 0), ALKA_TRAP_NONE);
    assert_int_equal(world.cells[1], 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(memory_fill_keeps_its_bounds),
        TEST(memory_copy_keeps_its_bounds_and_overlaps),
        TEST(memory_init_reads_the_segment_until_it_is_dropped),
        TEST(table_set_keeps_its_bounds),
        TEST(table_fill_keeps_its_bounds),
        TEST(table_grow_grows_or_changes_nothing),
        TEST(table_copy_keeps_its_bounds_and_overlaps),
        TEST(table_init_reads_the_segment_until_it_is_dropped),
        TEST(functions_in_a_table_of_another_owner_stay),
        TEST(functions_in_globals_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
