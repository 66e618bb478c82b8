/*
 * Wasm values as text: what a user types for --invoke, and what is printed.
 */
#ifndef COMMAND_VALUES_H
#define COMMAND_VALUES_H

#include <alkahest/types.h>
#include <stdbool.h>
#include <stddef.h>

/* A value of any type: v128 needs both words, everything else the first (i32, f32: low half). */
struct value {
    alka_valtype type;
    uint64_t bits[2];
};

/* 8-byte words that a value takes in alka_call's array. */
static inline size_t value_words(alka_valtype type) { return type == ALKA_V128 ? 2 : 1; }

/* "i32", "v128", "funcref" …; a typed reference is "(ref null 3)". Into `text`, cut off if too
 * small. */
void value_type_name(alka_valtype type, char *text, size_t text_bytes);

/*
 * Reads `text` as a value of `type`: decimal or hexadecimal numbers (unsigned, or signed and
 * negative), floats as C writes them, inf, nan, nan:0xPAYLOAD; v128 as 0x and 32 digits, or two i64
 * "low:high"; references only as "null". A type in front ("i32:7") must be the right one. Problems
 * are printed; then false.
 */
bool value_parse(const char *text, alka_valtype type, struct value *out_value);

/* The shortest text that value_parse reads back to the same bits; references but null only name
 * what they are. */
void value_format(const struct value *value, char *text, size_t text_bytes);

#define VALUE_TEXT_BYTES 80

#endif
