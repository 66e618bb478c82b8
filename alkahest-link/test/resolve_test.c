/* Import resolution: found, missing, forbidden, of the wrong type; every kind. */
#include "fake_crucible.h"

#include <alkahest/link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct alka_span span(const char *text) {
    return (struct alka_span){(const uint8_t *)text, strlen(text)};
}

static void host(void) {}
static void host_values(struct alka_context *caller, uint64_t *values) {
    (void)caller, (void)values;
}

static const alka_valtype i32[] = {ALKA_I32, ALKA_I32};
static const alka_valtype f64[] = {ALKA_F64};
static struct alka_functype types[] = {{i32, NULL, 2, 0}, {f64, i32, 1, 1}};
static const uint32_t type_ids[] = {70, 71};
static const struct alka_type_table no_types; /* none is looked up */
static const uint32_t supertype_ids[] = {72, ALKA_NO_INDEX};
static struct alka_function functions[] = {{.type_idx = 0, .imported = true},
                                           {.type_idx = 1, .imported = true}};
static struct alka_table_def table_def = {.type = ALKA_FUNCREF,
                                          .range = {.min = 10, .max = 20, .has_max = true}};
static struct alka_memory_def memory_def = {.range = {.min = 1, .max = UINT64_MAX}};
static struct alka_global_def global_def = {.type = ALKA_I64, .is_mutable = true};

static const struct alka_vtable_row rows[] = {
    {"env", "log", 3, {.params = "ii", .results = "", .direct = host}},
    {"env", "free", ALKA_NO_CAPABILITY, {.params = "ii", .results = "", .direct = host}},
    {"env", "floor", ALKA_NO_CAPABILITY, {.params = "F", .results = "i", .values = host_values}},
    {"env", "liar", ALKA_NO_CAPABILITY, {.params = "F", .results = "i", .direct = host}},
    {"env", "free", ALKA_NO_CAPABILITY, {.params = "F", .results = "i", .direct = host}},
    {"envl", "og", ALKA_NO_CAPABILITY, {.params = "", .results = "", .direct = host}},
};

/* What a lookup offers, by import name. */
static struct alka_extern offered;
static alka_status lookup(void *self, const struct alka_import *import,
                          struct alka_extern *out_extern) {
    assert_ptr_equal(self, &offered);
    if (import->name.size != 5 || memcmp(import->name.data, "offer", 5) != 0)
        return ALKA_E_UNKNOWN_IMPORT;
    *out_extern = offered;
    return ALKA_OK;
}

static alka_status resolve_one(const char *module_name, const char *name,
                               enum alka_extern_kind kind, uint32_t index, uint64_t granted) {
    struct fake_crucible fake;
    fake_crucible_init(&fake);
    struct alka_arena arena;
    alka_arena_init(&arena, &fake.crucible, 0);
    struct alka_import import = {span(module_name), span(name), kind, index, 123};
    struct alka_module module = {.imports = &import,
                                 .import_count = 1,
                                 .types = types,
                                 .functions = functions,
                                 .tables = &table_def,
                                 .memories = &memory_def,
                                 .globals = &global_def};
    struct alka_vtable vtable = {rows, sizeof rows / sizeof *rows, granted, lookup, &offered};
    struct alka_extern found;
    struct alka_diag diag = {0};
    alka_status status = alka_link_resolve(&module, ALKA_MEMORY_GUARD, &no_types, type_ids, &vtable,
                                           &arena, &found, &diag);
    assert_int_equal(diag.code, status);
    if (status != ALKA_OK) {
        assert_int_equal(diag.offset, 123);
        assert_int_equal(diag.args[0], 0);
        assert_int_equal(diag.args[1], kind);
    }
    alka_arena_drop(&arena);
    assert_true(fake_crucible_is_empty(&fake));
    return status;
}

static alka_status resolve_func(const char *name, uint32_t func_idx, uint64_t granted) {
    return resolve_one("env", name, ALKA_EXTERN_FUNC, func_idx, granted);
}

static void functions_are_found_by_both_names(void **state) {
    (void)state;
    assert_int_equal(resolve_func("free", 0, 0), ALKA_OK);
    assert_int_equal(resolve_func("floor", 1, 0), ALKA_OK);
    assert_int_equal(resolve_func("fre", 0, 0), ALKA_E_UNKNOWN_IMPORT);
    assert_int_equal(resolve_func("", 0, 0), ALKA_E_UNKNOWN_IMPORT);
    assert_int_equal(resolve_one("en", "vfree", ALKA_EXTERN_FUNC, 0, 0), ALKA_E_UNKNOWN_IMPORT);
    assert_int_equal(resolve_one("", "", ALKA_EXTERN_FUNC, 0, 0), ALKA_E_UNKNOWN_IMPORT);
}

static void capabilities_bind_or_not(void **state) {
    (void)state;
    assert_int_equal(resolve_func("log", 0, UINT64_C(1) << 3), ALKA_OK);
    assert_int_equal(resolve_func("log", 0, ~(UINT64_C(1) << 3)), ALKA_E_IMPORT_FORBIDDEN);
    assert_int_equal(resolve_func("log", 0, 0), ALKA_E_IMPORT_FORBIDDEN);
}

static void types_of_host_functions_must_match(void **state) {
    (void)state;
    assert_int_equal(resolve_func("free", 1, 0), ALKA_E_IMPORT_TYPE);
    assert_int_equal(resolve_func("floor", 0, 0), ALKA_E_IMPORT_TYPE);
    /* Floats do not travel the direct way. */
    assert_int_equal(resolve_func("liar", 1, 0), ALKA_E_IMPORT_TYPE);
    assert_int_equal(resolve_one("env", "free", ALKA_EXTERN_GLOBAL, 0, 0), ALKA_E_IMPORT_TYPE);
}

static void functions_of_instances_match_by_id(void **state) {
    (void)state;
    struct alka_func func = {.type_id = 70, .supertype_ids = supertype_ids};
    offered = (struct alka_extern){
        .kind = ALKA_EXTERN_FUNC, .owner = (struct alka_instance *)&func, .func = &func};
    assert_int_equal(resolve_func("offer", 0, 0), ALKA_OK);
    assert_int_equal(resolve_func("offer", 1, 0), ALKA_E_IMPORT_TYPE);
    offered.gate_policy = ALKA_GATE_RETURNS;
    assert_int_equal(resolve_func("offer", 0, 0), ALKA_OK);
    func.type_id = 71;
    assert_int_equal(resolve_func("offer", 1, 0), ALKA_OK);
}

static void gates_answer_with_one_value_that_is_no_reference(void **state) {
    (void)state;
    static const alka_valtype results[] = {ALKA_I64, ALKA_F32};
    static const alka_valtype reference[] = {ALKA_EXNREF};
    assert_true(alka_link_can_answer(&(struct alka_functype){.results = results}));
    assert_true(
        alka_link_can_answer(&(struct alka_functype){.results = results, .result_count = 1}));
    assert_false(
        alka_link_can_answer(&(struct alka_functype){.results = results, .result_count = 2}));
    assert_false(
        alka_link_can_answer(&(struct alka_functype){.results = reference, .result_count = 1}));
}

static void memories_match_by_size_and_space(void **state) {
    (void)state;
    struct alka_memory memory = {
        .pages = 1, .max_pages = UINT64_MAX, .reserve_bytes = ALKA_SLOT_BYTES};
    offered = (struct alka_extern){.kind = ALKA_EXTERN_MEMORY, .memory = &memory};
    assert_int_equal(resolve_one("env", "offer", ALKA_EXTERN_MEMORY, 0, 0), ALKA_OK);
    memory.pages = 0;
    assert_int_equal(resolve_one("env", "offer", ALKA_EXTERN_MEMORY, 0, 0), ALKA_E_IMPORT_TYPE);
    memory.pages = 1;
    memory.reserve_bytes = ALKA_SLOT_BYTES - 4096;
    assert_int_equal(resolve_one("env", "offer", ALKA_EXTERN_MEMORY, 0, 0), ALKA_E_IMPORT_TYPE);
}

static void tables_match_by_type_and_limits(void **state) {
    (void)state;
    struct alka_table table = {.type = ALKA_FUNCREF, .size = 10, .max = 20};
    offered = (struct alka_extern){.kind = ALKA_EXTERN_TABLE, .table = &table};
    assert_int_equal(resolve_one("env", "offer", ALKA_EXTERN_TABLE, 0, 0), ALKA_OK);
    table.max = 21;
    assert_int_equal(resolve_one("env", "offer", ALKA_EXTERN_TABLE, 0, 0), ALKA_E_IMPORT_TYPE);
    table.max = UINT64_MAX;
    assert_int_equal(resolve_one("env", "offer", ALKA_EXTERN_TABLE, 0, 0), ALKA_E_IMPORT_TYPE);
    table.max = 20;
    table.size = 9;
    assert_int_equal(resolve_one("env", "offer", ALKA_EXTERN_TABLE, 0, 0), ALKA_E_IMPORT_TYPE);
    table.size = 12;
    table.type = ALKA_EXTERNREF;
    assert_int_equal(resolve_one("env", "offer", ALKA_EXTERN_TABLE, 0, 0), ALKA_E_IMPORT_TYPE);
}

static void globals_match_exactly(void **state) {
    (void)state;
    uint64_t cell = 0;
    offered = (struct alka_extern){.kind = ALKA_EXTERN_GLOBAL, .global = {ALKA_I64, true, &cell}};
    assert_int_equal(resolve_one("env", "offer", ALKA_EXTERN_GLOBAL, 0, 0), ALKA_OK);
    offered.global.is_mutable = false;
    assert_int_equal(resolve_one("env", "offer", ALKA_EXTERN_GLOBAL, 0, 0), ALKA_E_IMPORT_TYPE);
    offered.global = (struct alka_global){ALKA_I32, true, &cell};
    assert_int_equal(resolve_one("env", "offer", ALKA_EXTERN_GLOBAL, 0, 0), ALKA_E_IMPORT_TYPE);
}

/* Enough of both for an index: each import finds its row, the first of two equal names counts. */
static void large_vtables_are_indexed(void **state) {
    (void)state;
    enum { ROWS = 1000, IMPORTS = 500 };
    static char names[ROWS][8];
    static struct alka_vtable_row many[ROWS + 1];
    static struct alka_import imports[IMPORTS];
    static struct alka_extern found[IMPORTS];
    static struct alka_function many_functions[IMPORTS];
    for (uint32_t i = 0; i < ROWS; i++) {
        names[i][0] = (char)('a' + i % 10), names[i][1] = (char)('a' + i / 10 % 10);
        names[i][2] = (char)('a' + i / 100);
        many[i] = (struct alka_vtable_row){
            i % 2 ? "env" : "en",
            names[i],
            ALKA_NO_CAPABILITY,
            {.params = i % 3 ? "ii" : "F", .results = i % 3 ? "" : "i", .values = host_values}};
    }
    many[ROWS] = many[1];
    many[ROWS].func.params = "wrong";
    for (uint32_t i = 0; i < IMPORTS; i++) {
        uint32_t row = (i * 7 + 1) % ROWS;
        imports[i] =
            (struct alka_import){span(many[row].module), span(names[row]), ALKA_EXTERN_FUNC, i, i};
        many_functions[i] = (struct alka_function){.type_idx = row % 3 ? 0 : 1, .imported = true};
    }
    struct alka_module module = {
        .imports = imports, .import_count = IMPORTS, .types = types, .functions = many_functions};
    struct alka_vtable vtable = {.rows = many, .row_count = ROWS + 1};
    for (uint32_t fail_at = 0; fail_at < 2; fail_at++) {
        struct fake_crucible fake;
        fake_crucible_init(&fake);
        fake.fail_at = fail_at == 0 ? 0 : FAKE_NEVER;
        struct alka_arena arena;
        alka_arena_init(&arena, &fake.crucible, 0);
        struct alka_diag diag;
        alka_status status = alka_link_resolve(&module, ALKA_MEMORY_GUARD, &no_types, type_ids,
                                               &vtable, &arena, found, &diag);
        assert_int_equal(status, fail_at == 0 ? ALKA_E_OUT_OF_MEMORY : ALKA_OK);
        alka_arena_drop(&arena);
        assert_true(fake_crucible_is_empty(&fake));
    }
    for (uint32_t i = 0; i < IMPORTS; i++)
        assert_ptr_equal(found[i].host.params, many[(i * 7 + 1) % ROWS].func.params);
    imports[IMPORTS - 1].name = span("zzz");
    struct fake_crucible fake;
    fake_crucible_init(&fake);
    struct alka_arena arena;
    alka_arena_init(&arena, &fake.crucible, 0);
    struct alka_diag diag;
    assert_int_equal(alka_link_resolve(&module, ALKA_MEMORY_GUARD, &no_types, type_ids, &vtable,
                                       &arena, found, &diag),
                     ALKA_E_UNKNOWN_IMPORT);
    assert_int_equal(diag.args[0], IMPORTS - 1);
    alka_arena_drop(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_found_by_both_names),
        cmocka_unit_test(capabilities_bind_or_not),
        cmocka_unit_test(types_of_host_functions_must_match),
        cmocka_unit_test(functions_of_instances_match_by_id),
        cmocka_unit_test(gates_answer_with_one_value_that_is_no_reference),
        cmocka_unit_test(memories_match_by_size_and_space),
        cmocka_unit_test(tables_match_by_type_and_limits),
        cmocka_unit_test(globals_match_exactly),
        cmocka_unit_test(large_vtables_are_indexed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
