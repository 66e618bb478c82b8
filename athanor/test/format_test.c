/* Formatting, against the C library's. */
#include "console/format.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char ours[256], theirs[256];

#define SAME(...)                                                    \
    do {                                                             \
        int expected = snprintf(theirs, sizeof theirs, __VA_ARGS__); \
        size_t length = format_text(ours, sizeof ours, __VA_ARGS__); \
        assert_string_equal(ours, theirs);                           \
        assert_int_equal(length, expected);                          \
    } while (0)

static void numbers(void **state) {
    (void)state;
    static const long values[] = {0, 1, -1, 9, 10, -10, INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, 255};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        SAME("%d|%i|%u|%x", (int)values[i], (int)values[i], (unsigned)values[i],
             (unsigned)values[i]);
        SAME("%ld|%lu|%lx|%lX", values[i], (unsigned long)values[i], (unsigned long)values[i],
             (unsigned long)values[i]);
        SAME("%lld|%llu|%zu", (long long)values[i], (unsigned long long)values[i],
             (size_t)values[i]);
        SAME("%hhd|%hhu|%hd|%hu", (signed char)values[i], (unsigned char)values[i],
             (short)values[i], (unsigned short)values[i]);
        SAME("[%20ld][%-20ld][%020ld][%3ld][%*d]", values[i], values[i], values[i], values[i], 7,
             (int)values[i]);
        SAME("%-*d|%08x|%016lx", 9, (int)values[i], (unsigned)values[i], (unsigned long)values[i]);
    }
}

static void text(void **state) {
    (void)state;
    SAME("%s", "");
    SAME("%s and %c and 100%%", "text", 'x');
    SAME("[%10s][%-10s][%.3s][%.*s][%-6.2s]", "ab", "ab", "abcdef", 2, "abc", "abc");
    SAME("%s", "a long text a long text a long text a long text a long text a "
               "long text");
    assert_int_equal(format_text(ours, sizeof ours, "%.4s", (const char[4]){'a', 'b', 'c', 'd'}),
                     4);
    format_text(ours, sizeof ours, "%p", (void *)(uintptr_t)0xFFFF800000001234);
    assert_string_equal(ours, "0xffff800000001234");
}

static void cuts(void **state) {
    (void)state;
    for (size_t size = 0; size < 40; size++) {
        memset(ours, 'Z', sizeof ours);
        size_t length = format_text(ours, size, "%s %8d %-20s", "abc", 12345, "xyz");
        snprintf(theirs, size > 0 ? size : 1, "%s %8d %-20s", "abc", 12345, "xyz");
        assert_int_equal(ours[size], 'Z');
        if (size > 0) {
            assert_string_equal(ours, theirs);
            assert_int_equal(length, strlen(theirs));
        }
    }
    format_text(ours, 10, "%2000000000d", 1); /* no time is spent on what does not fit */
    assert_string_equal(ours, "         ");
}

/* What we do not know is shown as it stands, and nothing is taken from the
 * arguments. */
static void unknown(void **state) {
    (void)state;
    /* Through a pointer: the compiler must not see what it would rightly warn of. */
    size_t (*const volatile text_of)(char *, size_t, const char *, ...) = format_text;
    text_of(ours, sizeof ours, "%q %5y %");
    assert_string_equal(ours, "%q %5y %");
    text_of(ours, sizeof ours, "%s", (const char *)NULL);
    assert_string_equal(ours, "(null)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(text),
        cmocka_unit_test(cuts),
        cmocka_unit_test(unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
