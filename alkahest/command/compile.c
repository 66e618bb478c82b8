/*
 * `alkahest compile`: a module to an .alk file. Links too (into memory that is dropped again), so
 * that --stats tells the whole price.
 */
#include "commands.h"
#include "pipeline.h"
#include "trace.h"
#include "version.h"

#include <string.h>
#include <sys/mman.h>

static bool compile_write(const struct pipeline *pipeline, const char *path) {
    const struct alka_blob_source source = {
        .module = &pipeline->session.module,
        .code = &pipeline->session.code,
        .compiler_version = ALKAHEST_VERSION,
    };
    size_t bytes = alka_blob_bytes(&source);
    uint8_t *file = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (file == MAP_FAILED) {
        report_error("out of memory");
        return false;
    }
    (void)madvise(file, bytes, MADV_HUGEPAGE); /* a wish: fewer page faults */
    alka_blob_write(&source, file);
    bool ok = file_write(path, file, bytes);
    (void)munmap(file, bytes);
    return ok;
}

int command_compile(const struct settings *settings) {
    if (!settings->output) {
        report_error("compile needs -o OUT.alk (- is standard output)");
        return COMMAND_EXIT_USAGE;
    }
    struct pipeline pipeline;
    struct alka_image *image;
    struct trace trace;
    bool ok = pipeline_open(&pipeline, settings, settings->operands.items[0], PIPELINE_LOOKS,
                            trace_codegen(&trace, settings->trace));
    if (ok && pipeline.is_blob) {
        report_error("%s is compiled already", file_display_name(pipeline.path));
        ok = false;
    }
    if (ok)
        trace_module(&trace, &pipeline.session.module, pipeline.session.crucible);
    ok = ok && pipeline_compile(&pipeline) && compile_write(&pipeline, settings->output) &&
         pipeline_link(&pipeline, &image);
    if (ok) {
        trace_link(&trace, image);
        statistics_print(&pipeline.statistics, settings->stats, strcmp(settings->output, "-") == 0);
        alka_image_release(image);
    }
    pipeline_close(&pipeline);
    return ok ? COMMAND_EXIT_OK : COMMAND_EXIT_FAILED;
}
