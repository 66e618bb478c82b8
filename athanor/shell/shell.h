/* The console's command line. */
#ifndef ATHANOR_SHELL_H
#define ATHANOR_SHELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHELL_PROMPT "athanor> "

/* Reads and runs commands for good. */
_Noreturn void shell_run(void);

/* The command that runs was given -k: it prints key=value lines (shell/keys.h). */
extern bool shell_keys;
/* Why a command cannot do what it was told: as a line, or as error="…". Without "\n". */
void shell_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A moment of the clock, in `out`: in seconds, with -k in nanoseconds. Returns `out`. */
#define SHELL_WHEN_BYTES 32u
const char *shell_when(char out[SHELL_WHEN_BYTES], uint64_t at_ns);
/* Text of the log, or of somebody else: as it is, or each line as at_s=… text="…". */
void shell_show_log(const char *text, size_t bytes);

struct shell_command {
    const char *name, *usage, *help;
    size_t least_words, most_words; /* with the name */
    void (*run)(size_t count, const char *const *words);
};

/* NULL: there is none of that name; shell_unknown says so, and what may have been meant. */
const struct shell_command *shell_find(const char *name);
void shell_unknown(const char *name);

/* shell/commands.c; in alphabetical order. */
extern const struct shell_command shell_commands[];
extern const size_t shell_command_count;
/* What this kernel has beside them: shell/shipped.c, testkernel/commands.c. */
extern const struct shell_command shell_more_commands[];
extern const size_t shell_more_command_count;

#endif
