/*
 * Room: diagnostics. Text into a bounded buffer. In: pieces. Out: as many of their bytes as fit.
 * Must never write behind the buffer, and never print what a terminal would obey.
 */
#include "text.h"

struct text text_begin(char *buffer, size_t capacity) {
    return (struct text){.buffer = buffer, .capacity = capacity};
}

size_t text_end(struct text *text) {
    if (text->capacity != 0) {
        size_t last = text->capacity - 1;
        text->buffer[text->length < last ? text->length : last] = 0;
    }
    return text->length;
}

void text_char(struct text *text, char c) {
    if (text->length + 1 < text->capacity)
        text->buffer[text->length] = c;
    text->length++;
}

void text_string(struct text *text, const char *string) {
    for (; *string != 0; string++)
        text_char(text, *string);
}

static void text_digits(struct text *text, uint64_t value, uint32_t base, uint32_t digits) {
    char reversed[20];
    uint32_t count = 0;
    for (; value != 0 || count < digits; value /= base)
        reversed[count++] = "0123456789abcdef"[value % base];
    while (count != 0)
        text_char(text, reversed[--count]);
}

void text_decimal(struct text *text, uint64_t value) { text_digits(text, value, 10, 1); }

void text_hex(struct text *text, uint64_t value, uint32_t digits) {
    text_digits(text, value, 16, digits);
}

enum { TEXT_NAME_MOST_BYTES = 120 };

/* C0 and C1 control characters (the latter are C2 80 … C2 9F) and DEL. */
static bool text_is_control(const uint8_t *at, const uint8_t *end) {
    return at[0] < 0x20 || at[0] == 0x7F || (at[0] == 0xC2 && end - at > 1 && at[1] < 0xA0);
}

void text_name(struct text *text, struct alka_span name) {
    size_t most = name.size;
    if (most > TEXT_NAME_MOST_BYTES) {
        most = TEXT_NAME_MOST_BYTES;
        while (most != 0 && (name.data[most] & 0xC0) == 0x80)
            most--; /* not in the middle of a character */
    }
    const uint8_t *at = name.data, *end = name.data + most;
    text_char(text, '"');
    for (; at < end; at++) {
        if (text_is_control(at, end)) {
            at += at[0] == 0xC2;
            text_char(text, '?');
            continue;
        }
        text_char(text, (char)*at);
    }
    text_string(text, most < name.size ? "...\"" : "\"");
}

static const char *text_heap_name(uint32_t heap) {
    static const char *const names[] = {"func",  "extern", "any",  "eq",     "i31",      "struct",
                                        "array", "exn",    "none", "nofunc", "noextern", "noexn"};
    uint32_t index = heap - ALKA_HEAP_FUNC;
    return index < sizeof names / sizeof *names ? names[index] : NULL;
}

static void text_reference(struct text *text, alka_valtype type) {
    const char *name = text_heap_name(alka_valtype_heap(type));
    if (type == ALKA_FUNCREF || type == ALKA_EXTERNREF) {
        text_string(text, name);
        text_string(text, "ref");
        return;
    }
    text_string(text, alka_valtype_is_nullable(type) ? "(ref null " : "(ref ");
    if (name)
        text_string(text, name);
    else
        text_decimal(text, alka_valtype_heap(type));
    text_char(text, ')');
}

void text_valtype(struct text *text, alka_valtype type) {
    static const char *const names[] = {
        [ALKA_KIND_BOTTOM] = "a value", [ALKA_KIND_I32] = "i32", [ALKA_KIND_I64] = "i64",
        [ALKA_KIND_F32] = "f32",        [ALKA_KIND_F64] = "f64", [ALKA_KIND_V128] = "v128"};
    if (alka_valtype_is_ref(type)) {
        text_reference(text, type);
        return;
    }
    uint32_t kind = alka_valtype_kind(type);
    text_string(text, kind < sizeof names / sizeof *names ? names[kind] : "?");
}
