/*
 * The four functions that a C compiler may call although nobody wrote the call. Linked into each
 * module that does not bring a C library. Plain loops: without builtins, so that no loop becomes a
 * call to itself.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *left, const void *right, size_t bytes);

static void copy_up(unsigned char *to, const unsigned char *from, size_t bytes) {
    for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t)) {
        uint64_t word;
        __builtin_memcpy(&word, from, sizeof word);
        __builtin_memcpy(to, &word, sizeof word);
        to += sizeof word;
        from += sizeof word;
    }
    while (bytes--)
        *to++ = *from++;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    copy_up(to, from, bytes);
    return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
    unsigned char *target = to;
    const unsigned char *source = from;
    if ((uintptr_t)target <= (uintptr_t)source || (uintptr_t)target - (uintptr_t)source >= bytes) {
        copy_up(target, source, bytes);
        return to;
    }
    while (bytes--)
        target[bytes] = source[bytes];
    return to;
}

void *memset(void *to, int byte, size_t bytes) {
    unsigned char *target = to;
    while (bytes--)
        *target++ = (unsigned char)byte;
    return to;
}

int memcmp(const void *left, const void *right, size_t bytes) {
    const unsigned char *one = left;
    const unsigned char *other = right;
    for (size_t i = 0; i < bytes; i++) {
        if (one[i] != other[i])
            return one[i] - other[i];
    }
    return 0;
}
