/*
 * Drives one file through a session, step by step, with the clock running. In: settings and a path.
 * Out: a session that holds code, or an image. All failures end in one place: pipeline_fail.
 */
#include "pipeline.h"

#include "diagnose.h"

#include <inttypes.h>
#include <stdio.h>

static bool pipeline_fail(struct pipeline *pipeline, const struct alka_diag *diag,
                          const struct alka_module *module) {
    progress_end(&pipeline->progress);
    diagnose_print(diag, file_display_name(pipeline->path), pipeline->module_bytes, module);
    return false;
}

static void pipeline_progress(void *self, uint32_t done, uint32_t total) {
    struct pipeline *pipeline = self;
    progress_show(&pipeline->progress, "compiling", done, total);
}

bool pipeline_read(struct pipeline *pipeline, const char *path) {
    *pipeline = (struct pipeline){.path = path, .begin_ms = clock_ms()};
    if (!file_read(path, &pipeline->file))
        return false;
    pipeline->module_bytes = file_span(&pipeline->file);
    pipeline->is_blob = alka_blob_looks_like(pipeline->module_bytes);
    if (!pipeline->is_blob)
        return true;
    struct alka_diag diag;
    if (alka_blob_read(pipeline->module_bytes, &pipeline->blob, &diag) != ALKA_OK)
        return pipeline_fail(pipeline, &diag, NULL);
    pipeline->module_bytes = pipeline->blob.module_bytes;
    return true;
}

/* A blob is taken as it was compiled: its options are the file's, not the command line's. */
static struct alka_session_options pipeline_options(struct pipeline *pipeline,
                                                    const struct settings *settings,
                                                    enum pipeline_use use,
                                                    const struct alka_codegen_trace *trace) {
    struct alka_session_options options = alka_engine_defaults();
    options.features = settings->features;
    options.codegen.memory_model = settings->memory_model;
    options.codegen.cpu = settings->cpu;
    options.codegen.register_limit = settings->register_limit;
    options.codegen.trace = trace;
    if (pipeline->is_blob) {
        options.features = pipeline->blob.features_allowed;
        options.codegen.memory_model = pipeline->blob.memory_model;
        options.codegen.cpu = use == PIPELINE_RUNS ? alka_host_cpu() : pipeline->blob.cpu_required;
    }
    options.progress = pipeline_progress;
    options.progress_self = pipeline;
    return options;
}

bool pipeline_open(struct pipeline *pipeline, const struct settings *settings, const char *path,
                   enum pipeline_use use, const struct alka_codegen_trace *trace) {
    if (!pipeline_read(pipeline, path))
        return false;
    if (use == PIPELINE_RUNS && !cpu_is_offered(settings->cpu))
        return false;
    progress_begin(&pipeline->progress);
    if (alka_engine_open(NULL, &pipeline->engine) != ALKA_OK) {
        report_error("out of memory");
        return false;
    }
    struct alka_session_options options = pipeline_options(pipeline, settings, use, trace);
    struct alka_session *session = &pipeline->session;
    double begin_ms = clock_ms();
    alka_session_open(session, alka_engine_registry(pipeline->engine), &options,
                      pipeline->module_bytes);
    pipeline->has_session = true;
    if (alka_session_validate(session) != ALKA_OK)
        return pipeline_fail(pipeline, &session->diag, &session->module);
    struct statistics *statistics = &pipeline->statistics;
    statistics->parse_ms = clock_ms() - begin_ms;
    statistics->module_bytes = pipeline->module_bytes.size;
    statistics->code_section_bytes = session->module.code_section.size;
    statistics->functions = session->module.function_count - session->module.imported_functions;
    return true;
}

bool pipeline_compile(struct pipeline *pipeline) {
    struct alka_session *session = &pipeline->session;
    double begin_ms = clock_ms();
    alka_status status = pipeline->is_blob ? alka_session_load(session, &pipeline->blob)
                                           : alka_session_compile(session);
    if (status != ALKA_OK)
        return pipeline_fail(pipeline, &session->diag, &session->module);
    double end_ms = clock_ms();
    pipeline->statistics.compile_ms = end_ms - begin_ms;
    pipeline->statistics.total_ms = end_ms - pipeline->begin_ms;
    pipeline->statistics.native_code_bytes = session->code.text_bytes;
    pipeline->statistics.peak_arena_bytes = session->peak_arena_bytes;
    progress_end(&pipeline->progress);
    return true;
}

bool pipeline_link(struct pipeline *pipeline, struct alka_image **out_image) {
    struct alka_session *session = &pipeline->session;
    double begin_ms = clock_ms();
    if (alka_session_link(session, NULL, NULL) != ALKA_OK)
        return pipeline_fail(pipeline, &session->diag, &session->module);
    pipeline->statistics.link_ms = clock_ms() - begin_ms;
    pipeline->statistics.total_ms += pipeline->statistics.link_ms;
    *out_image = alka_session_take_image(session);
    return true;
}

void pipeline_close(struct pipeline *pipeline) {
    progress_end(&pipeline->progress);
    if (pipeline->has_session)
        alka_session_drop(&pipeline->session);
    if (pipeline->engine)
        alka_engine_close(pipeline->engine);
    file_free(&pipeline->file);
}

void statistics_print(const struct statistics *statistics, enum stats_form form,
                      bool stdout_is_taken) {
    if (form == STATS_NONE)
        return;
    bool is_json = form == STATS_JSON;
    FILE *out = is_json && !stdout_is_taken ? stdout : stderr;
    const char *row = is_json ? "  \"%s\": %" PRIu64 ",\n" : "%-20s %12" PRIu64 "\n";
    const char *time = is_json ? "  \"%s\": %.3f,\n" : "%-20s %12.3f\n";
    if (is_json)
        (void)fputs("{\n", out);
    (void)fprintf(out, row, "module_bytes", statistics->module_bytes);
    (void)fprintf(out, row, "code_section_bytes", statistics->code_section_bytes);
    (void)fprintf(out, row, "functions", statistics->functions);
    (void)fprintf(out, time, "parse_ms", statistics->parse_ms);
    (void)fprintf(out, time, "compile_ms", statistics->compile_ms);
    (void)fprintf(out, time, "link_ms", statistics->link_ms);
    (void)fprintf(out, time, "total_ms", statistics->total_ms);
    (void)fprintf(out, row, "native_code_bytes", statistics->native_code_bytes);
    (void)fprintf(out, is_json ? "  \"%s\": %" PRIu64 "\n}\n" : "%-20s %12" PRIu64 "\n",
                  "peak_arena_bytes", statistics->peak_arena_bytes);
}
