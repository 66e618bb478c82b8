/*
 * What the command says besides its results: errors, notes, a progress bar. All of it goes to
 * standard error; colours and the bar only to a terminal, and not if NO_COLOR is set
 * (https://no-color.org).
 */
#ifndef COMMAND_REPORT_H
#define COMMAND_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/* "alkahest: error: …" and a newline. */
void report_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "alkahest: …" and a newline. */
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* May standard error (or output) be coloured? */
bool report_stderr_colours(void);
bool report_stdout_colours(void);

/* A point in time, for differences, in milliseconds. */
double clock_ms(void);

/*
 * A bar that appears once a job has taken a second and standard error is a terminal. progress_show
 * is cheap to call often; progress_end wipes the bar away.
 */
struct progress {
    double begin_ms, drawn_ms;
    bool is_visible, is_wanted;
};

void progress_begin(struct progress *progress);
void progress_show(struct progress *progress, const char *what, uint64_t done, uint64_t total);
void progress_end(struct progress *progress);

#endif
