/* The shell's commands about versions of modules, and about calls in the background. */
#ifndef ATHANOR_SWAP_COMMANDS_H
#define ATHANOR_SWAP_COMMANDS_H

#include <stddef.h>

void command_rollback(size_t count, const char *const *words);
void command_swap(size_t count, const char *const *words);

#endif
