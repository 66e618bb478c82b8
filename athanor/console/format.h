/* printf without a C library, into bounded memory. */
#ifndef ATHANOR_FORMAT_H
#define ATHANOR_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Conversions: %d %i %u %x %X %c %s %p %%, with h, hh, l, ll, z, the flags -
 * and 0, width and precision (also *; precision only for %s). Anything else is
 * copied as it stands. Writes at most out_bytes - 1 characters and a NUL
 * (nothing if out_bytes is 0). Returns the number of characters written,
 * without the NUL.
 */
size_t format_va(char *out_text, size_t out_bytes, const char *format, va_list arguments);
size_t format_text(char *out, size_t out_bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
