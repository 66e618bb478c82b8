/*
 * The shell: reads lines from the input queue, splits them, finds commands. In: keystrokes, any.
 * Out: what commands print. It must survive everything that can be typed.
 */
#include "shell/shell.h"
#include "console/format.h"
#include "console/input.h"
#include "console/log.h"
#include "modules/inject.h"
#include "modules/modules.h"
#include "shell/complete.h"
#include "shell/keys.h"
#include "shell/line.h"
#include "shell/parse.h"
#include <stdarg.h>
#include <string.h>

/* Those of both tables; NULL at the end. */
static const struct shell_command *shell_command_at(size_t index) {
    if (index < shell_command_count) {
        return &shell_commands[index];
    }
    index -= shell_command_count;
    return index < shell_more_command_count ? &shell_more_commands[index] : NULL;
}

const struct shell_command *shell_find(const char *name) {
    const struct shell_command *command;
    for (size_t i = 0; (command = shell_command_at(i)) != NULL; i++) {
        if (strcmp(command->name, name) == 0) {
            return command;
        }
    }
    return NULL;
}

bool shell_keys;

void shell_fail(const char *format, ...) {
    char text[KEYS_TEXT_BYTES], quoted[KEYS_TEXT_BYTES - 16];
    va_list arguments;
    va_start(arguments, format);
    format_va(text, sizeof text, format, arguments);
    va_end(arguments);
    if (shell_keys) {
        print("error=%s\n", keys_quote(quoted, sizeof quoted, text));
        return;
    }
    print("%s\n", text);
}

const char *shell_when(char out[SHELL_WHEN_BYTES], uint64_t at_ns) {
    if (shell_keys) {
        format_text(out, SHELL_WHEN_BYTES, "%lu", at_ns);
    } else {
        format_text(out, SHELL_WHEN_BYTES, "%lu.%06lu s", at_ns / 1000000000,
                    at_ns / 1000 % 1000000);
    }
    return out;
}

/* Takes a -k behind the command's name out. */
static void shell_take_keys(struct shell_words *words) {
    shell_keys = words->count > 1 && strcmp(words->word[1], "-k") == 0;
    if (shell_keys) {
        words->count--;
        memmove(&words->word[1], &words->word[2], (words->count - 1) * sizeof words->word[0]);
    }
}

void shell_unknown(const char *name) {
    const struct shell_command *command, *near = NULL;
    uint32_t least = COMPLETE_FAR + 1;
    for (size_t i = 0; (command = shell_command_at(i)) != NULL; i++) {
        uint32_t distance = complete_distance(name, command->name);
        if (distance < least && distance < strlen(command->name)) {
            least = distance;
            near = command;
        }
    }
    if (near != NULL) {
        shell_fail("%s: unknown command; did you mean `%s`?", name, near->name);
        return;
    }
    shell_fail("%s: unknown command; `help` lists them", name);
}

static void shell_execute(struct shell_words *words) {
    shell_take_keys(words);
    const struct shell_command *command = shell_find(words->word[0]);
    if (command == NULL) {
        shell_unknown(words->word[0]);
        return;
    }
    if (words->count < command->least_words || words->count > command->most_words) {
        shell_fail("usage: %s%s%s", command->name, command->usage[0] != '\0' ? " " : "",
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
            shell_take_keys(&words);
            shell_fail("%s", error);
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

/* --- Completion. --- */

static bool shell_is_of(const struct complete_place *place, const char *command) {
    return place->command_length == strlen(command) &&
           memcmp(place->command, command, place->command_length) == 0;
}

/* What may stand there: a command, a fault, or the name of a module; NULL at the end. */
static const char *shell_candidate(const struct complete_place *place, size_t index) {
    if (place->index == 0 || shell_is_of(place, "help")) {
        const struct shell_command *command = shell_command_at(index);
        return command != NULL ? command->name : NULL;
    }
    if (place->index == 2 && shell_is_of(place, "inject")) {
        const struct inject_fault *fault = inject_at((uint32_t)index);
        return fault != NULL ? fault->name : NULL;
    }
    const struct module *module;
    for (uint32_t i = 0; (module = modules_next(&i)) != NULL; i++) {
        if (index-- == 0) {
            return module->name;
        }
    }
    return NULL;
}

static void shell_show_candidates(const struct complete_place *place) {
    const char *candidate;
    print("\n");
    for (size_t i = 0; (candidate = shell_candidate(place, i)) != NULL; i++) {
        if (strncmp(candidate, place->word, place->length) == 0) {
            print("%s  ", candidate);
        }
    }
    print("\n");
    shell_show_line();
}

static void shell_complete(struct line *line) {
    struct complete_place place = complete_place(line->text, line->cursor);
    struct completion completion = {.word = place.word, .length = place.length};
    const char *candidate;
    for (size_t i = 0; (candidate = shell_candidate(&place, i)) != NULL; i++) {
        completion_offer(&completion, candidate);
    }
    if (completion.count > 1 && completion.common == place.length) {
        shell_show_candidates(&place);
    } else if (completion.count > 0) {
        line_insert(line, completion.first + place.length, completion.common - place.length);
        line_insert(line, " ", completion.count == 1 ? 1 : 0);
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
        case LINE_COMPLETE:
            shell_complete(line);
            break;
        case LINE_REDRAW:
            print("\033[2J\033[H" SHELL_PROMPT);
            line_redraw(line);
            break;
        }
    }
}
