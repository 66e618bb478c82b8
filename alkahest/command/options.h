/*
 * The command line as data: subcommands, their options, and what a user asked for. Options are
 * listed in options.def only; help texts are made from it.
 */
#ifndef COMMAND_OPTIONS_H
#define COMMAND_OPTIONS_H

#include <alkahest/code.h>
#include <alkahest/features.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_EXIT_OK 0
#define COMMAND_EXIT_FAILED 1
#define COMMAND_EXIT_USAGE 2
#define COMMAND_EXIT_TRAPPED 134 /* as a shell reports SIGABRT */

enum command_bit {
    COMMAND_VALIDATE = 1 << 0,
    COMMAND_COMPILE = 1 << 1,
    COMMAND_RUN = 1 << 2,
    COMMAND_INSPECT = 1 << 3,
    COMMAND_DISASM = 1 << 4,
    COMMAND_EXPLAIN = 1 << 5,
    COMMAND_WAST = 1 << 6,
    /* Groups, for options.def */
    COMMAND_CODE = COMMAND_COMPILE | COMMAND_RUN | COMMAND_DISASM | COMMAND_WAST,
    COMMAND_MODULES = COMMAND_CODE | COMMAND_VALIDATE | COMMAND_INSPECT,
    COMMAND_STATISTICS = COMMAND_VALIDATE | COMMAND_COMPILE | COMMAND_RUN,
    COMMAND_TRACED = COMMAND_VALIDATE | COMMAND_COMPILE | COMMAND_RUN,
    COMMAND_VERBOSE = COMMAND_WAST,
    COMMAND_ANY = (1 << 7) - 1,
};

enum stats_form { STATS_NONE, STATS_TEXT, STATS_JSON };

enum trace_phase {
    TRACE_PARSE = 1 << 0,
    TRACE_CHECK = 1 << 1,
    TRACE_REGS = 1 << 2,
    TRACE_EMIT = 1 << 3,
    TRACE_LINK = 1 << 4,
};

/* Words of the command line, in order; borrowed from argv. */
struct words {
    const char **items;
    size_t count;
};

struct settings {
    bool help, version, verbose;
    enum stats_form stats;
    enum alka_memory_model memory_model;
    alka_feature_set features;
    alka_cpu_set cpu;
    uint32_t register_limit; /* 0: all */
    uint32_t trace;          /* enum trace_phase */
    const char *output;
    const char *invoke;
    struct words dirs, envs;
    struct words operands;
};

struct command {
    const char *name;
    const char *operands; /* as shown in usage */
    const char *summary;  /* one line */
    const char *details;  /* more, or NULL */
    int (*run)(const struct settings *settings);
    size_t operands_min, operands_max; /* SIZE_MAX: any number */
    enum command_bit bit;
    bool passes_rest; /* what follows the first operand belongs to the program that is run, but for
                         an --invoke right behind it */
};

/*
 * Reads argv[1…] behind the subcommand's name. Problems are printed; then false, and the caller
 * exits with COMMAND_EXIT_USAGE. *out_settings is to be freed by settings_free in any case.
 */
bool settings_parse(const struct command *command, int count, char **words,
                    struct settings *out_settings);
void settings_free(struct settings *settings);

void help_print_command(const struct command *command);
void help_print_all(const struct command *commands, size_t count);

/* Values of options; false if the text means nothing (what was wrong has been printed). */
bool features_parse(const char *text, alka_feature_set *out_features);
bool memory_model_parse(const char *text, enum alka_memory_model *out_model);
bool cpu_parse(const char *text, alka_cpu_set *out_cpu);
/* Can this processor run such code? If not, that has been printed. */
bool cpu_is_offered(alka_cpu_set cpu);
bool trace_parse(const char *text, uint32_t *out_trace);

const char *memory_model_name(enum alka_memory_model model);

/* Names of processor features, separated by commas, into `text`; cut off if it is too small. */
void cpu_describe(alka_cpu_set cpu, char *text, size_t text_bytes);

#endif
