/* Cleaning: what may pass, what may not, and where it is cut. */
#include "console/clean.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, const char *expected) {
    char out[128];
    size_t length = clean_text(out, sizeof out, text, strlen(text));
    assert_string_equal(out, expected);
    assert_int_equal(length, strlen(expected));
}

static void characters(void **state) {
    (void)state;
    expect("", "");
    expect("plain text ~", "plain text ~");
    expect("a\nb\tc\033[31m\177\b", "a?b?c?[31m??");
    expect("\303\244 \342\202\254 \360\237\230\200", "\303\244 \342\202\254 \360\237\230\200");
    expect("\302\233 \302\200 \302\240", "?? ?? \302\240"); /* C1: CSI as one character */
    expect("\300\200 \301\277", "?? ??");                   /* overlong */
    expect("\340\200\200 \355\240\200 \364\220\200\200", "??? ??? ????");
    expect("\365\200\200\200 \377", "???? ?");
    expect("\342\202", "??"); /* ends too early */
    expect("\342\202x", "??x");
    expect("\200", "?");
}

static void cuts_between_characters(void **state) {
    (void)state;
    static const char text[] = "a\342\202\254b";
    static const char *const expected[] = {"", "a", "a", "a", "a\342\202\254", "a\342\202\254b"};
    for (size_t size = 1; size <= 6; size++) {
        char out[8];
        memset(out, 'Z', sizeof out);
        clean_text(out, size, text, sizeof text - 1);
        assert_string_equal(out, expected[size - 1]);
        assert_int_equal(out[size], 'Z');
    }
}

static void any_bytes(void **state) {
    (void)state;
    srand(9);
    for (int round = 0; round < 20000; round++) {
        uint8_t text[40];
        char out[64];
        size_t count = (size_t)rand() % sizeof text;
        for (size_t i = 0; i < count; i++) {
            text[i] = (uint8_t)rand();
        }
        uint8_t *exact = malloc(count + 1);
        exact = realloc(exact, count > 0 ? count : 1);
        memcpy(exact, text, count);
        size_t length = clean_text(out, sizeof out, exact, count);
        free(exact);
        for (size_t i = 0; i < length; i++) {
            assert_true((uint8_t)out[i] >= 0x20 && out[i] != 0x7F);
        }
        char again[64];
        assert_int_equal(clean_text(again, sizeof again, out, length), length);
        assert_string_equal(again, out); /* what is clean stays as it is */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
