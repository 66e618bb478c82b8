/* bench_rt.c: the runtime below every benchmark program, for Linux and for wasm32.
 *
 * In: the program's `bench_program`. Out: one line on standard output,
 *     bench NAME ok ns=TIME check=HEX      (or WRONG, with what was expected, and exit code 1).
 * On wasm32 it imports three functions of WASI preview 1 and nothing else; it exports `_start` and
 * the memory. It must never do anything between the two clock readings but call the program. */
#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#include "bench.h"

#ifdef __wasm__

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
WASI("clock_time_get") int wasi_clock_time_get(int clock, uint64_t precision, uint64_t *out_ns);
WASI("fd_write") int wasi_fd_write(int fd, const void *vectors, size_t count, size_t *out_written);
WASI("proc_exit") _Noreturn void wasi_proc_exit(int code);

uint64_t bench_now_ns(void) {
    uint64_t ns = 0;
    enum { MONOTONIC = 1 };
    return wasi_clock_time_get(MONOTONIC, 1, &ns) == 0 ? ns : 0;
}

static void write_out(const char *text, size_t length) {
    const struct {
        const char *text;
        size_t length;
    } vector = {text, length};
    size_t written = 0;
    (void)wasi_fd_write(1, &vector, 1, &written);
}

/* wasi-libc would bring these; without it the compiler still calls them. Built with -fno-builtin,
 * or the loops would be turned into calls of themselves. */
void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *left, const void *right, size_t length);

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
    unsigned char *t = to;
    const unsigned char *f = from;
    for (; length >= 8; length -= 8, t += 8, f += 8) {
        typedef uint64_t word __attribute__((aligned(1), may_alias));
        *(word *)t = *(const word *)f;
    }
    for (; length; length--)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t length) {
    unsigned char *t = to;
    const unsigned char *f = from;
    if ((uintptr_t)t - (uintptr_t)f >= length)
        return memcpy(to, from, length);
    while (length--)
        t[length] = f[length];
    return to;
}

void *memset(void *to, int value, size_t length) {
    unsigned char *t = to;
    const uint64_t pattern = 0x0101010101010101u * (unsigned char)value;
    for (; length >= 8; length -= 8, t += 8) {
        typedef uint64_t word __attribute__((aligned(1), may_alias));
        *(word *)t = pattern;
    }
    for (; length; length--)
        *t++ = (unsigned char)value;
    return to;
}

int memcmp(const void *left, const void *right, size_t length) {
    const unsigned char *l = left, *r = right;
    for (; length; length--, l++, r++)
        if (*l != *r)
            return *l - *r;
    return 0;
}

#else

#include <time.h>
#include <unistd.h>

uint64_t bench_now_ns(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void write_out(const char *text, size_t length) {
    if (write(STDOUT_FILENO, text, length) < 0)
        _exit(2);
}

#endif

/* The line under construction. */
struct line {
    size_t length;
    char text[192];
};

static void put_text(struct line *line, const char *text) {
    while (*text && line->length < sizeof line->text)
        line->text[line->length++] = *text++;
}

static void put_number(struct line *line, uint64_t value, unsigned base) {
    char digits[24];
    size_t at = sizeof digits;
    digits[--at] = 0;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    put_text(line, digits + at);
}

enum { ROUNDS = 2 };

static int measure(void) {
    uint64_t best_ns = UINT64_MAX;
    uint64_t check = 0;
    for (int round = 0; round < ROUNDS; round++) {
        bench_program.prepare();
        const uint64_t start_ns = bench_now_ns();
        check = bench_program.run();
        const uint64_t ns = bench_now_ns() - start_ns;
        best_ns = ns < best_ns ? ns : best_ns;
        if (check != bench_program.expected)
            break;
    }

    const int wrong = check != bench_program.expected;
    struct line line = {0};
    put_text(&line, "bench ");
    put_text(&line, bench_program.name);
    put_text(&line, wrong ? " WRONG" : " ok");
    put_text(&line, " ns=");
    put_number(&line, best_ns, 10);
    put_text(&line, " check=0x");
    put_number(&line, check, 16);
    if (wrong) {
        put_text(&line, " expected=0x");
        put_number(&line, bench_program.expected, 16);
    }
    put_text(&line, "\n");
    write_out(line.text, line.length);
    return wrong;
}

#ifdef __wasm__
void start(void) __attribute__((export_name("_start")));
void start(void) {
    if (measure())
        wasi_proc_exit(1);
}
#else
int main(void) { return measure(); }
#endif
