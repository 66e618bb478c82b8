/* A shell line: commands separated by `;`, words by spaces, "…" keeps spaces and semicolons in a
 * word. */
#ifndef ATHANOR_SHELL_PARSE_H
#define ATHANOR_SHELL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHELL_WORDS_MAX 32u

struct shell_words {
    size_t count; /* 0: an empty command */
    const char *word[SHELL_WORDS_MAX];
};

/*
 * Cuts the next command off *rest, writing NULs into it; *rest becomes NULL with the last one.
 * NULL, or what is wrong with the command (then the line should be dropped).
 */
const char *shell_parse(char **rest, struct shell_words *out);

/* A word as a decimal number; false if it is none, or too large. */
bool shell_number(const char *word, uint64_t *out_value);

#endif
