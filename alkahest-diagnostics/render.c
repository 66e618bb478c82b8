/*
 * Room: diagnostics. A record as lines for people. In: the record and, where there are some, the
 * module's bytes and tables, which a failed parse may have left half-made. Out: text. Must never
 * trust an index of the record or the tables, and never allocate.
 */
#include <alkahest/ops.h>
#include <alkahest/render.h>

#include "text.h"

/* Placeholders of codes.def: {n}, {n:x} and {n:kind}. */

static bool render_is(const char *at, const char *word) {
    for (; *word != 0; at++, word++)
        if (*at != *word)
            return false;
    return true;
}

static void render_import(struct text *text, const struct alka_module *module, uint64_t index) {
    if (!module || index >= module->import_count) {
        text_decimal(text, index);
        return;
    }
    text_name(text, module->imports[index].module);
    text_char(text, ' ');
    text_name(text, module->imports[index].name);
}

static const char *render_form(uint64_t form) {
    static const char *const names[] = {"a function type", "a struct type", "an array type"};
    return form < sizeof names / sizeof *names ? names[form] : "a type";
}

/* `kind` is at what follows the colon. */
static void render_argument(struct text *text, const char *kind, uint64_t value,
                            const struct alka_module *module) {
    if (render_is(kind, "x}"))
        text_hex(text, value, 2);
    else if (render_is(kind, "op}"))
        text_string(text, alka_op_name((uint32_t)value));
    else if (render_is(kind, "type}"))
        text_valtype(text, (alka_valtype)value);
    else if (render_is(kind, "form}"))
        text_string(text, render_form(value));
    else if (render_is(kind, "feature}"))
        text_string(text, alka_feature_name((uint32_t)value));
    else if (render_is(kind, "import}"))
        render_import(text, module, value);
    else
        text_char(text, '?');
}

static void render_message(struct text *text, const struct alka_diag *diag,
                           const struct alka_module *module) {
    const char *at = alka_code_text((uint32_t)diag->code);
    if (!at)
        at = "unknown code";
    while (*at != 0) {
        bool is_placeholder = at[0] == '{' && (at[1] == '0' || at[1] == '1');
        if (!is_placeholder) {
            text_char(text, *at++);
            continue;
        }
        uint64_t value = diag->args[at[1] - '0'];
        if (at[2] == '}')
            text_decimal(text, value);
        else
            render_argument(text, at + 3, value, module);
        while (*at++ != '}')
            ;
    }
}

size_t alka_render_message(const struct alka_diag *diag, const struct alka_module *module,
                           char *buffer, size_t buffer_bytes) {
    struct text text = text_begin(buffer, buffer_bytes);
    render_message(&text, diag, module);
    return text_end(&text);
}

static const char *render_section(uint32_t id) {
    static const char *const names[] = {"custom", "type",   "import",     "function", "table",
                                        "memory", "global", "export",     "start",    "element",
                                        "code",   "data",   "data count", "tag"};
    return id < sizeof names / sizeof *names ? names[id] : "unknown";
}

static void render_function(struct text *text, const struct alka_module *module,
                            uint32_t func_idx) {
    text_string(text, ", function ");
    text_decimal(text, func_idx);
    if (!module || !module->function_names || func_idx >= module->function_count ||
        module->function_names[func_idx].size == 0)
        return;
    text_char(text, ' ');
    text_name(text, module->function_names[func_idx]);
}

/* The line that says where. */
static void render_place(struct text *text, const struct alka_diag *diag,
                         const struct alka_render_context *context) {
    text_string(text, "  at byte ");
    text_decimal(text, diag->offset);
    text_string(text, " (0x");
    text_hex(text, diag->offset, 1);
    text_string(text, ") of ");
    text_string(text, context->file ? context->file : "the module");
    if (diag->section_id != ALKA_DIAG_NONE) {
        text_string(text, ", ");
        text_string(text, render_section(diag->section_id));
        text_string(text, " section");
    }
    if (diag->func_idx != ALKA_DIAG_NONE)
        render_function(text, context->module, diag->func_idx);
    if (diag->op < ALKA_OP_COUNT) {
        text_string(text, ", ");
        text_string(text, alka_op_name(diag->op));
    }
    text_char(text, '\n');
}

enum { RENDER_ROW_BYTES = 16, RENDER_BEFORE_BYTES = 8 };

/* Space before the n-th byte of a row. */
static void render_gap(struct text *text, size_t n) {
    text_string(text, n == RENDER_ROW_BYTES / 2 ? "  " : " ");
}

/* One row of bytes around the offset, and a mark under the byte itself. */
static void render_excerpt(struct text *text, uint32_t offset, struct alka_span bytes) {
    if (bytes.size == 0 || offset > bytes.size)
        return;
    size_t start = offset > RENDER_BEFORE_BYTES ? offset - RENDER_BEFORE_BYTES : 0;
    size_t end = bytes.size - start > RENDER_ROW_BYTES ? start + RENDER_ROW_BYTES : bytes.size;
    text_string(text, "    ");
    text_hex(text, start, 8);
    text_char(text, ' ');
    for (size_t i = start; i < end; i++) {
        render_gap(text, i - start);
        text_hex(text, bytes.data[i], 2);
    }
    text_string(text, "\n             ");
    for (size_t i = start; i < offset; i++) {
        render_gap(text, i - start);
        text_string(text, "  ");
    }
    render_gap(text, offset - start);
    text_string(text, "^^\n");
}

enum { RENDER_TRAP_FIRST = 600, RENDER_TRAP_LAST = 699 };

size_t alka_render(const struct alka_diag *diag, const struct alka_render_context *context,
                   char *buffer, size_t buffer_bytes) {
    struct text text = text_begin(buffer, buffer_bytes);
    uint32_t code = (uint32_t)diag->code;
    bool is_trap = code >= RENDER_TRAP_FIRST && code <= RENDER_TRAP_LAST;
    text_string(&text, is_trap ? "trap[ALKA_" : "error[ALKA_");
    if (code < 100)
        text_char(&text, '0');
    if (code < 10)
        text_char(&text, '0');
    text_decimal(&text, code);
    text_string(&text, "]: ");
    render_message(&text, diag, context->module);
    text_char(&text, '\n');
    if (diag->offset != ALKA_DIAG_NONE) {
        render_place(&text, diag, context);
        render_excerpt(&text, diag->offset, context->bytes);
    }
    return text_end(&text);
}
