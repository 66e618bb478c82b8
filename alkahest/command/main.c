/*
 * The `alkahest` command. This table is its map: one row per subcommand, one file each. In: argv.
 * Out: an exit code. Results go to standard output, everything else to standard error.
 */
#include "commands.h"
#include "report.h"
#include "version.h"

#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
    {"validate", "FILE", "Check a module", NULL, command_validate, 1, 1, COMMAND_VALIDATE, false},
    {"compile", "FILE -o OUT.alk", "Compile a module to machine code in an ELF64 file",
     "The output holds the machine code, its tables and the module itself; readelf and objdump\n"
     "understand it.",
     command_compile, 1, 1, COMMAND_COMPILE, false},
    {"run", "FILE [ARGS…]", "Run a program (WASI preview1), or call one of its functions",
     "FILE is a module, or a compiled one (.alk). Machine code in an .alk file is not verified: "
     "run\n"
     "only those that you or someone you trust has compiled.\n"
     "ARGS go to the program, whatever they look like; with --invoke (in front of FILE or right\n"
     "behind it) they are the function's arguments, and its results are printed.",
     command_run, 1, SIZE_MAX, COMMAND_RUN, true},
    {"inspect", "FILE", "Show what a module imports, exports and needs", NULL, command_inspect, 1,
     1, COMMAND_INSPECT, false},
    {"disasm", "FILE [FUNCTION]", "Show machine code, with the module's opcodes beside",
     "FUNCTION is an index or a name; without it all functions are shown.", command_disasm, 1, 2,
     COMMAND_DISASM, false},
    {"explain", "CODE", "Explain a diagnostic code, such as ALKA_117", NULL, command_explain, 1, 1,
     COMMAND_EXPLAIN, false},
    {"wast", "FILE.json…", "Run converted test suites",
     "The files are what wast2json or `wasm-tools json-from-wast` makes of .wast scripts. Each\n"
     "command of a script counts; modules in text form are skipped.",
     command_wast, 1, SIZE_MAX, COMMAND_WAST, false},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static const struct command *command_find(const char *name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_version(void) { printf("alkahest %s\n", ALKAHEST_VERSION_TEXT); }

static int run_command(const struct command *command, int count, char **words) {
    struct settings settings;
    int code = COMMAND_EXIT_USAGE;
    if (!settings_parse(command, count, words, &settings))
        (void)fprintf(stderr, "See `alkahest %s --help`.\n", command->name);
    else if (settings.help || settings.version) {
        if (settings.help)
            help_print_command(command);
        else
            print_version();
        code = COMMAND_EXIT_OK;
    } else
        code = command->run(&settings);
    settings_free(&settings);
    return code;
}

/* `alkahest help`, `alkahest help COMMAND` */
static int run_help(int count, char **words) {
    const struct command *command = count > 0 ? command_find(words[0]) : NULL;
    if (count > 0 && !command) {
        report_error("there is no command '%s'", words[0]);
        return COMMAND_EXIT_USAGE;
    }
    if (command)
        help_print_command(command);
    else
        help_print_all(commands, COMMAND_COUNT);
    return COMMAND_EXIT_OK;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        report_error("which command?");
        (void)fprintf(stderr, "See `alkahest --help`.\n");
        return COMMAND_EXIT_USAGE;
    }
    int code = COMMAND_EXIT_USAGE;
    const char *word = argv[1];
    const struct command *command = command_find(word);
    if (command)
        code = run_command(command, argc - 2, argv + 2);
    else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        code = run_help(argc - 2, argv + 2);
    else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        print_version();
        code = COMMAND_EXIT_OK;
    } else {
        report_error("there is no command '%s'", word);
        (void)fprintf(stderr, "See `alkahest --help`.\n");
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        report_error("cannot write to standard output");
        return code == COMMAND_EXIT_OK ? COMMAND_EXIT_FAILED : code;
    }
    return code;
}
