/* Help with what is typed: the ends of words, and what an unknown word may have meant. */
#ifndef ATHANOR_SHELL_COMPLETE_H
#define ATHANOR_SHELL_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The word that a line ends in. */
struct complete_place {
    const char *word;
    size_t length;
    const char *command; /* that it belongs to */
    size_t command_length;
    uint32_t index; /* of the word: 0 is the command; a -k behind that does not count */
};
struct complete_place complete_place(const char *line, size_t length);

/* Begin with {word, length}; offer each candidate, which stay where they are. */
struct completion {
    const char *word;
    size_t length;
    uint32_t count;    /* of those that begin with the word */
    const char *first; /* of them; NULL: none */
    size_t common;     /* so many characters of it they have all in common */
};
void completion_offer(struct completion *completion, const char *candidate);

/* How many characters have to be inserted, left out or replaced; more than COMPLETE_FAR is
 * COMPLETE_FAR + 1. */
#define COMPLETE_FAR 2u
#define COMPLETE_WORD_BYTES 32u /* longer words are far from everything */
uint32_t complete_distance(const char *one, const char *other);

#endif
