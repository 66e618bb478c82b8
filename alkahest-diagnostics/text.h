/* A bounded text under construction: counts all bytes, keeps those that fit. */
#ifndef DIAGNOSTICS_TEXT_H
#define DIAGNOSTICS_TEXT_H

#include <alkahest/module.h>
#include <stddef.h>

struct text {
    char *buffer;
    size_t capacity; /* bytes, the closing 0 included */
    size_t length;   /* bytes of the whole text, kept or not */
};

struct text text_begin(char *buffer, size_t capacity);
/* Closes the text with its 0; returns its whole length. */
size_t text_end(struct text *text);

void text_char(struct text *text, char c);
void text_string(struct text *text, const char *string);
void text_decimal(struct text *text, uint64_t value);
/* At least `digits` digits. */
void text_hex(struct text *text, uint64_t value, uint32_t digits);
/* A name from a module, in quotes: control characters become '?', long names are shortened. */
void text_name(struct text *text, struct alka_span name);
void text_valtype(struct text *text, alka_valtype type);

#endif
