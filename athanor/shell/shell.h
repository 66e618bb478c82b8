/* The console's command line. */
#ifndef ATHANOR_SHELL_H
#define ATHANOR_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#define SHELL_PROMPT "athanor> "

/* Reads and runs commands for good. */
_Noreturn void shell_run(void);

/* The command that runs was given -k: it prints key=value lines. */
extern bool shell_keys;

struct shell_command {
    const char *name, *usage, *help;
    size_t least_words, most_words; /* with the name */
    void (*run)(size_t count, const char *const *words);
};

/* shell/commands.c; in alphabetical order. */
extern const struct shell_command shell_commands[];
extern const size_t shell_command_count;
/* What this kernel has beside them: shell/shipped.c, testkernel/commands.c. */
extern const struct shell_command shell_more_commands[];
extern const size_t shell_more_command_count;

#endif
