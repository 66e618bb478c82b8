/* Every code has a page, every page has a code, and both say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <alkahest/render.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "pages.h"

static const uint32_t codes[] = {
#define ALKA_CODE(number, id, text) number,
#include <alkahest/codes.def>
#undef ALKA_CODE
};
enum { CODES = sizeof codes / sizeof *codes };

static void every_code_has_a_page(void **state) {
    (void)state;
    uint32_t missing = 0;
    for (uint32_t i = 0; i < CODES; i++) {
        if (alka_explain(codes[i]))
            continue;
        print_error("ALKA_%03u (%s) has no page\n", codes[i], alka_code_id(codes[i]));
        missing++;
    }
    assert_int_equal(missing, 0);
}

static void every_page_has_a_code_and_its_message(void **state) {
    (void)state;
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < page_count; i++) {
        const char *text = alka_code_text(pages[i].code);
        char title[256];
        (void)snprintf(title, sizeof title, "# ALKA_%03u: %s\n", pages[i].code, text ? text : "?");
        if (text && strncmp(pages[i].text, title, strlen(title)) == 0)
            continue;
        print_error("page ALKA_%03u does not begin with: %s", pages[i].code, title);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void pages_say_what_and_how_to_mend(void **state) {
    (void)state;
    for (uint32_t i = 0; i < page_count; i++) {
        if (!strstr(pages[i].text, "\n## Fix\n"))
            print_error("page ALKA_%03u\n", pages[i].code);
        assert_non_null(strstr(pages[i].text, "\n## Fix\n"));
        assert_true(strlen(pages[i].text) > 120);
    }
}

static void numbers_rise_and_are_unique(void **state) {
    (void)state;
    for (uint32_t i = 1; i < CODES; i++)
        assert_true(codes[i - 1] < codes[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_page),
        cmocka_unit_test(every_page_has_a_code_and_its_message),
        cmocka_unit_test(pages_say_what_and_how_to_mend),
        cmocka_unit_test(numbers_rise_and_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
