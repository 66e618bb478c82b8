/* Splits shell lines, in place. In: a NUL-terminated line. Out: words that point into it. Pure. */
#include "shell/parse.h"
#include <stdbool.h>

/* Reads one word at *at, moving its characters over the quotes; *at becomes what follows it. */
static const char *parse_word(char **at, const char **out_word) {
    char *from = *at, *to = *at;
    bool quoted = false;
    *out_word = to;
    while (*from != '\0' && (quoted || (*from != ' ' && *from != ';'))) {
        if (*from == '"') {
            quoted = !quoted;
            from++;
            continue;
        }
        *to++ = *from++;
    }
    *at = from;
    if (quoted) {
        return "a quote is not closed";
    }
    if (to < from) {
        *to = '\0'; /* else the separator is where the NUL belongs; the caller puts it there */
    }
    return NULL;
}

const char *shell_parse(char **rest, struct shell_words *out) {
    char *at = *rest;
    *rest = NULL;
    out->count = 0;
    for (;;) {
        while (*at == ' ') {
            *at++ = '\0';
        }
        if (*at == '\0') {
            return NULL;
        }
        if (*at == ';') {
            *at = '\0';
            *rest = at + 1;
            return NULL;
        }
        if (out->count == SHELL_WORDS_MAX) {
            return "too many words";
        }
        const char *error = parse_word(&at, &out->word[out->count]);
        if (error != NULL) {
            return error;
        }
        out->count++;
    }
}

bool shell_number(const char *word, uint64_t *out_value) {
    uint64_t value = 0;
    if (*word == '\0') {
        return false;
    }
    for (; *word != '\0'; word++) {
        if (*word < '0' || *word > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*word - '0'), &value)) {
            return false;
        }
    }
    *out_value = value;
    return true;
}
