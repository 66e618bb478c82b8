/* The shell's commands. Each prints what it has to say and returns; a wrong
 * argument is a message.
 */
#include "acpi/power.h"
#include "boot/boot.h"
#include "console/log.h"
#include "crucible/crucible.h"
#include "mm/code_frames.h"
#include "mm/frames.h"
#include "mm/memory.h"
#include "objects/objects.h"
#include "shell/keys.h"
#include "shell/module_commands.h"
#include "shell/observe_commands.h"
#include "shell/shell.h"
#include "shell/swap_commands.h"
#include "time/clock.h"
#include "time/timer.h"

#define KIB(bytes) ((bytes) >> 10)

static void command_describe(const struct shell_command *command) {
    char usage[KEYS_TEXT_BYTES / 4], help[KEYS_TEXT_BYTES / 4];
    if (!shell_keys) {
        print("%-9s %-27s %s\n", command->name, command->usage, command->help);
        return;
    }
    print("command=%s usage=%s help=%s\n", command->name,
          keys_quote(usage, sizeof usage, command->usage),
          keys_quote(help, sizeof help, command->help));
}

static void command_list(const struct shell_command *commands, size_t count) {
    for (size_t i = 0; i < count; i++) {
        command_describe(&commands[i]);
    }
}

static void command_help(size_t count, const char *const *words) {
    if (count == 2) {
        const struct shell_command *command = shell_find(words[1]);
        if (command == NULL) {
            shell_unknown(words[1]);
        } else if (shell_keys) {
            command_describe(command);
        } else {
            print("usage: %s [-k]%s%s\n%s\n", command->name, command->usage[0] != '\0' ? " " : "",
                  command->usage, command->help);
        }
        return;
    }
    command_list(shell_commands, shell_command_count);
    command_list(shell_more_commands, shell_more_command_count);
}

/* --- The log, as it is or line by line. --- */

struct command_lines {
    char line[LOG_LINE_BYTES];
    size_t length;
};

/* "[  0.123456] text", or part of it: the ring's first line may be cut. */
static void command_show_line(struct command_lines *lines) {
    char quoted[LOG_LINE_BYTES - 32];
    const char *text = lines->line, *end = text;
    lines->line[lines->length] = '\0';
    lines->length = 0;
    while (*end != '\0' && *end != ']') {
        end++;
    }
    if (text[0] == '[' && end[0] == ']' && end[1] == ' ') {
        do {
            text++;
        } while (*text == ' ');
        print("at_s=%.*s text=%s\n", (int)(end - text), text,
              keys_quote(quoted, sizeof quoted, end + 2));
        return;
    }
    print("text=%s\n", keys_quote(quoted, sizeof quoted, text));
}

static void command_write_lines(void *self, const char *bytes, size_t count) {
    struct command_lines *lines = self;
    if (!shell_keys) {
        console_write(bytes, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\n') {
            command_show_line(lines);
        } else if (lines->length < sizeof lines->line - 1) {
            lines->line[lines->length++] = bytes[i];
        }
    }
}

void shell_show_log(const char *text, size_t bytes) {
    struct command_lines lines = {.length = 0};
    command_write_lines(&lines, text, bytes);
}

static void command_log(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    struct command_lines lines = {.length = 0};
    log_each(command_write_lines, &lines);
}

static void command_poweroff(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    print(shell_keys ? "action=poweroff\n" : "power off\n");
    power_off(boot_all_passed() ? POWER_GOOD : POWER_FAILED);
    shell_fail("this machine cannot be switched off by software");
}

static void command_reboot(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    print(shell_keys ? "action=reboot\n" : "reboot\n");
    power_reboot();
}

static void command_uptime(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    uint64_t ms = clock_ns() / 1000000;
    print(shell_keys ? "uptime_s=%lu.%03lu ticks=%lu\n" : "%lu.%03lu s, %lu ticks\n", ms / 1000,
          ms % 1000, timer_ticks());
}

const struct shell_command shell_commands[] = {
    {"audit", "", "the last grants, delegations and revocations of capabilities", 1, 1,
     command_audit},
    {"bench", "", "measure calls, instantiation and recovery", 1, 1, command_bench},
    {"buffers", "", "list the shared buffers, whose they are and to whom they are lent", 1, 1,
     command_buffers},
    {"caps", "NAME", "what a module may use and holds, and what its imports are bound to", 2, 2,
     command_caps},
    {"channels", "", "list channels, topics and events, and who has how many places in queues", 1,
     1, command_channels},
    {"date", "", "what day it is, by the machine's clock, and the time since boot", 1, 1,
     command_date},
    {"dump", "NAME", "a module's last crash", 2, 2, command_dump},
    {"help", "[COMMAND]", "list the commands; -k behind a command's name: key=value lines", 1, 2,
     command_help},
    {"inject", "[NAME FAULT]", "make a module fail; without arguments: list the faults", 1, 3,
     command_inject},
    {"kill", "NAME", "stop a module, whoever needs it; its memory is given back", 2, 2,
     command_kill},
    {"load", "NAME", "load a module that the bundle has for later, or that was unloaded", 2, 2,
     command_load},
    {"log", "", "print the log", 1, 1, command_log},
    {"mem", "[detail]", "memory: what is free, what is used; by size, too", 1, 2, command_mem},
    {"poweroff", "", "switch the machine off", 1, 1, command_poweroff},
    {"ps", "[-l]", "list the modules; -l: their counters", 1, 2, command_ps},
    {"reboot", "", "start the machine again", 1, 1, command_reboot},
    {"restart", "NAME", "make a module new, and call its start functions", 2, 2, command_restart},
    {"revoke", "NAME OBJECT", "take what the manifest grants from a module, until it is new", 3, 3,
     command_revoke},
    {"rollback", "NAME", "bring the version before the last swap back", 2, 2, command_rollback},
    {"run", "NAME [FUNCTION]", "call a module's start functions, or one export; ^C ends it", 2, 3,
     command_run},
    {"send", "CHANNEL TEXT", "a message to a channel or topic, as broadcast or debug", 3, 3,
     command_send},
    {"signal", "NAME BITS", "set bits of a module's own event", 3, 3, command_signal},
    {"spawn", "NAME FUNCTION", "call one export on a thread of its own, in the background", 3, 3,
     command_spawn},
    {"start", "NAME", "start a module that is stopped, trapped or unloaded", 2, 2, command_start},
    {"stats", "NAME", "a module's counters", 2, 2, command_stats},
    {"stop", "NAME", "stop a module that nobody needs", 2, 2, command_stop},
    {"swap", "NAME [VERSION]", "replace a module by another version, while its clients call it", 2,
     3, command_swap},
    {"threads", "", "list the threads", 1, 1, command_threads},
    {"top", "[SECONDS [TIMES]]", "who uses the processor, until a key is typed", 1, 3, command_top},
    {"trace", "[NAME | all | off | COUNT]", "record what happens; show the last records", 1, 2,
     command_trace},
    {"tree", "", "supervisors and what they supervise", 1, 1, command_tree},
    {"unload", "NAME", "stop a module and forget its code", 2, 2, command_unload},
    {"uptime", "", "time since boot", 1, 1, command_uptime},
};
const size_t shell_command_count = sizeof shell_commands / sizeof shell_commands[0];
