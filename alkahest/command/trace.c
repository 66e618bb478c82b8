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

/* 0–15: general registers by their numbers, 16–31: vector registers. */
static void trace_register_name(uint8_t reg, char text[16]) {
    static const char *const general[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                            "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    if (reg < 16)
        (void)snprintf(text, 16, "%s", general[reg]);
    else
        (void)snprintf(text, 16, reg < 32 ? "xmm%u" : "-", reg - 16u);
}

static void trace_homes(void *self, const struct alka_body_summary *summary,
                        const struct alka_trace_home *homes, uint32_t count) {
    struct trace *trace = self;
    trace_function_line(trace, summary->func_idx);
    if (!(trace->phases & TRACE_REGS))
        return;
    for (uint32_t i = 0; i < count; i++) {
        const struct alka_web *web = &summary->webs[homes[i].web];
        char reg[16], type[VALUE_TEXT_BYTES];
        trace_register_name(homes[i].reg, reg);
        value_type_name(web->type, type, sizeof type);
        (void)fprintf(stderr,
                      "  regs  web %" PRIu32 " local %" PRIu32 " %s, weight %" PRIu32 ", 0x%" PRIx32
                      "–0x%" PRIx32 ": %s",
                      homes[i].web, web->local, type, web->weight, web->first_off, web->last_off,
                      reg);
        if (homes[i].frame_off != INT32_MIN)
            (void)fprintf(stderr, " [rbp%+" PRId32 "]", homes[i].frame_off);
        (void)fprintf(stderr, "%s\n", homes[i].is_saved ? " saved around calls" : "");
    }
}

static void trace_address(const struct alka_trace_value *value) {
    char name[16];
    (void)fputc('[', stderr);
    if (value->base != ALKA_TRACE_NO_REGISTER) {
        trace_register_name(value->base, name);
        (void)fprintf(stderr, "%s", name);
    }
    if (value->index != ALKA_TRACE_NO_REGISTER) {
        trace_register_name(value->index, name);
        (void)fprintf(stderr, "+%s*%u", name, 1u << (value->scale & 3));
    }
    (void)fprintf(stderr, "%+" PRId32 "]", value->disp);
}

static void trace_value(const struct alka_trace_value *value) {
    char base[16];
    trace_register_name(value->base, base);
    switch (value->kind) {
    case ALKA_TRACE_CONSTANT:
        (void)fprintf(stderr, "%" PRId64, (int64_t)value->bits);
        return;
    case ALKA_TRACE_LOCAL:
        (void)fprintf(stderr, "web%" PRIu32 "@%s", value->web, base);
        return;
    case ALKA_TRACE_REGISTER:
        (void)fprintf(stderr, "%s", base);
        return;
    case ALKA_TRACE_SLOT:
        (void)fprintf(stderr, "[rbp%+" PRId32 "]", value->disp);
        return;
    case ALKA_TRACE_FLAGS:
        (void)fprintf(stderr, "flags:%u", (unsigned)value->base);
        return;
    case ALKA_TRACE_ADDRESS:
        trace_address(value);
        return;
    case ALKA_TRACE_LOAD:
        (void)fprintf(stderr, "mem[%s%+" PRId32 "]", base, value->disp);
        return;
    }
}

static void trace_op(void *self, const struct alka_trace_op *op, const uint8_t *text) {
    const struct trace *trace = self;
    if (!(trace->phases & TRACE_EMIT))
        return;
    (void)fprintf(stderr, "  emit  0x%06" PRIx32 " %-20s", op->wasm_off, alka_op_name(op->op));
    (void)fprintf(stderr, " code 0x%06" PRIx32, op->code_off);
    for (uint32_t i = op->code_off; i < op->code_end_off; i++)
        (void)fprintf(stderr, " %02x", text[i]);
    (void)fprintf(stderr, op->hidden ? "  | … " : "  |");
    for (uint32_t i = 0; i < op->depth; i++) {
        (void)fputc(' ', stderr);
        trace_value(&op->stack[i]);
    }
    (void)fputc('\n', stderr);
}

const struct alka_codegen_trace *trace_codegen(struct trace *trace, uint32_t phases) {
    *trace = (struct trace){
        .phases = phases,
        .func_idx = ALKA_NO_INDEX,
        .codegen = {.self = trace, .homes = trace_homes, .op = trace_op},
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
