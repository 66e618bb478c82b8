/*
 * Cleaning text. In: bytes that a module chose, which may change while they are
 * read: each is read once. Out: printable UTF-8. Pure.
 */
#include "console/clean.h"
#include <stdint.h>

#define CLEAN_SEQUENCE_MAX 4u

/* Bytes of the sequence that begins with `lead`; 0 if none does. The C1
 * controls begin with C2 and are caught later. */
static size_t clean_sequence(uint8_t lead) {
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        return 3;
    }
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

/* The second byte's range is narrower after some leads: no overlong forms, no
 * surrogates, no more than U+10FFFF. */
static int clean_second(uint8_t lead, uint8_t second) {
    switch (lead) {
    case 0xE0:
        return second >= 0xA0 && second <= 0xBF;
    case 0xED:
        return second >= 0x80 && second <= 0x9F;
    case 0xF0:
        return second >= 0x90 && second <= 0xBF;
    case 0xF4:
        return second >= 0x80 && second <= 0x8F;
    case 0xC2: /* C1 controls are not for us */
        return second >= 0xA0 && second <= 0xBF;
    default:
        return second >= 0x80 && second <= 0xBF;
    }
}

/* Reads one character of `text` into `out`; its bytes, 0 if there is no
 * printable one. */
static size_t clean_character(uint8_t out[static CLEAN_SEQUENCE_MAX], const volatile uint8_t *text,
                              size_t text_bytes) {
    out[0] = text[0];
    size_t count = clean_sequence(out[0]);
    if (count == 0 || count > text_bytes || out[0] < 0x20 || out[0] == 0x7F) {
        return 0;
    }
    for (size_t i = 1; i < count; i++) {
        out[i] = text[i];
        if (i == 1 ? !clean_second(out[0], out[1]) : (out[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return count;
}

size_t clean_text(char *out, size_t out_bytes, const void *text, size_t text_bytes) {
    const volatile uint8_t *from = text;
    size_t length = 0, at = 0;
    while (at < text_bytes) {
        uint8_t character[CLEAN_SEQUENCE_MAX];
        size_t count = clean_character(character, from + at, text_bytes - at);
        if (count == 0) {
            character[0] = '?';
        }
        size_t shown = count > 0 ? count : 1;
        if (length + shown >= out_bytes) {
            break;
        }
        for (size_t i = 0; i < shown; i++) {
            out[length++] = (char)character[i];
        }
        at += shown;
    }
    out[length] = '\0';
    return length;
}
