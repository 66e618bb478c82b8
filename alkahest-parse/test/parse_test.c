/* The decoder: tables of good modules, behaviour on bad ones that no single offset shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <alkahest/parse.h>
#include <cmocka.h>
#include <stdlib.h>

#include "builder.h"
#include "fake_crucible.h"
#include "sections.h"

static struct builder builder;
static struct fake_crucible fake;
static struct alka_arena tables, scratch;
static struct alka_module module;
static struct alka_diag diag;

static const alka_feature_set every_feature =
    (alka_feature_set)ALKA_FEATURES_ALL | ALKA_FEATURES_UNBUILT_TOO;

static int setup(void **state) {
    (void)state;
    fake_crucible_init(&fake);
    alka_arena_init(&tables, &fake.crucible, 0);
    alka_arena_init(&scratch, &fake.crucible, 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    alka_arena_drop(&scratch);
    alka_arena_drop(&tables);
    return fake_crucible_is_empty(&fake) ? 0 : -1;
}

static alka_status parse_span(struct alka_span span, alka_feature_set features) {
    diag = (struct alka_diag){.code = ALKA_OK};
    alka_status status =
        alka_parse_module(span, features, &alka_limits_default, &tables, &module, &diag);
    assert_int_equal(status, diag.code);
    return status;
}

static alka_status parse(void) { return parse_span(build_span(&builder), every_feature); }

/* One of everything. */
static void build_rich(void) {
    struct builder *b = &builder;
    build_header(b);
    BUILD_SECTION(b, 0, 3, 'o', 'n', 'e', 1, 2, 3);
    BUILD_SECTION(b, 1, 2, 0x60, 2, 0x7F, 0x7E, 1, 0x7D, 0x60, 0, 0);
    BUILD_SECTION(b, 2, 4, 1, 'm', 1, 'f', 0, 1, 1, 'm', 1, 't', 1, 0x70, 1, 1, 9, 1, 'm', 1, 'g',
                  3, 0x7F, 0, 1, 'm', 0, 3, 0x7E, 1);
    BUILD_SECTION(b, 3, 2, 1, 0);
    BUILD_SECTION(b, 4, 1, 0x6F, 0, 3);
    BUILD_SECTION(b, 5, 1, 1, 1, 2);
    BUILD_SECTION(b, 6, 2, 0x7F, 1, 0x23, 0, 0x0B, 0x70, 0, 0xD2, 0, 0x0B);
    BUILD_SECTION(b, 7, 4, 3, 'r', 'u', 'n', 0, 1, 1, 'm', 2, 0, 1, 'g', 3, 2, 0, 1, 0);
    BUILD_SECTION(b, 8, 1);
    BUILD_SECTION(b, 9, 3, 0, 0x41, 1, 0x0B, 2, 0, 1, 5, 0x70, 1, 0xD0, 0x70, 0x0B, 3, 0, 1, 2);
    BUILD_SECTION(b, 12, 2);
    BUILD_SECTION(b, 10, 2, 2, 0, 0x0B, 9, 1, 2, 0x7F, 0x43, 0, 0, 0, 0, 0x0B);
    BUILD_SECTION(b, 11, 2, 0, 0x41, 2, 0x0B, 2, 'h', 'i', 1, 1, 'x');
    BUILD_SECTION(b, 0, 4, 'n', 'a', 'm', 'e', 0, 3, 2, 'm', 'y', 1, 6, 1, 2, 3, 's', 'u', 'm');
}

static void tables_of_a_rich_module(void **state) {
    (void)state;
    build_rich();
    assert_int_equal(parse(), ALKA_OK);
    assert_int_equal(module.type_count, 2);
    assert_int_equal(module.types[0].param_count, 2);
    assert_int_equal(module.types[0].params[1], ALKA_I64);
    assert_int_equal(module.types[0].results[0], ALKA_F32);
    assert_int_equal(module.import_count, 4);
    assert_int_equal(module.imports[1].kind, ALKA_EXTERN_TABLE);
    assert_int_equal(module.imports[3].index, 1);
    assert_int_equal(module.imports[3].name.size, 0);
    assert_int_equal(module.function_count, 3);
    assert_int_equal(module.imported_functions, 1);
    assert_true(module.functions[0].imported);
    assert_int_equal(module.functions[2].type_idx, 0);
    assert_int_equal(module.table_count, 2);
    assert_int_equal(module.tables[0].range.max, 9);
    assert_false(module.tables[1].range.has_max);
    assert_int_equal(module.tables[1].range.max, UINT64_MAX);
    assert_int_equal(module.tables[1].type, ALKA_EXTERNREF);
    assert_int_equal(module.memories[0].range.max, 2);
    assert_true(module.memories[0].exported);
    assert_int_equal(module.global_count, 4);
    assert_true(module.globals[1].is_mutable);
    assert_true(module.globals[2].exported);
    assert_int_equal(module.globals[2].init.size, 3);
    assert_int_equal(module.globals[3].type, ALKA_FUNCREF);
    assert_int_equal(module.export_count, 4);
    assert_int_equal(module.exports[3].name.size, 0);
    assert_int_equal(module.start_function, 1);
    assert_int_equal(module.element_count, 3);
    assert_int_equal(module.elements[0].mode, ALKA_SEGMENT_ACTIVE);
    assert_int_equal(module.elements[0].count, 2);
    assert_true(module.elements[1].is_exprs);
    assert_int_equal(module.elements[1].items.size, 3);
    assert_int_equal(module.elements[2].mode, ALKA_SEGMENT_DECLARATIVE);
    assert_true(module.functions[2].declared_ref);
    assert_int_equal(module.data_count, 2);
    assert_int_equal(builder.bytes[module.datas[0].bytes.off], 'h');
    assert_int_equal(module.datas[1].mode, ALKA_SEGMENT_PASSIVE);
    assert_int_equal(module.custom_count, 2);
    assert_int_equal(module.customs[0].bytes.size, 3);
    assert_int_equal(module.module_name.size, 2);
    assert_memory_equal(module.function_names[2].data, "sum", 3);
    assert_int_equal(module.function_names[1].size, 0);
    alka_feature_set used = ALKA_FEATURE_BIT(MVP) | ALKA_FEATURE_BIT(MUTABLE_GLOBALS) |
                            ALKA_FEATURE_BIT(BULK_MEMORY) | ALKA_FEATURE_BIT(REFERENCE_TYPES);
    assert_int_equal(module.features_used & ~ALKA_FEATURE_BIT(MVP), used & ~ALKA_FEATURE_BIT(MVP));
}

static void the_empty_module_is_valid(void **state) {
    (void)state;
    build_header(&builder);
    assert_int_equal(parse(), ALKA_OK);
    assert_int_equal(module.function_count, 0);
    assert_int_equal(module.start_function, ALKA_NO_INDEX);
    assert_int_equal(alka_validate_bodies(&module, &scratch, &diag), ALKA_OK);
    assert_int_equal(parse_span((struct alka_span){NULL, 0}, every_feature), ALKA_E_UNEXPECTED_END);
}

/* Copies, so that a read behind the end is a read behind an allocation. */
static void every_truncation_is_refused_or_valid(void **state) {
    (void)state;
    build_rich();
    uint32_t whole = builder.size;
    for (uint32_t size = 0; size < whole; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        assert_non_null(copy);
        memcpy(copy, builder.bytes, size);
        alka_status status = parse_span((struct alka_span){copy, size}, every_feature);
        if (status != ALKA_OK)
            assert_in_range(diag.offset, 0, size);
        alka_arena_drop(&tables);
        free(copy);
    }
}

static void every_byte_may_be_anything(void **state) {
    (void)state;
    build_rich();
    for (uint32_t at = 8; at < builder.size; at++) {
        uint8_t kept = builder.bytes[at];
        for (uint32_t value = 0; value < 256; value++) {
            builder.bytes[at] = (uint8_t)value;
            alka_status status = parse();
            if (status == ALKA_OK)
                status = alka_validate_bodies(&module, &scratch, &diag);
            if (status != ALKA_OK)
                assert_in_range(diag.offset, 0, builder.size);
            alka_arena_drop(&tables);
        }
        builder.bytes[at] = kept;
    }
}

static void every_grant_may_be_refused(void **state) {
    (void)state;
    build_rich();
    for (uint32_t grant = 0;; grant++) {
        fake.grants = 0;
        fake.fail_at = grant;
        alka_status status = parse();
        alka_arena_drop(&tables);
        if (status == ALKA_OK)
            break;
        assert_int_equal(status, ALKA_E_OUT_OF_MEMORY);
        assert_true(grant < 100);
    }
    fake.fail_at = FAKE_NEVER;
}

static void lying_counts_take_no_memory(void **state) {
    (void)state;
    static const uint8_t sections[] = {1, 2, 3, 7, 9, 11};
    for (size_t i = 0; i < sizeof sections; i++) {
        build_header(&builder);
        BUILD_SECTION(&builder, sections[i], 0xA0, 0x8D, 0x06); /* 100,000 */
        assert_int_equal(parse(), ALKA_E_END_OF_SECTION);
        assert_int_equal(diag.offset, builder.size);
        assert_in_range(tables.peak_bytes, 0, 1 << 17);
        alka_arena_drop(&tables);
    }
}

static void the_first_failure_by_offset_wins(void **state) {
    (void)state;
    build_header(&builder);
    BUILD_SECTION(&builder, 1, 1, 0x60, 0, 0);
    BUILD_SECTION(&builder, 3, 2, 0, 0);
    uint32_t code = builder.size;
    BUILD_SECTION(&builder, 10, 2, 2, 0, 0x0B, 3, 0, 0x1A, 0x0B); /* drop of nothing */
    uint32_t data = builder.size;
    BUILD_SECTION(&builder, 11, 1, 9); /* no such kind */
    assert_int_equal(parse(), ALKA_E_STACK_EMPTY);
    assert_int_equal(diag.offset, code + 6 + 6);
    assert_int_equal(diag.func_idx, 1);
    builder.bytes[code + 6 + 6] = 0x01; /* nop */
    assert_int_equal(parse(), ALKA_E_DATA_FLAGS);
    assert_int_equal(diag.offset, data + 7);

    /* The same when the code section itself is cut off behind the bad body. */
    build_header(&builder);
    BUILD_SECTION(&builder, 1, 1, 0x60, 0, 0);
    BUILD_SECTION(&builder, 3, 2, 0, 0);
    code = builder.size;
    BUILD_SECTION(&builder, 10, 2, 3, 0, 0x1A, 0x0B, 9);
    assert_int_equal(parse(), ALKA_E_STACK_EMPTY);
    assert_int_equal(diag.offset, code + 9);
}

static void a_malformed_name_section_is_no_error(void **state) {
    (void)state;
    static const uint8_t names[] = {4, 'n', 'a', 'm', 'e', 0,    3,    2, 'm', 'y', 1, 9, 2,
                                    0, 1,   'a', 1,   2,   0xC3, 0xA9, 2, 3,   1,   0, 0};
    for (size_t cut = 5; cut <= sizeof names; cut++) {
        for (uint32_t flip = 0; flip < 256; flip += 51) {
            build_header(&builder);
            BUILD_SECTION(&builder, 1, 1, 0x60, 0, 0);
            BUILD_SECTION(&builder, 3, 2, 0, 0);
            BUILD_SECTION(&builder, 10, 2, 2, 0, 0x0B, 2, 0, 0x0B);
            build_section(&builder, 0, names, cut);
            if (cut > 5)
                builder.bytes[builder.size - 1] ^= (uint8_t)flip;
            assert_int_equal(parse(), ALKA_OK);
            alka_arena_drop(&tables);
        }
    }
    build_header(&builder);
    BUILD_SECTION(&builder, 1, 1, 0x60, 0, 0);
    BUILD_SECTION(&builder, 3, 2, 0, 0);
    BUILD_SECTION(&builder, 10, 2, 2, 0, 0x0B, 2, 0, 0x0B);
    build_section(&builder, 0, names, sizeof names);
    assert_int_equal(parse(), ALKA_OK);
    assert_memory_equal(module.function_names[1].data, "\xC3\xA9", 2);
    assert_int_equal(module.function_names[0].size, 1);
}

/* Names that share long beginnings, in an order that would make a chain of comparisons long. */
static void build_exports(uint32_t count, uint32_t repeated) {
    build_header(&builder);
    BUILD_SECTION(&builder, 5, 1, 0, 0);
    build_byte(&builder, 7);
    build_open(&builder);
    build_u32(&builder, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = i + 1 == count ? repeated : i;
        build_u32(&builder, number % 40 + 4);
        for (uint32_t j = 0; j < number % 40; j++)
            build_byte(&builder, 'a');
        build_byte(&builder, 'a' + number % 16);
        build_byte(&builder, 'a' + number / 16 % 16);
        build_byte(&builder, 'a' + number / 256 % 16);
        build_byte(&builder, 'a' + number / 4096);
        build_byte(&builder, 2);
        build_byte(&builder, 0);
    }
    build_close(&builder);
}

static void exports_are_unique(void **state) {
    (void)state;
    enum { EXPORTS = 3000 };
    build_exports(EXPORTS, EXPORTS - 1);
    assert_int_equal(parse(), ALKA_OK);
    assert_int_equal(module.export_count, EXPORTS);
    for (uint32_t repeated = 0; repeated < EXPORTS - 1; repeated += 7) {
        alka_arena_drop(&tables);
        build_exports(EXPORTS, repeated);
        assert_int_equal(parse(), ALKA_E_DUPLICATE_EXPORT);
        assert_int_equal(diag.offset, builder.size - 2 - (repeated % 40 + 4) - 1);
    }
}

static void names_that_are_prefixes_differ(void **state) {
    (void)state;
    static const char names[4][3] = {"", "\0", "\0\0", "a"};
    static const uint8_t sizes[] = {0, 1, 2, 1};
    build_header(&builder);
    BUILD_SECTION(&builder, 5, 1, 0, 0);
    build_byte(&builder, 7);
    build_open(&builder);
    build_u32(&builder, 4);
    for (uint32_t i = 0; i < 4; i++) {
        build_byte(&builder, sizes[i]);
        build_bytes(&builder, names[i], sizes[i]);
        build_bytes(&builder, "\2\0", 2);
    }
    build_close(&builder);
    assert_int_equal(parse(), ALKA_OK);
}

struct utf8_row {
    const char *bytes;
    uint32_t size;
    bool is_valid;
};

static void utf8(void **state) {
    (void)state;
    static const struct utf8_row rows[] = {
        {"", 0, true},
        {"a\x7F\0z", 4, true},
        {"\xC2\x80", 2, true},
        {"\xDF\xBF", 2, true},
        {"\xE0\xA0\x80", 3, true},
        {"\xED\x9F\xBF", 3, true},
        {"\xEE\x80\x80", 3, true},
        {"\xEF\xBF\xBF", 3, true},
        {"\xF0\x90\x80\x80", 4, true},
        {"\xF4\x8F\xBF\xBF", 4, true},
        {"\x80", 1, false},
        {"\xC1\xBF", 2, false},
        {"\xC2", 1, false},
        {"\xC2\x7F", 2, false},
        {"\xC2\xC0", 2, false},
        {"\xE0\x9F\xBF", 3, false},
        {"\xE1\x80", 2, false},
        {"\xE1\x80\x41", 3, false},
        {"\xED\xA0\x80", 3, false},
        {"\xF0\x8F\xBF\xBF", 4, false},
        {"\xF1\x80\x80", 3, false},
        {"\xF4\x90\x80\x80", 4, false},
        {"\xF5\x80\x80\x80", 4, false},
        {"\xFF", 1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(utf8_is_valid((const uint8_t *)rows[i].bytes, rows[i].size),
                         rows[i].is_valid);
}

static void features_are_gates(void **state) {
    (void)state;
    build_rich();
    for (uint32_t feature = 1; feature < ALKA_FEATURE_COUNT; feature++) {
        alka_feature_set without = every_feature & ~(UINT32_C(1) << feature);
        alka_status status = parse_span(build_span(&builder), without);
        bool is_used = feature == ALKA_FEATURE_MUTABLE_GLOBALS ||
                       feature == ALKA_FEATURE_BULK_MEMORY ||
                       feature == ALKA_FEATURE_REFERENCE_TYPES;
        assert_int_equal(status == ALKA_OK, !is_used);
        if (is_used)
            assert_int_equal(status, feature == ALKA_FEATURE_REFERENCE_TYPES
                                         ? ALKA_E_MULTIPLE_TABLES
                                         : ALKA_E_FEATURE_OFF);
    }
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(tables_of_a_rich_module),
        TEST(the_empty_module_is_valid),
        TEST(every_truncation_is_refused_or_valid),
        TEST(every_byte_may_be_anything),
        TEST(every_grant_may_be_refused),
        TEST(lying_counts_take_no_memory),
        TEST(the_first_failure_by_offset_wins),
        TEST(a_malformed_name_section_is_no_error),
        TEST(exports_are_unique),
        TEST(names_that_are_prefixes_differ),
        TEST(utf8),
        TEST(features_are_gates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
