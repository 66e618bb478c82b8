/*
 * The functions a C compiler calls on its own, and the few string functions the
 * kernel uses. General registers only: `rep` is microcoded well enough on every
 * processor with long mode.
 */
#include <stdint.h>
#include <string.h>

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the names
 * in the system's header are reserved */

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    void *out = to;
    size_t words = count / 8;
    size_t bytes = count % 8;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return out;
}

void *memset(void *to, int value, size_t count) {
    void *out = to;
    size_t words = count / 8;
    size_t bytes = count % 8;
    uint64_t pattern = (uint8_t)value * UINT64_C(0x0101010101010101);
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(pattern) : "memory");
    return out;
}

void *memmove(void *to, const void *from, size_t count) {
    if ((size_t)to - (size_t)from >= count) {
        return memcpy(to, from, count);
    }
    void *out = to;
    to = (char *)to + count - 1;
    from = (const char *)from + count - 1;
    __asm__ volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    return out;
}

int memcmp(const void *left, const void *right, size_t count) {
    const unsigned char *a = left, *b = right;
    for (size_t i = 0; i < count; i++) {
        if (a[i] != b[i]) {
            return a[i] - b[i];
        }
    }
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    return length;
}

int strncmp(const char *left, const char *right, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (left[i] != right[i] || left[i] == '\0') {
            return (unsigned char)left[i] - (unsigned char)right[i];
        }
    }
    return 0;
}

int strcmp(const char *left, const char *right) { return strncmp(left, right, (size_t)-1); }

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
