/* Help with what is typed, and quoting: by tables. */
#include "shell/complete.h"
#include "shell/keys.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void places(void **state) {
    (void)state;
    static const struct {
        const char *line, *word, *command;
        uint32_t index;
    } cases[] = {
        {"", "", "", 0},
        {"ki", "ki", "ki", 0},
        {"kill ", "", "kill", 1},
        {"kill he", "he", "kill", 1},
        {"ps; run he", "he", "run", 1},
        {"ps;ru", "ru", "ru", 0},
        {"ps;   ", "", "", 0},
        {"  swap a b", "b", "swap", 2},
        {"swap a  ", "", "swap", 2},
        {"swap -k a b", "b", "swap", 2},
        {"swap -k  a", "a", "swap", 1},
        {"swap -k", "-k", "swap", 1},
        {"swap -kx b", "b", "swap", 2},
        {"swap a -k b", "b", "swap", 3},
        {";", "", "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct complete_place place = complete_place(cases[i].line, strlen(cases[i].line));
        assert_int_equal(place.length, strlen(cases[i].word));
        assert_memory_equal(place.word, cases[i].word, place.length);
        assert_int_equal(place.command_length, strlen(cases[i].command));
        assert_memory_equal(place.command, cases[i].command, place.command_length);
        assert_int_equal(place.index, cases[i].index);
    }
}

static struct completion complete(const char *word) {
    static const char *const words[] = {"reboot", "restart", "rollback", "run", "restarts"};
    struct completion completion = {.word = word, .length = strlen(word)};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        completion_offer(&completion, words[i]);
    }
    return completion;
}

static void completions(void **state) {
    (void)state;
    struct completion all = complete(""), re = complete("re"), rest = complete("rest");
    assert_int_equal(all.count, 5);
    assert_int_equal(all.common, 1);
    assert_int_equal(re.count, 3);
    assert_int_equal(re.common, 2);
    assert_int_equal(rest.count, 2);
    assert_int_equal(rest.common, strlen("restart"));
    struct completion one = complete("ru"), none = complete("x"), whole = complete("restarts");
    assert_int_equal(one.count, 1);
    assert_string_equal(one.first, "run");
    assert_int_equal(one.common, 3);
    assert_int_equal(none.count, 0);
    assert_null(none.first);
    assert_int_equal(whole.common, strlen("restarts"));
}

static void distances(void **state) {
    (void)state;
    assert_int_equal(complete_distance("kill", "kill"), 0);
    assert_int_equal(complete_distance("kil", "kill"), 1);
    assert_int_equal(complete_distance("klil", "kill"), 2);
    assert_int_equal(complete_distance("", "ps"), 2);
    assert_int_equal(complete_distance("pss", "ps"), 1);
    assert_int_equal(complete_distance("rstrt", "restart"), 2);
    assert_int_equal(complete_distance("nonsense", "ps"), COMPLETE_FAR + 1);
    char word[COMPLETE_WORD_BYTES + 2];
    memset(word, 'a', sizeof word);
    word[sizeof word - 1] = '\0';
    assert_int_equal(complete_distance(word, word), COMPLETE_FAR + 1);
    assert_int_equal(complete_distance("a", word), COMPLETE_FAR + 1);
    assert_int_equal(complete_distance(word + 1, word + 1), 0);
}

static void quoting(void **state) {
    (void)state;
    static const struct {
        const char *text, *quoted;
        size_t room;
    } cases[] = {
        {"", "\"\"", 3},
        {"plain", "\"plain\"", 8},
        {"plain", "\"plai\"", 7},
        {"a b", "\"a b\"", 64},
        {"say \"no\"", "\"say \\\"no\\\"\"", 64},
        {"back\\slash\nline", "\"back\\\\slash\\nline\"", 64},
        {"\"", "\"\"", 4}, /* no half of an escape */
        {"\"", "\"\\\"\"", 5},
        {"\t\x7f\x01", "\"?\?\?\"", 64},
        {"\xC3\xA9", "\"\xC3\xA9\"", 64},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[65];
        memset(out, '#', sizeof out);
        assert_string_equal(keys_quote(out, cases[i].room, cases[i].text), cases[i].quoted);
        assert_int_equal(out[cases[i].room], '#');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(places), cmocka_unit_test(completions),
                                       cmocka_unit_test(distances), cmocka_unit_test(quoting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
