/* As much of <string.h> as the unit tests use. */
#ifndef SHIM_STRING_H
#define SHIM_STRING_H

#include <stddef.h>

/* The kernel's own: cpu/string.c. */
void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memset(void *to, int value, size_t count);
void *memmove(void *to, const void *from, size_t count);
int memcmp(const void *left, const void *right, size_t count);
size_t strlen(const char *text);
int strncmp(const char *left, const char *right, size_t count);
int strcmp(const char *left, const char *right);

char *strchr(const char *text, int character);
char *strstr(const char *text, const char *part);
char *strcpy(char *restrict to, const char *restrict from);
char *strcat(char *restrict to, const char *restrict from);
char *strncat(char *restrict to, const char *restrict from, size_t most);

#endif
