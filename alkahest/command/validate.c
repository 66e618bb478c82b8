/*
 * `alkahest validate`: decodes and checks a module, and makes nothing. In: a file. Out: an exit
 * code, and the first error if there is one.
 */
#include "commands.h"
#include "diagnose.h"
#include "pipeline.h"
#include "trace.h"

#include <alkahest/ops.h>
#include <alkahest/parse.h>

/* As a session bounds its arenas (limits.h). */
static size_t validate_arena_limit(size_t module_bytes) {
    const struct alka_limits *limits = &alka_limits_default;
    return module_bytes * limits->arena_bytes_per_module_byte + limits->arena_bytes_base;
}

/* A valid module may still be more than the code generator can do, and have hints that are wrong.
 */
static void validate_note(struct alka_module *module, struct alka_arena *scratch) {
    alka_feature_set unbuilt = module->features_used & ~(alka_feature_set)ALKA_FEATURES_BUILT;
    for (uint32_t i = 0; i < ALKA_FEATURE_COUNT; i++)
        if (unbuilt & UINT32_C(1) << i)
            report_note("valid, but this version cannot compile %s", alka_feature_name(i));
    struct alka_diag diag;
    if (alka_check_hints(module, scratch, &diag) == ALKA_OK)
        return;
    char text[200];
    diagnose_message(&diag, module, text, sizeof text);
    report_note("valid, but a custom section is wrong at byte 0x%x: ALKA_%03u %s",
                (unsigned)diag.offset, (unsigned)diag.code, text);
}

static bool validate_module(struct pipeline *pipeline, const struct settings *settings) {
    struct statistics *statistics = &pipeline->statistics;
    const struct alka_crucible *crucible = alka_engine_crucible(pipeline->engine);
    struct alka_arena tables, scratch;
    struct alka_module module = {0};
    struct alka_diag diag;
    struct trace trace;
    size_t limit = validate_arena_limit(pipeline->module_bytes.size);
    alka_arena_init(&tables, crucible, limit);
    alka_arena_init(&scratch, crucible, limit);
    (void)trace_codegen(&trace, settings->trace);

    double begin_ms = clock_ms();
    alka_feature_set features = settings->features | ALKA_FEATURES_UNBUILT_TOO;
    alka_status status = alka_parse_module(pipeline->module_bytes, features, &alka_limits_default,
                                           &tables, &module, &diag);
    if (status == ALKA_OK) {
        trace_module(&trace, &module, crucible);
        status = alka_validate_bodies(&module, &scratch, &diag);
    }
    statistics->parse_ms = clock_ms() - begin_ms;
    statistics->total_ms = clock_ms() - pipeline->begin_ms;
    statistics->module_bytes = pipeline->module_bytes.size;
    statistics->code_section_bytes = module.code_section.size;
    statistics->functions = module.function_count - module.imported_functions;
    statistics->peak_arena_bytes = tables.peak_bytes + scratch.peak_bytes;
    if (status != ALKA_OK)
        diagnose_print(&diag, file_display_name(pipeline->path), pipeline->module_bytes, &module);
    else
        validate_note(&module, &scratch);
    alka_arena_drop(&scratch);
    alka_arena_drop(&tables);
    return status == ALKA_OK;
}

int command_validate(const struct settings *settings) {
    struct pipeline pipeline;
    bool ok = pipeline_read(&pipeline, settings->operands.items[0]);
    if (ok && alka_engine_open(NULL, &pipeline.engine) != ALKA_OK) {
        report_error("out of memory");
        ok = false;
    }
    ok = ok && validate_module(&pipeline, settings);
    if (ok)
        statistics_print(&pipeline.statistics, settings->stats, false);
    pipeline_close(&pipeline);
    return ok ? COMMAND_EXIT_OK : COMMAND_EXIT_FAILED;
}
