/* The kernel as it is shipped has no commands beside those of commands.c (testkernel/commands.c
 * takes this file's place in the kernel for tests). */
#include "shell/shell.h"

const struct shell_command shell_more_commands[1];
const size_t shell_more_command_count = 0;
