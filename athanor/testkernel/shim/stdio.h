/* As much of <stdio.h> as the unit tests use. */
#ifndef SHIM_STDIO_H
#define SHIM_STDIO_H

#include <stddef.h>

#define stderr NULL

int snprintf(char *out, size_t bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int fprintf(void *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
