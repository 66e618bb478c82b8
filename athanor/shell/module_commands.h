/* The shell's commands about modules; shell/commands.c lists them. */
#ifndef ATHANOR_MODULE_COMMANDS_H
#define ATHANOR_MODULE_COMMANDS_H

#include <stddef.h>

/* The module of that name; NULL: there is none, and the message is out. */
struct module *command_module(const char *name);

void command_bench(size_t count, const char *const *words);
void command_dump(size_t count, const char *const *words);
void command_inject(size_t count, const char *const *words);
void command_kill(size_t count, const char *const *words);
void command_ps(size_t count, const char *const *words);
void command_restart(size_t count, const char *const *words);
void command_run(size_t count, const char *const *words);
void command_start(size_t count, const char *const *words);
void command_stop(size_t count, const char *const *words);
void command_load(size_t count, const char *const *words);
void command_unload(size_t count, const char *const *words);

/* shell/memory_commands.c */
void command_mem(size_t count, const char *const *words);

/* shell/caps_commands.c */
void command_audit(size_t count, const char *const *words);
void command_caps(size_t count, const char *const *words);
void command_revoke(size_t count, const char *const *words);

/* shell/ipc_commands.c */
void command_channels(size_t count, const char *const *words);
void command_send(size_t count, const char *const *words);
void command_signal(size_t count, const char *const *words);

/* shell/buffer_commands.c */
void command_buffers(size_t count, const char *const *words);

/* shell/thread_commands.c */
void command_threads(size_t count, const char *const *words);
void command_spawn(size_t count, const char *const *words);

/* shell/tree_command.c */
void command_tree(size_t count, const char *const *words);

#endif
