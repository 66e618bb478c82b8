/*
 * The shell: reads lines from the input queue, splits them, finds commands. In: keystrokes, any.
 * Out: what commands print. It must survive everything that can be typed.
 */
#include "shell/shell.h"
#include "console/input.h"
#include "console/log.h"
#include "shell/line.h"
#include "shell/parse.h"
#include <string.h>

static const struct shell_command *shell_find_in(const struct shell_command *commands, size_t count,
                                                 const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static const struct shell_command *shell_find(const char *name) {
    const struct shell_command *command = shell_find_in(shell_commands, shell_command_count, name);
    return command != NULL ? command
                           : shell_find_in(shell_more_commands, shell_more_command_count, name);
}

bool shell_keys;

/* Takes a -k behind the command's name out. */
static void shell_take_keys(struct shell_words *words) {
    shell_keys = words->count > 1 && strcmp(words->word[1], "-k") == 0;
    if (shell_keys) {
        words->count--;
        memmove(&words->word[1], &words->word[2], (words->count - 1) * sizeof words->word[0]);
    }
}

static void shell_execute(struct shell_words *words) {
    shell_take_keys(words);
    const struct shell_command *command = shell_find(words->word[0]);
    if (command == NULL) {
        print("%s: unknown command; `help` lists them\n", words->word[0]);
        return;
    }
    if (words->count < command->least_words || words->count > command->most_words) {
        print("usage: %s%s%s\n", command->name, command->usage[0] != '\0' ? " " : "",
              command->usage);
        return;
    }
    command->run(words->count, words->word);
}

static void shell_line(char *text) {
    char *rest = text;
    while (rest != NULL) {
        struct shell_words words;
        const char *error = shell_parse(&rest, &words);
        if (error != NULL) {
            print("%s\n", error);
            return;
        }
        if (words.count > 0) {
            shell_execute(&words);
        }
    }
}

static void shell_write(void *self, const char *bytes, size_t count) {
    (void)self;
    console_write(bytes, count);
}

static struct line shell_editor;

static void shell_show_line(void) {
    print(SHELL_PROMPT);
    if (!shell_editor.done) {
        line_redraw(&shell_editor);
    }
}

_Noreturn void shell_run(void) {
    struct line *line = &shell_editor;
    line_start(line, shell_write, NULL);
    print(SHELL_PROMPT);
    for (;;) {
        log_set_prompt(shell_show_line);
        uint8_t byte = input_wait();
        log_set_prompt(NULL);
        if (byte == '\r' || byte == '\n') {
            input_forget_interrupt(); /* a ^C from here on is meant for what the line starts */
        }
        switch (line_feed(line, byte)) {
        case LINE_MORE:
            break;
        case LINE_DONE:
            shell_line(line->text);
            print(SHELL_PROMPT);
            break;
        case LINE_CANCEL:
            print(SHELL_PROMPT);
            break;
        case LINE_REDRAW:
            print("\033[2J\033[H" SHELL_PROMPT);
            line_redraw(line);
            break;
        }
    }
}
