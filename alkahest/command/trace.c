/*
 * Prints what phases did. In: tables and calls from the code generator. Must not change what it
 * shows: a traced compilation makes the same bytes.
 */
#include "trace.h"

#include "diagnose.h"
#include "values.h"

#include <alkahest/ops.h>
#include <alkahest/parse.h>
#include <inttypes.h>
#include <stdio.h>

#define TRACE_NAME_BYTES 120

static void trace_function_line(struct trace *trace, uint32_t func_idx) {
    if (trace->func_idx == func_idx)
        return;
    trace->func_idx = func_idx;
    char name[TRACE_NAME_BYTES];
    diagnose_function_name(trace->module, func_idx, name, sizeof name);
    (void)fprintf(stderr, "func[%" PRIu32 "] %s\n", func_idx, name);
}

static void trace_home(void *self, uint32_t func_idx, const struct alka_home *home) {
    static const char *const general[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                            "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    struct trace *trace = self;
    if (!(trace->phases & TRACE_REGS))
        return;
    trace_function_line(trace, func_idx);
    (void)fprintf(stderr, "  regs  local %-4" PRIu32 " ", home->local_idx);
    if (home->last_off != UINT32_MAX)
        (void)fprintf(stderr, "0x%06" PRIx32 "–0x%06" PRIx32 " ", home->first_off, home->last_off);
    if (!home->is_register)
        (void)fprintf(stderr, "[rbp%+" PRId32 "]\n", home->frame_off);
    else if (home->is_vector)
        (void)fprintf(stderr, "xmm%u\n", (unsigned)home->reg);
    else
        (void)fprintf(stderr, "%s\n", general[home->reg & 15]);
}

static void trace_op(void *self, uint32_t func_idx, uint32_t op, uint32_t wasm_off,
                     uint32_t code_off) {
    struct trace *trace = self;
    if (!(trace->phases & TRACE_EMIT))
        return;
    trace_function_line(trace, func_idx);
    (void)fprintf(stderr, "  emit  code 0x%06" PRIx32 "  module 0x%06" PRIx32 "  %s\n", code_off,
                  wasm_off, alka_op_name(op));
}

const struct alka_codegen_trace *trace_codegen(struct trace *trace, uint32_t phases) {
    *trace = (struct trace){
        .phases = phases,
        .func_idx = ALKA_NO_INDEX,
        .codegen = {.self = trace, .home = trace_home, .op = trace_op},
    };
    return (phases & (TRACE_REGS | TRACE_EMIT)) ? &trace->codegen : NULL;
}

static void trace_tables(const struct alka_module *module) {
    (void)fprintf(
        stderr,
        "parse %zu bytes: %" PRIu32 " types, %" PRIu32 " imports, %" PRIu32 " functions, %" PRIu32
        " tables, %" PRIu32 " memories, %" PRIu32 " globals, %" PRIu32 " exports, %" PRIu32
        " element and %" PRIu32 " data segments, %" PRIu32 " custom sections\n",
        module->bytes.size, module->type_count, module->import_count, module->function_count,
        module->table_count, module->memory_count, module->global_count, module->export_count,
        module->element_count, module->data_count, module->custom_count);
    for (uint32_t i = module->imported_functions; i < module->function_count; i++) {
        char name[TRACE_NAME_BYTES];
        diagnose_function_name(module, i, name, sizeof name);
        (void)fprintf(stderr,
                      "  parse  func[%" PRIu32 "] type %" PRIu32 " body 0x%06" PRIx32 " +%" PRIu32
                      "  %s\n",
                      i, module->functions[i].type_idx, module->functions[i].body.off,
                      module->functions[i].body.size, name);
    }
}

/* Validates a copy of the tables: the session's own are to be validated once, by the session. */
static void trace_check(struct trace *trace, const struct alka_crucible *crucible) {
    struct alka_module module = *trace->module;
    struct alka_arena scratch;
    struct alka_diag diag;
    alka_arena_init(&scratch, crucible, SIZE_MAX);
    for (uint32_t i = module.imported_functions; i < module.function_count; i++) {
        struct alka_arena_mark mark = alka_arena_mark(&scratch);
        struct alka_body_summary summary;
        if (alka_validate_body(&module, i, &scratch, &summary, &diag) != ALKA_OK)
            break; /* the session will say why */
        trace_function_line(trace, i);
        (void)fprintf(stderr,
                      "  check  %" PRIu32 " parameters, %" PRIu32 " locals, %" PRIu32
                      " operands, nesting %" PRIu32 ", %" PRIu32 " calls, %" PRIu32 " loops\n",
                      summary.param_count, summary.local_count, summary.max_operands,
                      summary.max_nesting, summary.call_count, summary.loop_count);
        alka_arena_reset(&scratch, mark);
    }
    alka_arena_drop(&scratch);
}

void trace_module(struct trace *trace, const struct alka_module *module,
                  const struct alka_crucible *crucible) {
    trace->module = module;
    if (trace->phases & TRACE_PARSE)
        trace_tables(module);
    if (trace->phases & TRACE_CHECK)
        trace_check(trace, crucible);
}

void trace_link(const struct trace *trace, const struct alka_image *image) {
    if (!(trace->phases & TRACE_LINK))
        return;
    const struct alka_module *module = &image->module;
    for (uint32_t i = 0; i < module->imported_functions; i++) {
        char name[TRACE_NAME_BYTES];
        diagnose_function_name(module, i, name, sizeof name);
        (void)fprintf(stderr,
                      "  link  code 0x%06" PRIx32 "  thunk of import func[%" PRIu32 "] %s\n",
                      alka_link_import_thunk_off(image->thunks_off, i), i, name);
    }
    for (uint32_t i = 0; i < module->type_count; i++)
        (void)fprintf(stderr, "  link  type %" PRIu32 " is canonical type %" PRIu32 "\n", i,
                      image->type_ids[i]);
    (void)fprintf(stderr, "  link  %" PRIu32 " bytes of text at %p, thunks from 0x%06" PRIx32 "\n",
                  image->code.text_bytes, (const void *)image->code.text, image->thunks_off);
}
