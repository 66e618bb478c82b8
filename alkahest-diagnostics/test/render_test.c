/* The renderer against expected text, small buffers and half-made modules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <alkahest/ops.h>
#include <alkahest/render.h>
#include <cmocka.h>
#include <string.h>

static const uint8_t bytes[] = {0x00, 'a',  's',  'm',  1,    0,    0,    0,    0x01,
                                0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00,
                                0x0A, 0x05, 0x01, 0x03, 0x00, 0x6A, 0x0B};
static const struct alka_span span = {bytes, sizeof bytes};

static struct alka_diag mismatch(void) {
    return (struct alka_diag){.code = ALKA_E_TYPE_MISMATCH,
                              .offset = 23,
                              .section_id = 10,
                              .func_idx = 0,
                              .op = ALKA_OP_I32_ADD,
                              .args = {ALKA_I32, ALKA_EXTERNREF}};
}

static void the_whole_diagnostic(void **state) {
    (void)state;
    struct alka_span name = {(const uint8_t *)"add", 3};
    struct alka_module module = {.function_count = 1, .function_names = &name};
    struct alka_render_context context = {.file = "add.wasm", .bytes = span, .module = &module};
    struct alka_diag diag = mismatch();
    char text[1024];
    size_t length = alka_render(&diag, &context, text, sizeof text);
    assert_string_equal(
        text, "error[ALKA_100]: type mismatch: expected i32, found externref\n"
              "  at byte 23 (0x17) of add.wasm, code section, function 0 \"add\", i32.add\n"
              "    0000000f  02 01 00 0a 05 01 03 00  6a 0b\n"
              "                                       ^^\n");
    assert_int_equal(length, strlen(text));
}

static void an_offset_at_the_end_is_marked_behind_the_last_byte(void **state) {
    (void)state;
    struct alka_diag diag = {.code = ALKA_E_UNEXPECTED_END,
                             .offset = sizeof bytes,
                             .section_id = ALKA_DIAG_NONE,
                             .func_idx = ALKA_DIAG_NONE,
                             .op = ALKA_DIAG_NONE};
    struct alka_render_context context = {.bytes = span};
    char text[1024];
    (void)alka_render(&diag, &context, text, sizeof text);
    assert_string_equal(text, "error[ALKA_001]: unexpected end\n"
                              "  at byte 25 (0x19) of the module\n"
                              "    00000011  00 0a 05 01 03 00 6a 0b\n"
                              "                                       ^^\n");
}

static void a_record_without_a_place_is_one_line(void **state) {
    (void)state;
    struct alka_diag diag = {.code = ALKA_E_TRAP_MEMORY_BOUNDS,
                             .offset = ALKA_DIAG_NONE,
                             .section_id = ALKA_DIAG_NONE,
                             .func_idx = ALKA_DIAG_NONE,
                             .op = ALKA_DIAG_NONE};
    struct alka_render_context context = {.file = NULL};
    char text[256];
    (void)alka_render(&diag, &context, text, sizeof text);
    assert_string_equal(text, "trap[ALKA_601]: out of bounds memory access\n");
}

static void every_buffer_size_is_respected(void **state) {
    (void)state;
    struct alka_render_context context = {.bytes = span};
    struct alka_diag diag = mismatch();
    char whole[1024], cut[1024];
    size_t length = alka_render(&diag, &context, whole, sizeof whole);
    for (size_t size = 0; size <= length + 1; size++) {
        memset(cut, 'x', sizeof cut);
        assert_int_equal(alka_render(&diag, &context, cut, size), length);
        if (size != 0) {
            assert_int_equal(memcmp(cut, whole, size - 1), 0);
            assert_int_equal(cut[size - 1], 0);
        }
        assert_int_equal(cut[size], 'x');
    }
}

static void any_record_can_be_rendered(void **state) {
    (void)state;
    struct alka_module module = {.import_count = 0};
    struct alka_render_context context = {.bytes = span, .module = &module};
    for (uint32_t code = 0; code < 1000; code++) {
        struct alka_diag diag = {.code = (alka_status)code,
                                 .offset = code * 0x1000000,
                                 .section_id = code,
                                 .func_idx = code,
                                 .op = code,
                                 .args = {UINT64_MAX - code, UINT64_MAX}};
        char text[1024];
        assert_true(alka_render(&diag, &context, text, sizeof text) < sizeof text);
    }
}

static void names_cannot_command_a_terminal(void **state) {
    (void)state;
    static const uint8_t evil[] = "a\x1B[2J\x7F\xC2\x9B\x6D\xC3\xA9";
    struct alka_span name = {evil, sizeof evil - 1};
    struct alka_import import = {.module = name, .name = name};
    struct alka_module module = {.import_count = 1, .imports = &import};
    struct alka_diag diag = {.code = ALKA_E_UNKNOWN_IMPORT};
    char text[256];
    (void)alka_render_message(&diag, &module, text, sizeof text);
    assert_string_equal(text, "unknown import \"a?[2J??m\xC3\xA9\" \"a?[2J??m\xC3\xA9\"");
}

static void long_names_are_cut_between_characters(void **state) {
    (void)state;
    uint8_t data[300];
    data[0] = 'a';
    for (size_t i = 1; i + 1 < sizeof data; i += 2) {
        data[i] = 0xC3;
        data[i + 1] = 0xA9;
    }
    struct alka_import import = {.module = {data, 299}, .name = {data, 1}};
    struct alka_module module = {.import_count = 1, .imports = &import};
    struct alka_diag diag = {.code = ALKA_E_UNKNOWN_IMPORT};
    char text[512];
    size_t length = alka_render_message(&diag, &module, text, sizeof text);
    assert_int_equal(length, strlen("unknown import \"") + 119 + strlen("...\" \"a\""));
    assert_non_null(strstr(text, "\xC3\xA9...\" \"a\""));
}

static void features_are_named(void **state) {
    (void)state;
    struct alka_diag diag = {.code = ALKA_E_FEATURE_OFF, .args = {ALKA_FEATURE_SIMD}};
    char text[256];
    (void)alka_render_message(&diag, NULL, text, sizeof text);
    assert_string_equal(text, "the module uses simd, which is not allowed: see --features=+simd");
}

static void codes_are_parsed_as_people_write_them(void **state) {
    (void)state;
    uint32_t code = 0;
    assert_true(alka_code_parse("ALKA_117", &code));
    assert_int_equal(code, 117);
    assert_true(alka_code_parse("alka_005", &code));
    assert_int_equal(code, 5);
    assert_true(alka_code_parse("42", &code));
    assert_int_equal(code, 42);
    static const char *const wrong[] = {
        "", "ALKA_", "ALK_1", "ALKA_1x", "1000", "ALKA_4294967297", "-1", "ALKA 1", "A1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(alka_code_parse(wrong[i], &code));
    assert_int_equal(code, 42);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_diagnostic),
        cmocka_unit_test(an_offset_at_the_end_is_marked_behind_the_last_byte),
        cmocka_unit_test(a_record_without_a_place_is_one_line),
        cmocka_unit_test(every_buffer_size_is_respected),
        cmocka_unit_test(any_record_can_be_rendered),
        cmocka_unit_test(names_cannot_command_a_terminal),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test(features_are_named),
        cmocka_unit_test(codes_are_parsed_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
