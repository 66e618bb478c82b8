/*
 * A file on its way through the session: read, parsed, compiled (or taken over from an .alk file),
 * linked. What `compile`, `run` and `disasm` have in common; times and sizes are kept for --stats.
 */
#ifndef COMMAND_PIPELINE_H
#define COMMAND_PIPELINE_H

#include "files.h"
#include "options.h"
#include "report.h"

#include <alkahest.h>
#include <alkahest/blob.h>

struct statistics {
    uint64_t module_bytes, code_section_bytes, functions, native_code_bytes, peak_arena_bytes;
    double parse_ms, compile_ms, link_ms;
    double total_ms; /* these and reading the file; not writing one */
};

/* Code that is only looked at may need what this processor lacks. */
enum pipeline_use { PIPELINE_LOOKS, PIPELINE_RUNS };

struct pipeline {
    const char *path;
    struct file_bytes file;
    struct alka_span module_bytes; /* in `file` */
    bool is_blob;
    struct alka_blob blob;
    struct alka_engine *engine;
    struct alka_session session;
    bool has_session;
    struct progress progress;
    struct statistics statistics;
    double begin_ms;
};

/*
 * Each prints what went wrong and returns false then; pipeline_close is due in any case.
 * pipeline_open reads the file, opens an engine and validates; pipeline_compile fills
 * session.code; pipeline_link makes the image.
 */
bool pipeline_open(struct pipeline *pipeline, const struct settings *settings, const char *path,
                   enum pipeline_use use, const struct alka_codegen_trace *trace);
bool pipeline_compile(struct pipeline *pipeline);
bool pipeline_link(struct pipeline *pipeline, struct alka_image **out_image);
void pipeline_close(struct pipeline *pipeline);

/* Reads a file and finds the module in it: the file itself, or what an .alk file carries. */
bool pipeline_read(struct pipeline *pipeline, const char *path);

/* In the form that --stats asks for; nothing without it. JSON goes to standard output, unless that
 * is taken by a program's or file's own bytes. */
void statistics_print(const struct statistics *statistics, enum stats_form form,
                      bool stdout_is_taken);

#endif
