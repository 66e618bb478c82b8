/*
 * Formatting. In: a printf format and its arguments. Out: text, cut to the
 * space there is. Pure; knows integers and strings, no floating point.
 */
#include "console/format.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct format_out {
    char *at, *end;
};

struct format_spec {
    bool left, zero;
    int width, precision; /* precision -1: none given */
    int length;           /* -2 hh, -1 h, 0, 1 l, 2 ll, 3 z */
};

#define FORMAT_DIGITS_MAX 24

static void format_char(struct format_out *out, char byte) {
    if (out->at < out->end) {
        *out->at++ = byte;
    }
}

static void format_fill(struct format_out *out, char byte, int count) {
    for (; count > 0 && out->at < out->end; count--) {
        format_char(out, byte);
    }
}

static void format_padded(struct format_out *out, const struct format_spec *spec, const char *text,
                          int length) {
    if (!spec->left) {
        format_fill(out, ' ', spec->width - length);
    }
    for (int i = 0; i < length; i++) {
        format_char(out, text[i]);
    }
    if (spec->left) {
        format_fill(out, ' ', spec->width - length);
    }
}

static void format_number(struct format_out *out, const struct format_spec *spec, uint64_t value,
                          bool negative, unsigned base, const char *digits) {
    char text[FORMAT_DIGITS_MAX];
    int at = FORMAT_DIGITS_MAX;
    do {
        text[--at] = digits[value % base];
        value /= base;
    } while (value != 0);

    int length = FORMAT_DIGITS_MAX - at + (negative ? 1 : 0);
    if (spec->zero && !spec->left) {
        if (negative) {
            format_char(out, '-');
        }
        format_fill(out, '0', spec->width - length);
        format_padded(out, &(struct format_spec){0}, text + at, FORMAT_DIGITS_MAX - at);
        return;
    }
    if (negative) {
        text[--at] = '-';
    }
    format_padded(out, spec, text + at, length);
}

static void format_string(struct format_out *out, const struct format_spec *spec,
                          const char *text) {
    if (text == NULL) {
        text = "(null)";
    }
    int length = 0;
    while ((spec->precision < 0 || length < spec->precision) && text[length] != '\0') {
        length++;
    }
    format_padded(out, spec, text, length);
}

/* NOLINTBEGIN(clang-analyzer-valist.Uninitialized): the analyzer loses a va_list behind a pointer
 */

static int64_t format_signed(va_list *arguments, int length) {
    switch (length) {
    case 1:
        return va_arg(*arguments, long);
    case 2:
        return va_arg(*arguments, long long);
    case 3:
        return (int64_t)va_arg(*arguments, size_t);
    case -1:
        return (short)va_arg(*arguments, int);
    case -2:
        return (signed char)va_arg(*arguments, int);
    default:
        return va_arg(*arguments, int);
    }
}

static uint64_t format_unsigned(va_list *arguments, int length) {
    uint64_t value = (uint64_t)format_signed(arguments, length);
    switch (length) {
    case 0:
        return (uint32_t)value;
    case -1:
        return (uint16_t)value;
    case -2:
        return (uint8_t)value;
    default:
        return value;
    }
}

static const char *format_count(const char *at, va_list *arguments, int *out) {
    if (*at == '*') {
        *out = va_arg(*arguments, int);
        return at + 1;
    }
    int value = 0;
    while (*at >= '0' && *at <= '9') {
        value = value < 10000 ? value * 10 + (*at - '0') : value;
        at++;
    }
    *out = value;
    return at;
}

static const char *format_parse(const char *at, va_list *arguments, struct format_spec *spec) {
    for (; *at == '-' || *at == '0'; at++) {
        spec->left |= *at == '-';
        spec->zero |= *at == '0';
    }
    at = format_count(at, arguments, &spec->width);
    if (spec->width < 0) {
        spec->left = true;
        spec->width = -spec->width;
    }
    if (*at == '.') {
        at = format_count(at + 1, arguments, &spec->precision);
    }
    for (; *at == 'l' || *at == 'h'; at++) {
        spec->length += *at == 'l' ? 1 : -1;
    }
    if (*at == 'z') {
        spec->length = 3;
        at++;
    }
    return at;
}

static bool format_convert(struct format_out *out, const struct format_spec *spec, char conversion,
                           va_list *arguments) {
    static const char lower[] = "0123456789abcdef";
    switch (conversion) {
    case 'd':
    case 'i': {
        int64_t value = format_signed(arguments, spec->length);
        uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
        format_number(out, spec, magnitude, value < 0, 10, lower);
        return true;
    }
    case 'u':
        format_number(out, spec, format_unsigned(arguments, spec->length), false, 10, lower);
        return true;
    case 'x':
        format_number(out, spec, format_unsigned(arguments, spec->length), false, 16, lower);
        return true;
    case 'X':
        format_number(out, spec, format_unsigned(arguments, spec->length), false, 16,
                      "0123456789ABCDEF");
        return true;
    case 'p':
        format_padded(out, &(struct format_spec){0}, "0x", 2);
        format_number(out, spec, (uint64_t)va_arg(*arguments, void *), false, 16, lower);
        return true;
    case 'c': {
        char byte = (char)va_arg(*arguments, int);
        format_padded(out, spec, &byte, 1);
        return true;
    }
    case 's':
        format_string(out, spec, va_arg(*arguments, const char *));
        return true;
    case '%':
        format_char(out, '%');
        return true;
    default:
        return false;
    }
}

/* NOLINTEND(clang-analyzer-valist.Uninitialized) */

size_t format_va(char *out_text, size_t out_bytes, const char *format, va_list arguments) {
    if (out_bytes == 0) {
        return 0;
    }
    struct format_out out = {out_text, out_text + out_bytes - 1};
    va_list own; /* an array, whose address can be passed on: what is taken is
                    taken for all */
    va_copy(own, arguments);
    const char *at = format;
    while (*at != '\0') {
        if (*at != '%') {
            format_char(&out, *at++);
            continue;
        }
        struct format_spec spec = {.precision = -1};
        const char *after = format_parse(at + 1, &own, &spec);
        if (*after != '\0' && format_convert(&out, &spec, *after, &own)) {
            at = after + 1;
            continue;
        }
        format_char(&out, *at++);
    }
    va_end(own);
    *out.at = '\0';
    return (size_t)(out.at - out_text);
}

size_t format_text(char *out, size_t out_bytes, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_va(out, out_bytes, format, arguments);
    va_end(arguments);
    return length;
}
