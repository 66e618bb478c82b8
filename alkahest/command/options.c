/*
 * Parses the command line of one subcommand by the table in options.def, and prints help from the
 * same table. In: argv. Out: struct settings. It must never guess: an unknown option is an error.
 */
#include "options.h"

#include "report.h"

#include <alkahest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_id {
#define OPTION(id, letter, name, value, meta, commands, help) OPTION_##id,
#include "options.def"
    OPTION_COUNT
};

enum option_value { VALUE_NONE, VALUE_REQUIRED, VALUE_OPTIONAL };

struct option {
    const char *meta, *help;
    char name[12];
    uint32_t commands; /* enum command_bit */
    enum option_value value;
    char letter;
};

static const struct option option_table[OPTION_COUNT] = {
#define OPTION(id, letter, name, value, meta, commands, help) \
    [OPTION_##id] = {meta, help, name, COMMAND_##commands, VALUE_##value, letter},
#include "options.def"
};

/* A word of the command line that is an option, taken apart. */
struct option_word {
    enum option_id id;
    const char *value; /* NULL: none in this word */
};

struct parser {
    const struct command *command;
    struct settings *settings;
    char **words;
    int count, next;
};

static bool words_add(struct words *words, const char *word) {
    const char **items = realloc(words->items, (words->count + 1) * sizeof *items);
    if (!items) {
        report_error("out of memory");
        return false;
    }
    items[words->count++] = word;
    words->items = items;
    return true;
}

/* `word` begins with '-' and is longer. */
static bool option_find(const struct command *command, const char *word,
                        struct option_word *out_option) {
    bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    size_t name_bytes = is_long ? strcspn(name, "=") : 1;
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = &option_table[id];
        if (!(option->commands & (uint32_t)command->bit))
            continue;
        bool matches = is_long ? strlen(option->name) == name_bytes &&
                                     memcmp(option->name, name, name_bytes) == 0
                               : option->letter == name[0];
        if (!matches)
            continue;
        out_option->id = (enum option_id)id;
        out_option->value = NULL;
        if (name[name_bytes] != '\0')
            out_option->value = name + name_bytes + (is_long ? 1 : 0);
        return true;
    }
    return false;
}

static bool parse_count(const char *text, uint32_t *out_count) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value > 64 || text[0] == '-') {
        report_error("'%s' is not a number of registers", text);
        return false;
    }
    *out_count = (uint32_t)value;
    return true;
}

static bool parse_stats(const char *text, enum stats_form *out_form) {
    if (*text && strcmp(text, "json") != 0) {
        report_error("--stats knows only one form by name: json (not '%s')", text);
        return false;
    }
    *out_form = *text ? STATS_JSON : STATS_TEXT;
    return true;
}

static bool settings_apply(struct settings *settings, enum option_id id, const char *value) {
    switch (id) {
    case OPTION_HELP:
        settings->help = true;
        return true;
    case OPTION_VERSION:
        settings->version = true;
        return true;
    case OPTION_VERBOSE:
        settings->verbose = true;
        return true;
    case OPTION_OUTPUT:
        settings->output = value;
        return true;
    case OPTION_INVOKE:
        settings->invoke = value;
        return true;
    case OPTION_DIR:
        return words_add(&settings->dirs, value);
    case OPTION_ENV:
        return words_add(&settings->envs, value);
    case OPTION_FEATURES:
        return features_parse(value, &settings->features);
    case OPTION_MEMORY:
        return memory_model_parse(value, &settings->memory_model);
    case OPTION_CPU:
        return cpu_parse(value, &settings->cpu);
    case OPTION_REGS:
        return parse_count(value, &settings->register_limit);
    case OPTION_STATS:
        return parse_stats(value, &settings->stats);
    case OPTION_TRACE:
        return trace_parse(value, &settings->trace);
    case OPTION_COUNT:
        break;
    }
    return false;
}

static bool parse_option(struct parser *parser, const struct option_word *option) {
    const struct option *row = &option_table[option->id];
    const char *value = option->value;
    if (row->value == VALUE_NONE && value) {
        report_error("--%s takes no value", row->name);
        return false;
    }
    if (row->value == VALUE_REQUIRED && !value) {
        if (parser->next == parser->count) {
            report_error("--%s needs a value: %s", row->name, row->meta);
            return false;
        }
        value = parser->words[parser->next++];
    }
    return settings_apply(parser->settings, option->id, value ? value : "");
}

static bool parse_rest(struct parser *parser) {
    while (parser->next < parser->count)
        if (!words_add(&parser->settings->operands, parser->words[parser->next++]))
            return false;
    return true;
}

static bool parse_words(struct parser *parser) {
    struct settings *settings = parser->settings;
    while (parser->next < parser->count) {
        const char *word = parser->words[parser->next];
        bool is_program_part = parser->command->passes_rest && settings->operands.count > 0;
        struct option_word option;
        if (strcmp(word, "--") == 0 && !is_program_part) {
            parser->next++;
            return parse_rest(parser);
        }
        bool looks_like_option = word[0] == '-' && word[1] != '\0';
        if (looks_like_option && option_find(parser->command, word, &option) &&
            (!is_program_part || option.id == OPTION_INVOKE)) {
            parser->next++;
            if (!parse_option(parser, &option))
                return false;
            continue;
        }
        if (is_program_part)
            return parse_rest(parser);
        if (looks_like_option) {
            report_error("'%s' is not an option of %s", word, parser->command->name);
            return false;
        }
        parser->next++;
        if (!words_add(&settings->operands, word))
            return false;
    }
    return true;
}

bool settings_parse(const struct command *command, int count, char **words,
                    struct settings *out_settings) {
    *out_settings = (struct settings){.cpu = alka_host_cpu()};
    struct parser parser = {command, out_settings, words, count, 0};
    (void)features_parse("all", &out_settings->features);
    if (!parse_words(&parser))
        return false;
    if (out_settings->help || out_settings->version)
        return true;
    if (out_settings->operands.count < command->operands_min) {
        report_error("%s needs %s", command->name, command->operands);
        return false;
    }
    if (out_settings->operands.count > command->operands_max) {
        report_error("%s takes only %s; '%s' is one too many", command->name, command->operands,
                     out_settings->operands.items[command->operands_max]);
        return false;
    }
    return true;
}

void settings_free(struct settings *settings) {
    free(settings->dirs.items);
    free(settings->envs.items);
    free(settings->operands.items);
}

static void help_print_option(const struct option *option) {
    char left[64];
    char value[32] = "";
    if (option->value == VALUE_REQUIRED)
        (void)snprintf(value, sizeof value, "=%s", option->meta);
    if (option->value == VALUE_OPTIONAL)
        (void)snprintf(value, sizeof value, "[=%s]", option->meta);
    if (option->letter)
        (void)snprintf(left, sizeof left, "-%c, --%s%s", option->letter, option->name, value);
    else
        (void)snprintf(left, sizeof left, "    --%s%s", option->name, value);

    /* Columns, not bytes: the table's "…" has three. */
    int pad = 28;
    for (const char *c = left; *c; c++)
        if (((unsigned char)*c & 0xC0) != 0x80)
            pad--;
    printf("  %s%*s", left, pad, "");
    for (const char *c = option->help; *c; c++) {
        putchar(*c);
        if (*c == '\n')
            printf("%*s", 30, "");
    }
    putchar('\n');
}

void help_print_command(const struct command *command) {
    printf("%s\n\nUsage: alkahest %s [OPTIONS] %s\n", command->summary, command->name,
           command->operands);
    if (command->details)
        printf("\n%s\n", command->details);
    printf("\nOptions:\n");
    for (int id = 0; id < OPTION_COUNT; id++)
        if (option_table[id].commands & (uint32_t)command->bit)
            help_print_option(&option_table[id]);
}

void help_print_all(const struct command *commands, size_t count) {
    printf("Alkahest: WebAssembly to x86-64 machine code that cannot leave its sandbox\n\n"
           "Usage: alkahest COMMAND [OPTIONS] …\n\nCommands:\n");
    for (size_t i = 0; i < count; i++)
        printf("  %-10s%s\n", commands[i].name, commands[i].summary);
    printf("\nOptions:\n");
    help_print_option(&option_table[OPTION_HELP]);
    help_print_option(&option_table[OPTION_VERSION]);
    printf("\n`alkahest COMMAND --help` tells more. FILE may be - for standard input.\n"
           "Exit codes: 0 all well, 1 failed, 2 wrong usage; run: the program's own, 134 for a "
           "trap.\n");
}
