/* Scancodes to bytes. */
#include "console/keyboard.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(const uint8_t *codes, size_t count, const char *text) {
    struct keyboard_state keyboard = {0};
    char got[64] = "";
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        length += keyboard_decode(&keyboard, codes[i], got + length);
    }
    got[length] = '\0';
    assert_string_equal(got, text);
}

#define EXPECT(text, ...) \
    expect((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), text)

static void keys(void **state) {
    (void)state;
    EXPECT("a", 0x1E, 0x9E);
    EXPECT("aA!1", 0x1E, 0x2A, 0x1E, 0x02, 0xAA, 0x02);
    EXPECT("A1a", 0x3A, 0x1E, 0x02, 0x2A, 0x1E);
    EXPECT("\r\b\t ~`", 0x1C, 0x0E, 0x0F, 0x39, 0x2A, 0x29, 0xAA, 0x29);
    EXPECT("\003c", 0x1D, 0x2E, 0x9D, 0x2E);
    EXPECT("\033[A\033[B\033[D\033[C", 0xE0, 0x48, 0xE0, 0x50, 0xE0, 0x4B, 0xE0, 0x4D);
    EXPECT("\004/\r", 0xE0, 0x53, 0xE0, 0x35, 0xE0, 0x1C);
    EXPECT("\033[A", 0xE0, 0x2A, 0xE0, 0x48, 0xE0, 0xC8, 0xE0, 0xAA); /* a fake shift around it */
    EXPECT("", 0x00, 0x7F, 0xFF, 0xE0, 0xFF, 0x58, 0xFA);
    EXPECT("|\\", 0x36, 0x2B, 0xB6, 0x2B);
}

static void any_codes(void **state) {
    (void)state;
    struct keyboard_state keyboard = {0};
    srand(8);
    for (int i = 0; i < 100000; i++) {
        char out[3];
        assert_true(keyboard_decode(&keyboard, (uint8_t)rand(), out) <= 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys), cmocka_unit_test(any_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
