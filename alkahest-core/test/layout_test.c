/* The context's layout: nothing overlaps, cells are aligned, offsets are those of the contract. */
#include "fake_crucible.h"

#include <alkahest/abi.h>
#include <alkahest/arena.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void fixed_part_is_where_the_contract_says(void **state) {
    (void)state;
    assert_int_equal(ALKA_CONTEXT_DISP(instance), -96);
    assert_int_equal(ALKA_CONTEXT_DISP(func_refs), -88);
    assert_int_equal(ALKA_CONTEXT_DISP(memory_mask), -80);
    assert_int_equal(ALKA_CONTEXT_DISP(memory_bytes), -72);
    assert_int_equal(ALKA_CONTEXT_DISP(memory_base), -64);
    assert_int_equal(ALKA_CONTEXT_DISP(memory_pages), -56);
    assert_int_equal(ALKA_CONTEXT_DISP(generation), -48);
    assert_int_equal(ALKA_CONTEXT_DISP(user), -40);
}

static void claim(uint8_t *map, uint32_t map_bytes, int32_t disp, uint32_t bytes) {
    assert_true(disp < 0 && (uint32_t)-disp <= map_bytes && (uint32_t)-disp >= bytes);
    for (uint32_t i = 0; i < bytes; i++)
        assert_int_equal(map[map_bytes - (uint32_t)-disp + i]++, 0);
}

static void nothing_overlaps(void **state) {
    (void)state;
    struct alka_global_def globals[] = {
        {.type = ALKA_I32, .imported = true, .is_mutable = true},
        {.type = ALKA_V128, .imported = true, .is_mutable = true},
        {.type = ALKA_V128, .imported = true},
        {.type = ALKA_I32, .is_mutable = true},
        {.type = ALKA_V128, .is_mutable = true},
        {.type = ALKA_F64},
        {.type = ALKA_V128},
        {.type = ALKA_FUNCREF, .is_mutable = true},
    };
    struct alka_function functions[9] = {
        [2] = {.declared_ref = true}, [7] = {.declared_ref = true}};
    struct alka_export exports[] = {{.kind = ALKA_EXTERN_FUNC, .index = 4},
                                    {.kind = ALKA_EXTERN_GLOBAL, .index = 5}};
    struct alka_module module = {.globals = globals,
                                 .functions = functions,
                                 .exports = exports,
                                 .export_count = 2,
                                 .start_function = 8,
                                 .global_count = 8,
                                 .imported_globals = 3,
                                 .table_count = 3,
                                 .memory_count = 2,
                                 .function_count = 9,
                                 .imported_functions = 5};
    struct fake_crucible fake;
    fake_crucible_init(&fake);
    struct alka_arena arena;
    alka_arena_init(&arena, &fake.crucible, 0);
    struct alka_layout layout;
    assert_int_equal(alka_layout_make(&module, &arena, &layout), ALKA_OK);

    static uint8_t map[4096];
    assert_true(layout.context_bytes <= sizeof map);
    assert_int_equal(layout.context_bytes % 16, 0);
    memset(map, 0, sizeof map);
    claim(map, layout.context_bytes, -(int32_t)ALKA_CONTEXT_BYTES, ALKA_CONTEXT_BYTES);
    claim(map, layout.context_bytes, layout.memory_views_disp, 2 * sizeof(struct alka_view));
    claim(map, layout.context_bytes, layout.table_views_disp, 3 * sizeof(struct alka_view));
    claim(map, layout.context_bytes, layout.import_records_disp,
          5 * sizeof(struct alka_import_record));
    for (unsigned i = 0; i < 8; i++) {
        bool wide = i == 2 || i == 4 || i == 6;
        claim(map, layout.context_bytes, layout.global_disp[i], wide ? 16 : 8);
        assert_int_equal(-layout.global_disp[i] % (wide ? 16 : 8), 0);
    }
    assert_false(layout.memory_is_separate);
    static const uint32_t named[] = {2, 4, 7, 8};
    assert_int_equal(layout.func_ref_count, 4);
    for (uint32_t i = 0, next = 0; i < 9; i++)
        assert_int_equal(layout.func_ref_idx[i],
                         next < 4 && named[next] == i ? next++ : ALKA_NO_INDEX);
    alka_arena_drop(&arena);
    assert_true(fake_crucible_is_empty(&fake));
}

static void an_empty_module_has_the_fixed_part_only(void **state) {
    (void)state;
    struct fake_crucible fake;
    fake_crucible_init(&fake);
    struct alka_arena arena;
    alka_arena_init(&arena, &fake.crucible, 0);
    struct alka_module module = {.memory_count = 1, .imported_memories = 1};
    struct alka_layout layout;
    assert_int_equal(alka_layout_make(&module, &arena, &layout), ALKA_OK);
    assert_int_equal(layout.context_bytes, ALKA_CONTEXT_BYTES + sizeof(struct alka_view));
    assert_true(layout.memory_is_separate);
    alka_arena_drop(&arena);
}

static void places_follow_the_contract(void **state) {
    (void)state;
    struct alka_places places = {0};
    for (uint32_t i = 0; i < 6; i++) {
        struct alka_place place = alka_place_next(&places, ALKA_I64);
        assert_int_equal(place.kind, ALKA_PLACE_INTEGER);
        assert_int_equal(place.index, i);
    }
    struct alka_place place = alka_place_next(&places, ALKA_I32);
    assert_int_equal(place.kind, ALKA_PLACE_STACK);
    assert_int_equal(place.index, 0);
    for (uint32_t i = 0; i < 8; i++) {
        place = alka_place_next(&places, i % 2 ? ALKA_V128 : ALKA_F32);
        assert_int_equal(place.kind, ALKA_PLACE_VECTOR);
        assert_int_equal(place.index, i);
    }
    place = alka_place_next(&places, ALKA_V128);
    assert_int_equal(place.kind, ALKA_PLACE_STACK);
    assert_int_equal(place.index, 16);
    place = alka_place_next(&places, ALKA_FUNCREF);
    assert_int_equal(place.index, 32);
    assert_int_equal(places.stack_bytes, 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_part_is_where_the_contract_says),
        cmocka_unit_test(nothing_overlaps),
        cmocka_unit_test(an_empty_module_has_the_fixed_part_only),
        cmocka_unit_test(places_follow_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
