/*
 * The C library of the unit tests in the kernel: memory, numbers, text, and the running of groups.
 * In: calls of tests. Out: as on the host. Never in the kernel that is shipped.
 */
#include "console/format.h"
#include "console/log.h"
#include "mm/memory.h"
#include "trap/panic.h"
#include <cmocka.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SHIM_LINE_BYTES 256u
#define SHIM_MMAP_MAX (UINT64_C(64) << 20) /* a larger one only wants address space */

/* --- Memory. --- */

struct shim_block {
    size_t bytes;
    uint64_t unused; /* keeps what follows aligned */
};

void *malloc(size_t bytes) {
    struct shim_block *block = memory_take(bytes + sizeof *block);
    if (block == NULL) {
        return NULL;
    }
    block->bytes = bytes + sizeof *block;
    return block + 1;
}

void *calloc(size_t count, size_t bytes) { return malloc(count * bytes); }

void free(void *pointer) {
    struct shim_block *block = pointer;
    if (block != NULL) {
        memory_give(block - 1, block[-1].bytes);
    }
}

void *realloc(void *pointer, size_t bytes) {
    void *moved = malloc(bytes);
    if (moved != NULL && pointer != NULL) {
        size_t old = ((struct shim_block *)pointer)[-1].bytes - sizeof(struct shim_block);
        memcpy(moved, pointer, old < bytes ? old : bytes);
        free(pointer);
    }
    return moved;
}

void *mmap(void *at, size_t bytes, int protection, int flags, int file, long offset) {
    void *base;
    (void)at, (void)protection, (void)flags, (void)file, (void)offset;
    return bytes <= SHIM_MMAP_MAX && memory_map_pages(bytes, &base) == ALKA_OK ? base : MAP_FAILED;
}

int munmap(void *base, size_t bytes) {
    memory_unmap_pages(base, bytes);
    return 0;
}

int mprotect(void *base, size_t bytes, int protection) {
    (void)base, (void)bytes, (void)protection;
    return -1;
}

/* --- Numbers and text. --- */

static uint64_t shim_random = 1;

void srand(unsigned seed) { shim_random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1; }

/* Xorshift (Marsaglia 2003). */
int rand(void) {
    shim_random ^= shim_random << 13;
    shim_random ^= shim_random >> 7;
    shim_random ^= shim_random << 17;
    return (int)(shim_random >> 33);
}

int snprintf(char *out, size_t bytes, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t count = format_va(out, bytes, format, arguments);
    va_end(arguments);
    return (int)count;
}

int fprintf(void *stream, const char *format, ...) {
    char text[SHIM_LINE_BYTES];
    (void)stream;
    va_list arguments;
    va_start(arguments, format);
    size_t count = format_va(text, sizeof text, format, arguments);
    va_end(arguments);
    print("%s", text);
    return (int)count;
}

char *strchr(const char *text, int character) {
    while (*text != (char)character) {
        if (*text++ == '\0') {
            return NULL;
        }
    }
    return (char *)(uintptr_t)text;
}

char *strstr(const char *text, const char *part) {
    size_t size = strlen(part);
    for (; strncmp(text, part, size) != 0; text++) {
        if (*text == '\0') {
            return NULL;
        }
    }
    return (char *)(uintptr_t)text;
}

char *strcpy(char *restrict to, const char *restrict from) {
    return memcpy(to, from, strlen(from) + 1);
}

char *strncat(char *restrict to, const char *restrict from, size_t most) {
    size_t old = strlen(to), size = strlen(from);
    size = size < most ? size : most;
    memcpy(to + old, from, size);
    to[old + size] = '\0';
    return to;
}

char *strcat(char *restrict to, const char *restrict from) { return strncat(to, from, SIZE_MAX); }

void abort(void) { panic("a unit test aborted"); }

/* --- Groups. --- */

static void *shim_jump[5];

void shim_fail(const char *file, int line, const char *what) {
    print("%s:%d: %s\n", file, line, what);
    __builtin_longjmp(shim_jump, 1);
}

void shim_equal(uint64_t left, uint64_t right, bool is_wanted, const char *file, int line,
                const char *what) {
    if ((left == right) != is_wanted) {
        print("%s:%d: 0x%lx, 0x%lx\n", file, line, left, right);
        shim_fail(file, line, what);
    }
}

void shim_in_range(uint64_t value, uint64_t low, uint64_t high, const char *file, int line,
                   const char *what) {
    if (value < low || value > high) {
        shim_fail(file, line, what);
    }
}

static bool shim_run(const struct CMUnitTest *test, void **state) {
    if (__builtin_setjmp(shim_jump) != 0) {
        return false;
    }
    if (test->setup != NULL && test->setup(state) != 0) {
        return false;
    }
    test->test(state);
    return test->teardown == NULL || test->teardown(state) == 0;
}

int shim_run_group(const struct CMUnitTest *tests, size_t count, shim_function *setup,
                   shim_function *teardown) {
    void *group_state = NULL;
    volatile int failed = 0;
    if (setup != NULL && setup(&group_state) != 0) {
        return (int)count;
    }
    for (volatile size_t i = 0; i < count; i++) {
        void *state = group_state;
        if (!shim_run(&tests[i], &state)) {
            print("FAILED: %s\n", tests[i].name);
            failed++;
        }
    }
    if (teardown != NULL && teardown(&group_state) != 0) {
        failed++;
    }
    print("%lu of %lu passed", count - (size_t)failed, count);
    return failed;
}
