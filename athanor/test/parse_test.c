/* Shell lines: what they split into. */
#include "shell/parse.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Writes "[word][word]" per command, "|" between commands, "!message" for an error. */
static void show(const char *text, char *out, size_t out_bytes) {
    char buffer[512];
    char *rest = buffer;
    strcpy(buffer, text);
    out[0] = '\0';
    while (rest != NULL) {
        struct shell_words words;
        const char *error = shell_parse(&rest, &words);
        if (error != NULL) {
            strncat(out, "!", out_bytes - strlen(out) - 1);
            strncat(out, error, out_bytes - strlen(out) - 1);
            return;
        }
        for (size_t i = 0; i < words.count; i++) {
            strncat(out, "[", out_bytes - strlen(out) - 1);
            strncat(out, words.word[i], out_bytes - strlen(out) - 1);
            strncat(out, "]", out_bytes - strlen(out) - 1);
        }
        if (rest != NULL) {
            strncat(out, "|", out_bytes - strlen(out) - 1);
        }
    }
}

static void splits(void **state) {
    (void)state;
    static const struct {
        const char *line, *expected;
    } cases[] = {
        {"", ""},
        {"   ", ""},
        {"ps", "[ps]"},
        {"  run   hello  ", "[run][hello]"},
        {"ps;mem", "[ps]|[mem]"},
        {"ps ; mem ;", "[ps]|[mem]|"},
        {";;", "||"},
        {"run \"a b;c\";x", "[run][a b;c]|[x]"},
        {"a\"b c\"d e", "[ab cd][e]"},
        {"\"\" x", "[][x]"},
        {"\"\";x", "[]|[x]"},
        {"\"ab\"", "[ab]"},
        {"a\"\"", "[a]"},
        {"ps; run \"x", "[ps]|!a quote is not closed"},
        {"\"", "!a quote is not closed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[512];
        show(cases[i].line, out, sizeof out);
        assert_string_equal(out, cases[i].expected);
    }
}

static void too_many_words(void **state) {
    (void)state;
    char text[256] = "", out[512];
    for (size_t i = 0; i < SHELL_WORDS_MAX; i++) {
        strcat(text, "a ");
    }
    show(text, out, sizeof out);
    assert_int_equal(out[0], '[');
    strcat(text, "a");
    show(text, out, sizeof out);
    assert_string_equal(out, "!too many words");
}

static void any_bytes(void **state) {
    (void)state;
    srand(6);
    for (int round = 0; round < 100000; round++) {
        char text[64];
        size_t length = (size_t)rand() % sizeof text;
        for (size_t i = 0; i < length; i++) {
            text[i] = " ;\"ab"[rand() % 5];
        }
        text[length > 0 ? length - 1 : 0] = '\0';
        char *end = text + strlen(text);
        char *rest = text;
        while (rest != NULL) {
            struct shell_words words;
            if (shell_parse(&rest, &words) != NULL) {
                break;
            }
            for (size_t i = 0; i < words.count; i++) {
                assert_true(words.word[i] >= text && words.word[i] <= end);
                assert_null(strchr(words.word[i], '"'));
            }
        }
    }
}

static void numbers(void **state) {
    (void)state;
    uint64_t value = 1;
    assert_true(shell_number("0", &value));
    assert_int_equal(value, 0);
    assert_true(shell_number("18446744073709551615", &value));
    assert_int_equal(value, UINT64_MAX);
    static const char *const wrong[] = {"", "-1", "1x", " 1", "18446744073709551616", "0x10"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(shell_number(wrong[i], &value));
    }
    assert_int_equal(value, UINT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(splits),
        cmocka_unit_test(too_many_words),
        cmocka_unit_test(any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
