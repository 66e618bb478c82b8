/*
 * Errors, notes and the progress bar, on standard error. Must never write to standard output: that
 * belongs to results.
 */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_DELAY_MS 1000.0
#define PROGRESS_STEP_MS 100.0
#define PROGRESS_CELLS 30u

static bool report_may_colour(int descriptor) {
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(descriptor) && !(no_color && no_color[0]) &&
           !(terminal && strcmp(terminal, "dumb") == 0);
}

bool report_stderr_colours(void) { return report_may_colour(STDERR_FILENO); }
bool report_stdout_colours(void) { return report_may_colour(STDOUT_FILENO); }

static void report_write(const char *kind, const char *format, va_list arguments) {
    bool colours = *kind && report_stderr_colours();
    (void)fflush(stdout);
    (void)fprintf(stderr, "alkahest: %s%s%s", colours ? "\x1b[1;31m" : "", kind,
                  colours ? "\x1b[0m" : "");
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): both callers have started the list */
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
}

void report_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report_write("error: ", format, arguments);
    va_end(arguments);
}

void report_note(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report_write("", format, arguments);
    va_end(arguments);
}

double clock_ms(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void progress_begin(struct progress *progress) {
    *progress = (struct progress){.begin_ms = clock_ms(), .is_wanted = isatty(STDERR_FILENO) == 1};
}

void progress_show(struct progress *progress, const char *what, uint64_t done, uint64_t total) {
    if (!progress->is_wanted)
        return;
    double now_ms = clock_ms();
    if (now_ms - progress->begin_ms < PROGRESS_DELAY_MS ||
        now_ms - progress->drawn_ms < PROGRESS_STEP_MS)
        return;
    progress->drawn_ms = now_ms;
    progress->is_visible = true;
    double part = total ? (double)done / (double)total : 0.0;
    unsigned cells = (unsigned)(part * PROGRESS_CELLS);
    (void)fprintf(stderr, "\r%-10s [", what);
    for (unsigned i = 0; i < PROGRESS_CELLS; i++)
        (void)fputc(i < cells ? '#' : '.', stderr);
    (void)fprintf(stderr, "] %3.0f %%", part * 100.0);
    (void)fflush(stderr);
}

void progress_end(struct progress *progress) {
    if (progress->is_visible)
        (void)fputs("\r\x1b[K", stderr);
    progress->is_visible = false;
}
