/* Canonical types: equal ids exactly for equal types, references counted, nothing left behind. */
#include "fake_crucible.h"

#include <alkahest/link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Type number n: its bits choose the types of up to 16 parameters, then one result for odd n. */
static struct alka_functype numbered(uint32_t n, alka_valtype *room) {
    uint32_t count = 0;
    for (uint32_t bits = n; bits; bits >>= 1)
        room[count++] = bits & 1 ? ALKA_I32 : ALKA_F64;
    room[count] = ALKA_I64;
    return (struct alka_functype){room, room + count, count, n & 1};
}

/* A module of that one type. */
struct single {
    struct alka_functype type;
    struct alka_type_def def;
    struct alka_module module;
};

static struct alka_module *single_module(struct single *single, const struct alka_functype *type) {
    single->type = *type;
    single->def =
        (struct alka_type_def){.supertype = ALKA_NO_INDEX, .group_count = 1, .is_final = true};
    single->module =
        (struct alka_module){.types = &single->type, .type_defs = &single->def, .type_count = 1};
    return &single->module;
}

static alka_status intern(struct alka_type_table *table, const struct alka_functype *type,
                          uint32_t *out_id) {
    struct single single;
    uint32_t held = 0;
    return alka_types_intern(table, single_module(&single, type), out_id, &held);
}

static void equal_types_have_equal_ids(void **state) {
    (void)state;
    enum { COUNT = 3000 };
    static uint32_t ids[COUNT];
    static uint8_t taken[COUNT];
    memset(taken, 0, sizeof taken);
    struct fake_crucible fake;
    fake_crucible_init(&fake);
    struct alka_type_table table;
    alka_types_init(&table, &fake.crucible);
    alka_valtype room[20];
    for (uint32_t i = 0; i < COUNT; i++) {
        struct alka_functype type = numbered(i, room);
        assert_int_equal(intern(&table, &type, &ids[i]), ALKA_OK);
        assert_true(ids[i] < COUNT && !taken[ids[i]]++);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        struct alka_functype type = numbered(i, room);
        uint32_t again;
        assert_int_equal(intern(&table, &type, &again), ALKA_OK);
        assert_int_equal(again, ids[i]);
    }
    alka_types_drop(&table);
    assert_true(fake_crucible_is_empty(&fake));
}

static void released_types_make_room_and_others_stay(void **state) {
    (void)state;
    struct fake_crucible fake;
    fake_crucible_init(&fake);
    struct alka_type_table table;
    alka_types_init(&table, &fake.crucible);
    alka_valtype room[20];
    uint32_t kept[100], id;
    for (uint32_t i = 0; i < 100; i++) {
        struct alka_functype type = numbered(i * 7, room);
        assert_int_equal(intern(&table, &type, &kept[i]), ALKA_OK);
    }
    uint64_t held = 0;
    for (uint32_t round = 0; round < 50; round++) {
        uint32_t ids[200];
        for (uint32_t i = 0; i < 200; i++) {
            struct alka_functype type = numbered(10000 + round * 200 + i, room);
            assert_int_equal(intern(&table, &type, &ids[i]), ALKA_OK);
        }
        for (uint32_t i = 0; i < 200; i++) {
            struct single single;
            const struct alka_functype none = {0};
            alka_types_release(&table, single_module(&single, &none), &ids[i], 1);
        }
        assert_int_equal(table.live_count, 100);
        if (round == 1)
            held = fake.held_bytes;
    }
    assert_int_equal(fake.held_bytes, held);
    for (uint32_t i = 0; i < 100; i++) {
        struct alka_functype type = numbered(i * 7, room);
        assert_int_equal(intern(&table, &type, &id), ALKA_OK);
        assert_int_equal(id, kept[i]);
    }
    alka_types_drop(&table);
    assert_true(fake_crucible_is_empty(&fake));
}

static void every_grant_may_fail(void **state) {
    (void)state;
    alka_valtype room[20];
    for (uint32_t fail_at = 0;; fail_at++) {
        struct fake_crucible fake;
        fake_crucible_init(&fake);
        fake.fail_at = fail_at;
        struct alka_type_table table;
        alka_types_init(&table, &fake.crucible);
        uint32_t id, failures = 0;
        for (uint32_t i = 0; i < 300; i++) {
            struct alka_functype type = numbered(i, room);
            failures += intern(&table, &type, &id) != ALKA_OK;
        }
        assert_int_equal(table.live_count, 300 - failures);
        alka_types_drop(&table);
        assert_true(fake_crucible_is_empty(&fake));
        if (fake.grants <= fail_at) {
            assert_int_equal(failures, 0);
            return;
        }
        assert_int_equal(failures, 1);
    }
}

static void letters_name_types(void **state) {
    (void)state;
    static const alka_valtype params[] = {ALKA_I32,  ALKA_I64,     ALKA_F32,      ALKA_F64,
                                          ALKA_V128, ALKA_FUNCREF, ALKA_EXTERNREF};
    struct alka_functype type = {params, params + 1, 7, 1};
    assert_true(alka_functype_matches(&type, "iIfFvre", "I"));
    assert_false(alka_functype_matches(&type, "iIfFvr", "I"));
    assert_false(alka_functype_matches(&type, "iIfFvree", "I"));
    assert_false(alka_functype_matches(&type, "iIfFvre", ""));
    assert_false(alka_functype_matches(&type, "iIfFvre", "i"));
    assert_false(alka_functype_matches(&type, "iIfFvr?", "I"));
    struct alka_functype none = {NULL, NULL, 0, 0};
    assert_true(alka_functype_matches(&none, "", ""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_types_have_equal_ids),
        cmocka_unit_test(released_types_make_room_and_others_stay),
        cmocka_unit_test(every_grant_may_fail),
        cmocka_unit_test(letters_name_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
