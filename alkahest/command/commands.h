/* The subcommands: each takes its settings and returns the exit code of the command. */
#ifndef COMMAND_COMMANDS_H
#define COMMAND_COMMANDS_H

#include "options.h"

int command_validate(const struct settings *settings);
int command_compile(const struct settings *settings);
int command_run(const struct settings *settings);
int command_inspect(const struct settings *settings);
int command_disasm(const struct settings *settings);
int command_explain(const struct settings *settings);
int command_wast(const struct settings *settings);

#endif
