/*
 * `-d PHASE,…`: what each phase of the pipeline did, on standard error.
 *   parse  the module's tables      check  each body's summary      regs  homes of locals
 *   emit   opcodes and where their code begins      link  thunks and functions
 */
#ifndef COMMAND_TRACE_H
#define COMMAND_TRACE_H

#include "options.h"

#include <alkahest.h>
#include <alkahest/codegen_trace.h>

struct trace {
    uint32_t phases; /* enum trace_phase */
    const struct alka_module *module;
    uint32_t func_idx; /* whose lines are being printed */
    struct alka_codegen_trace codegen;
};

/* What to hand to the code generator: NULL if nothing of it is to be shown. */
const struct alka_codegen_trace *trace_codegen(struct trace *trace, uint32_t phases);

/* After parsing; the module is borrowed until the end of the compilation. Shows parse and check. */
void trace_module(struct trace *trace, const struct alka_module *module,
                  const struct alka_crucible *crucible);

/* After linking. */
void trace_link(const struct trace *trace, const struct alka_image *image);

#endif
