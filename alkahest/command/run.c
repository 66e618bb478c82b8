/*
 * `alkahest run`: a program under WASI preview1, or one call of one function. In: a module or a
 * compiled one, words for it. Out: the program's exit code, printed results, or a trap with its
 * backtrace and exit code 134.
 */
#include "commands.h"
#include "diagnose.h"
#include "pipeline.h"
#include "trace.h"
#include "values.h"
#include "wasi/wasi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_WASI_MODULE "wasi_snapshot_preview1"

struct run {
    const struct settings *settings;
    struct pipeline pipeline;
    struct trace trace;
    struct wasi *wasi;
    struct alka_image *image;
    struct alka_instance *instance;
};

/* --- WASI as rows of a VTable. --- */

static void run_wasi_call(struct alka_context *caller, uint64_t *values,
                          enum wasi_errno (*function)(const struct wasi_call *call)) {
    const struct wasi_call call = {
        .wasi = (struct wasi *)caller->user,
        .memory = (uint8_t *)caller->memory_base,
        .memory_bytes = caller->memory_bytes,
        .args = values,
    };
    uint32_t code;
    values[0] = (uint64_t)function(&call);
    if (wasi_has_exited(call.wasi, &code))
        alka_trap_raise(ALKA_TRAP_EXIT);
}

#define RUN_WASI_THUNK(name, params)                                             \
    static void run_wasi_##name(struct alka_context *caller, uint64_t *values) { \
        run_wasi_call(caller, values, wasi_##name);                              \
    }
WASI_CALLS(RUN_WASI_THUNK)
#undef RUN_WASI_THUNK

static const struct alka_vtable_row run_wasi_rows[] = {
#define RUN_WASI_ROW(name, params) \
    {RUN_WASI_MODULE, #name, ALKA_NO_CAPABILITY, {params, "i", NULL, run_wasi_##name}},
    /* Found before the row of the same name below: the only call without a result. */
    {RUN_WASI_MODULE, "proc_exit", ALKA_NO_CAPABILITY, {"i", "", NULL, run_wasi_proc_exit}},
    WASI_CALLS(RUN_WASI_ROW)
#undef RUN_WASI_ROW
};

/* A list of strings that are ours. */
struct environment {
    char **items;
    size_t count;
};

static void environment_free(struct environment *environment) {
    for (size_t i = 0; i < environment->count; i++)
        free(environment->items[i]);
    free(environment->items);
}

/* NAME=VALUE; a bare NAME passes our own value on, if there is one. */
static char *environment_item(const char *word, bool *out_of_memory) {
    char *item = NULL;
    const char *value = getenv(word);
    if (strchr(word, '='))
        item = strdup(word);
    else if (!value)
        return NULL;
    else if (asprintf(&item, "%s=%s", word, value) < 0)
        item = NULL;
    *out_of_memory |= !item;
    return item;
}

static bool environment_make(const struct words *words, struct environment *environment) {
    bool out_of_memory = false;
    environment->count = 0;
    environment->items = calloc(words->count + 1, sizeof *environment->items);
    for (size_t i = 0; environment->items && i < words->count; i++) {
        char *item = environment_item(words->items[i], &out_of_memory);
        if (item)
            environment->items[environment->count++] = item;
    }
    if (environment->items && !out_of_memory)
        return true;
    report_error("out of memory");
    return false;
}

static bool run_make_wasi(struct run *run, const struct environment *environment) {
    const struct settings *settings = run->settings;
    /* With --invoke the words are the function's; a program still has a name. */
    size_t arg_count = settings->invoke ? 1 : settings->operands.count;
    const struct wasi_options options = {
        .args = settings->operands.items,
        .arg_count = arg_count,
        .env = (const char *const *)environment->items,
        .env_count = environment->count,
        .dirs = settings->dirs.items,
        .dir_count = settings->dirs.count,
    };
    run->wasi = wasi_make(&options);
    return run->wasi != NULL;
}

/* --- Ends. --- */

/* A trap ends the command, whichever call it came from; proc_exit is one that is none. */
static int run_trapped(const struct run *run, enum alka_trap trap,
                       const struct alka_trap_report *report) {
    uint32_t code;
    (void)fflush(stdout);
    if (trap == ALKA_TRAP_EXIT && wasi_has_exited(run->wasi, &code))
        return (int)(code & 0xFF); /* as exit(3) */
    diagnose_trap(trap, report);
    return COMMAND_EXIT_TRAPPED;
}

static int run_instantiate_failed(const struct run *run, alka_status status,
                                  const struct alka_instantiate_error *error) {
    if (error->trap != ALKA_TRAP_NONE)
        return run_trapped(run, error->trap, &error->report);
    struct alka_diag diag = error->diag;
    if (diag.code == ALKA_OK)
        diag.code = status;
    diagnose_print(&diag, file_display_name(run->pipeline.path), run->pipeline.module_bytes,
                   &run->image->module);
    if (status == ALKA_E_UNKNOWN_IMPORT)
        report_note("`alkahest run` offers the functions of " RUN_WASI_MODULE);
    return COMMAND_EXIT_FAILED;
}

/* --- Calls. --- */

static int run_call(struct run *run, const struct alka_func *func, uint64_t *words) {
    struct alka_trap_report report;
    enum alka_trap trap;
    if (alka_engine_call(run->pipeline.engine, func, words, &trap, &report) != ALKA_OK) {
        report_error("no memory for the program's stacks");
        return COMMAND_EXIT_FAILED;
    }
    return trap == ALKA_TRAP_NONE ? COMMAND_EXIT_OK : run_trapped(run, trap, &report);
}

/* The exported function of that name that takes and returns nothing; NULL if there is none. */
static const struct alka_func *run_find_plain(const struct run *run, const char *name) {
    struct alka_extern external;
    if (!alka_instance_export(run->instance, alka_name(name), &external) ||
        external.kind != ALKA_EXTERN_FUNC || !external.owner)
        return NULL;
    const struct alka_functype *type = alka_func_type(external.func);
    return type->param_count == 0 && type->result_count == 0 ? external.func : NULL;
}

static bool run_parse_args(const struct run *run, const struct alka_functype *type,
                           uint64_t *words) {
    const struct words *operands = &run->settings->operands;
    if (operands->count - 1 != type->param_count) {
        report_error("%s takes %u arguments, not %zu", run->settings->invoke,
                     (unsigned)type->param_count, operands->count - 1);
        return false;
    }
    for (uint32_t i = 0; i < type->param_count; i++) {
        struct value value;
        if (!value_parse(operands->items[i + 1], type->params[i], &value))
            return false;
        memcpy(words, value.bits, value_words(value.type) * sizeof *words);
        words += value_words(value.type);
    }
    return true;
}

static void run_print_results(const struct alka_functype *type, const uint64_t *words) {
    for (uint32_t i = 0; i < type->result_count; i++) {
        char text[VALUE_TEXT_BYTES];
        struct value value = {.type = type->results[i]};
        memcpy(value.bits, words, value_words(value.type) * sizeof *words);
        value_format(&value, text, sizeof text);
        printf("%s\n", text);
        words += value_words(value.type);
    }
}

static int run_invoke(struct run *run) {
    struct alka_extern external;
    const char *name = run->settings->invoke;
    if (!alka_instance_export(run->instance, alka_name(name), &external) ||
        external.kind != ALKA_EXTERN_FUNC) {
        report_error("%s exports no function '%s'", file_display_name(run->pipeline.path), name);
        return COMMAND_EXIT_FAILED;
    }
    if (!external.owner) {
        report_error("'%s' is an imported function", name);
        return COMMAND_EXIT_FAILED;
    }
    const struct alka_functype *type = alka_func_type(external.func);
    uint64_t *words = calloc(alka_call_values(type) + (size_t)1, sizeof *words);
    if (!words) {
        report_error("out of memory");
        return COMMAND_EXIT_FAILED;
    }
    int code = COMMAND_EXIT_USAGE;
    if (run_parse_args(run, type, words)) {
        code = run_call(run, external.func, words);
        if (code == COMMAND_EXIT_OK)
            run_print_results(type, words);
    }
    free(words);
    return code;
}

/* Commands export _start; reactors _initialize, which comes before any other call. */
static int run_program(struct run *run) {
    const struct alka_func *start = run_find_plain(run, "_start");
    const struct alka_func *initialize = run_find_plain(run, "_initialize");
    uint64_t none[1] = {0};
    if (start && !run->settings->invoke)
        return run_call(run, start, none);
    if (initialize) {
        int code = run_call(run, initialize, none);
        if (code != COMMAND_EXIT_OK)
            return code;
    }
    if (run->settings->invoke)
        return run_invoke(run);
    if (!initialize && run->image->module.start_function == ALKA_NO_INDEX)
        report_note("%s has nothing to start; see --invoke", file_display_name(run->pipeline.path));
    return COMMAND_EXIT_OK;
}

static int run_image(struct run *run) {
    const struct alka_vtable vtable = {
        .rows = run_wasi_rows,
        .row_count = sizeof run_wasi_rows / sizeof run_wasi_rows[0],
    };
    const struct alka_instance_options options = {
        .name = alka_name("main"),
        .user = (uint64_t)run->wasi,
    };
    struct alka_instantiate_error error = {0};
    alka_status status = alka_engine_instantiate(run->pipeline.engine, run->image, &vtable,
                                                 &options, &run->instance, &error);
    if (status != ALKA_OK)
        return run_instantiate_failed(run, status, &error);
    return run_program(run);
}

static bool run_load(struct run *run) {
    struct pipeline *pipeline = &run->pipeline;
    const struct settings *settings = run->settings;
    const struct alka_codegen_trace *codegen = trace_codegen(&run->trace, settings->trace);
    if (!pipeline_open(pipeline, settings, settings->operands.items[0], PIPELINE_RUNS, codegen))
        return false;
    trace_module(&run->trace, &pipeline->session.module, pipeline->session.crucible);
    if (!pipeline_compile(pipeline) || !pipeline_link(pipeline, &run->image))
        return false;
    trace_link(&run->trace, run->image);
    statistics_print(&pipeline->statistics, settings->stats, true);
    return true;
}

int command_run(const struct settings *settings) {
    struct run run = {.settings = settings};
    struct environment environment;
    int code = COMMAND_EXIT_FAILED;
    if (environment_make(&settings->envs, &environment) && run_load(&run) &&
        run_make_wasi(&run, &environment))
        code = run_image(&run);
    if (run.image)
        alka_image_release(run.image);
    pipeline_close(&run.pipeline);
    wasi_drop(run.wasi);
    environment_free(&environment);
    return code;
}
