/*
 * The log: a ring of bytes that never blocks and never allocates. In: lines from anywhere,
 * interrupt handlers too. Out: the same lines, time-stamped, in the ring and on each console.
 */
#include "console/log.h"
#include "console/format.h"
#include "cpu/lock.h"
#include "time/clock.h"
#include <stdarg.h>
#include <string.h>

static char log_ring[LOG_RING_BYTES];
static uint64_t log_written; /* ever; modulo the ring's size it is where the next byte goes */
static struct console *log_consoles;
static struct lock log_lock;
static bool log_lock_broken;
static void (*log_prompt)(void);

static uint64_t log_enter(void) { return log_lock_broken ? 0 : lock_take(&log_lock); }

static void log_leave(uint64_t flags) {
    if (!log_lock_broken) {
        lock_release(&log_lock, flags);
    }
}

void log_break_locks(void) { log_lock_broken = true; }

static void log_to_consoles(const char *bytes, size_t count) {
    for (struct console *console = log_consoles; console != NULL; console = console->next) {
        console->write(console->self, bytes, count);
    }
}

void log_set_prompt(void (*show)(void)) { __atomic_store_n(&log_prompt, show, __ATOMIC_RELEASE); }

void log_each(void (*write)(void *self, const char *bytes, size_t count), void *self) {
    size_t at = (size_t)(log_written % LOG_RING_BYTES);
    if (log_written > LOG_RING_BYTES) {
        write(self, log_ring + at, LOG_RING_BYTES - at);
    }
    write(self, log_ring, at);
}

void console_attach(struct console *console) {
    uint64_t flags = log_enter();
    log_each(console->write, console->self);
    console->next = log_consoles;
    log_consoles = console;
    log_leave(flags);
}

void console_write(const char *bytes, size_t count) {
    uint64_t flags = log_enter();
    log_to_consoles(bytes, count);
    log_leave(flags);
}

void print(const char *format, ...) {
    char text[LOG_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_va(text, sizeof text, format, arguments);
    va_end(arguments);
    console_write(text, length);
}

static void log_append(const char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        log_ring[log_written++ % LOG_RING_BYTES] = bytes[i];
    }
}

void log_line(enum alka_log_level level, const char *format, ...) {
    static const char *const marks[] = {"error: ", "warning: ", "", ""};
    char text[LOG_LINE_BYTES];
    uint64_t microseconds = clock_ns() / 1000;
    size_t length = format_text(text, sizeof text, "[%3lu.%06lu] %s", microseconds / 1000000,
                                microseconds % 1000000, marks[level]);
    va_list arguments;
    va_start(arguments, format);
    length += format_va(text + length, sizeof text - 1 - length, format, arguments);
    va_end(arguments);
    text[length++] = '\n';

    static const char clear[] = "\r\033[K";
    void (*show)(void) = __atomic_load_n(&log_prompt, __ATOMIC_ACQUIRE);
    bool is_shown = level != ALKA_LOG_DEBUG;
    uint64_t flags = log_enter();
    log_append(text, length);
    if (is_shown && show != NULL) {
        log_to_consoles(clear, sizeof clear - 1);
    }
    if (is_shown) {
        log_to_consoles(text, length);
    }
    log_leave(flags);
    if (is_shown && show != NULL && !log_lock_broken) {
        show();
    }
}

void log_tail(char *out, size_t size) {
    uint64_t flags = log_enter();
    size_t held = log_written < LOG_RING_BYTES ? (size_t)log_written : LOG_RING_BYTES;
    size_t count = held < size - 1 ? held : size - 1;
    uint64_t from = log_written - count;
    while (count > 0 && from > 0 && log_ring[(from - 1) % LOG_RING_BYTES] != '\n') {
        from++;
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = log_ring[(from + i) % LOG_RING_BYTES];
    }
    out[count] = '\0';
    log_leave(flags);
}

uint64_t log_total(void) { return log_written; }
