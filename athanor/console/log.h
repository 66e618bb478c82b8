/*
 * The log ring and the consoles that mirror it. A console is anything that takes bytes. The log
 * remembers; what is only printed (the shell's output) does not pass through the ring.
 */
#ifndef ATHANOR_LOG_H
#define ATHANOR_LOG_H

#include <alkahest/crucible.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_RING_BYTES 65536u
#define LOG_LINE_BYTES 512u /* longer lines are cut */

struct console {
    void (*write)(void *self, const char *bytes, size_t count);
    void *self;
    struct console *next;
};

/* Adds a console and shows it what the ring holds. `console` stays with the log for good. */
void console_attach(struct console *console);
/* Writes to all consoles. "\n" is a line end; escape sequences: console/screen.h. */
void console_write(const char *bytes, size_t count);
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line, without "\n", into ring and consoles (debug lines: the ring alone); errors and warnings
 * are marked. */
void log_line(enum alka_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#define log_info(...) log_line(ALKA_LOG_INFO, __VA_ARGS__)
#define log_error(...) log_line(ALKA_LOG_ERROR, __VA_ARGS__)

/* What is typed stands at the end of the consoles: lines of the log go before it, and `show` puts
 * it there again. NULL: nothing is typed now. */
void log_set_prompt(void (*show)(void));

/* Hands the ring's content to `write`, oldest first, in at most two pieces. */
void log_each(void (*write)(void *self, const char *bytes, size_t count), void *self);
/* The last whole lines that fit, NUL-terminated. */
void log_tail(char *out, size_t size);
/* Bytes ever logged. */
uint64_t log_total(void);

/* From here on nobody waits for the log's lock: the kernel is about to stop, and may have stopped
 * inside it. */
void log_break_locks(void);

#endif
