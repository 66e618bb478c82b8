/* The shell's commands that look at the system as it runs; shell/commands.c lists them. */
#ifndef ATHANOR_OBSERVE_COMMANDS_H
#define ATHANOR_OBSERVE_COMMANDS_H

#include <stddef.h>

void command_date(size_t count, const char *const *words);
void command_stats(size_t count, const char *const *words);
void command_top(size_t count, const char *const *words);   /* shell/top.c */
void command_trace(size_t count, const char *const *words); /* shell/trace_commands.c */

/* All modules' counters in a table. */
void command_ps_long(void);

#endif
