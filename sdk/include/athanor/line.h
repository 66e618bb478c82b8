/*
 * Builds a line of text without a C library: append parts, then line_log it. What does not fit is
 * dropped.
 *
 *     struct line line = {0};
 *     line_text(&line, "answer ");
 *     line_u64(&line, 42);
 *     line_log(&line);
 */
#ifndef ATHANOR_LINE_H
#define ATHANOR_LINE_H

#include <athanor.h>

struct line {
    size_t size; /* bytes used */
    char text[160];
};

static inline void line_char(struct line *line, char character) {
    if (line->size < sizeof line->text)
        line->text[line->size++] = character;
}

static inline void line_text(struct line *line, const char *text) {
    while (*text)
        line_char(line, *text++);
}

static inline void line_u64(struct line *line, uint64_t value) {
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count)
        line_char(line, digits[--count]);
}

/* Exactly `digits` hexadecimal digits, 1 to 16. */
static inline void line_hex(struct line *line, uint64_t value, unsigned digits) {
    while (digits--)
        line_char(line, "0123456789abcdef"[value >> (4 * digits) & 15]);
}

/* Logs the line and empties it. */
static inline void line_log(struct line *line) {
    athanor_log(line->text, line->size);
    line->size = 0;
}

#endif
