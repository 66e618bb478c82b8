/*
 * Room: parse. The name section (specification, appendix A.6): names for messages and symbols, with
 * no meaning. In: its bytes, which may be anything. Out: the module's and the functions' names.
 * Must never refuse a module: it takes what is well-formed and stops at what is not.
 */
#include "sections.h"

enum { NAMES_MODULE = 0, NAMES_FUNCTIONS = 1 };

/* Reads from a copy of the input that records its failures nowhere. */
static bool names_one(struct input *in, struct alka_span *out_name) {
    uint32_t bytes = 0;
    if (in_length(in, &bytes) != ALKA_OK || !utf8_is_valid(in->cursor, bytes))
        return false;
    *out_name = (struct alka_span){in->cursor, bytes};
    in->cursor += bytes;
    return true;
}

static alka_status names_functions(struct input *in) {
    struct alka_module *module = in->module;
    uint32_t count = 0;
    if (module->function_names || in_u32(in, &count) != ALKA_OK)
        return ALKA_OK;
    ALKA_TRY(in_alloc(in, module->function_count, sizeof *module->function_names,
                      &module->function_names));
    for (; count != 0; count--) {
        uint32_t func_idx = 0;
        struct alka_span name;
        if (in_u32(in, &func_idx) != ALKA_OK || !names_one(in, &name))
            return ALKA_OK;
        if (func_idx < module->function_count)
            module->function_names[func_idx] = name;
    }
    return ALKA_OK;
}

static alka_status names_read(struct input *in) {
    const uint8_t *section_end = in->end;
    while (in->cursor < section_end) {
        uint8_t id = *in->cursor++;
        uint32_t bytes = 0;
        if (in_length(in, &bytes) != ALKA_OK)
            return ALKA_OK;
        const uint8_t *next = in->cursor + bytes;
        in->end = next;
        if (id == NAMES_MODULE && !names_one(in, &in->module->module_name))
            return ALKA_OK;
        if (id == NAMES_FUNCTIONS)
            ALKA_TRY(names_functions(in));
        in->cursor = next;
        in->end = section_end;
    }
    return ALKA_OK;
}

alka_status parser_names(struct parser *parser) {
    if (parser->name_section.size == 0)
        return ALKA_OK;
    struct alka_diag ignored;
    struct input in = parser->in;
    in.diag = &ignored;
    in.cursor = in.base + parser->name_section.off;
    in.end = in.cursor + parser->name_section.size;
    alka_status status = names_read(&in);
    if (status != ALKA_OK)
        *parser->in.diag = ignored;
    return status;
}
