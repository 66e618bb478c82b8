/*
 * Room: parse. The sections that hold contents: elements, data, function bodies (specification
 * 5.5.12–5.5.16). Items are checked and left in the module's bytes. Must never copy contents, and
 * never enter a function body.
 */
#include "sections.h"

/* The three low bits of an element segment's flags (5.5.12). */
enum {
    ELEMENT_NOT_ACTIVE = 1, /* passive, or declarative with the next bit */
    ELEMENT_EXPLICIT = 2,   /* active: names its table and kind */
    ELEMENT_EXPRESSIONS = 4,
    ELEMENT_FLAGS = 7
};

static alka_status element_flags(struct input *in, uint32_t *out_flags) {
    const uint8_t *at = in->cursor;
    ALKA_TRY(in_u32(in, out_flags));
    uint32_t flags = *out_flags;
    if (flags > ELEMENT_FLAGS)
        return in_fail(in, ALKA_E_ELEMENT_FLAGS, at, flags, 0);
    if ((flags & 3) == 3) /* declarative */
        return in_use_form(in, ALKA_FEATURE_REFERENCE_TYPES, at);
    return flags != 0 ? in_use_form(in, ALKA_FEATURE_BULK_MEMORY, at) : ALKA_OK;
}

static alka_status element_table(struct input *in, uint32_t flags, uint32_t *out_table_idx) {
    const uint8_t *at = in->cursor;
    if (flags & ELEMENT_EXPLICIT)
        ALKA_TRY(in_u32(in, out_table_idx));
    if (*out_table_idx >= in->module->table_count)
        return in_fail(in, ALKA_E_UNKNOWN_TABLE, at, *out_table_idx, 0);
    return ALKA_OK;
}

/* The element kind, or the type of the expressions; absent in the two oldest forms. */
static alka_status element_type(struct input *in, uint32_t flags, alka_valtype *out_type) {
    /* Indices of functions are never null. */
    *out_type = ALKA_REF(ALKA_HEAP_FUNC, (flags & ELEMENT_EXPRESSIONS) != 0);
    if (!(flags & (ELEMENT_NOT_ACTIVE | ELEMENT_EXPLICIT)))
        return ALKA_OK;
    if (flags & ELEMENT_EXPRESSIONS)
        return in_reftype(in, out_type);
    const uint8_t *at = in->cursor;
    uint8_t kind = 0;
    ALKA_TRY(in_byte(in, &kind));
    return kind == 0 ? ALKA_OK : in_fail(in, ALKA_E_ELEMENT_KIND, at, kind, 0);
}

static alka_status element_function(struct input *in) {
    const uint8_t *at = in->cursor;
    uint32_t func_idx = 0;
    ALKA_TRY(in_u32(in, &func_idx));
    if (func_idx >= in->module->function_count)
        return in_fail(in, ALKA_E_UNKNOWN_FUNCTION, at, func_idx, 0);
    in->module->functions[func_idx].declared_ref = true;
    return ALKA_OK;
}

static alka_status element_items(struct parser *parser, struct alka_element_segment *segment) {
    struct input *in = &parser->in;
    ALKA_TRY(in_u32(in, &segment->count));
    const uint8_t *start = in->cursor;
    for (uint32_t i = 0; i < segment->count; i++) {
        struct alka_piece item;
        ALKA_TRY(segment->is_exprs ? parser_constant(parser, segment->type, &item)
                                   : element_function(in));
    }
    segment->items = (struct alka_piece){in_off(in, start), (uint32_t)(in->cursor - start)};
    return ALKA_OK;
}

static alka_valtype segment_address_type(const struct alka_range *range) {
    return range->is_64 ? ALKA_I64 : ALKA_I32;
}

static alka_status element_segment(struct parser *parser, struct alka_element_segment *segment) {
    struct input *in = &parser->in;
    uint32_t flags = 0;
    ALKA_TRY(element_flags(in, &flags));
    segment->is_exprs = (flags & ELEMENT_EXPRESSIONS) != 0;
    segment->mode = ALKA_SEGMENT_ACTIVE;
    if (flags & ELEMENT_NOT_ACTIVE)
        segment->mode = flags & ELEMENT_EXPLICIT ? ALKA_SEGMENT_DECLARATIVE : ALKA_SEGMENT_PASSIVE;

    const uint8_t *at = in->cursor;
    if (segment->mode == ALKA_SEGMENT_ACTIVE) {
        ALKA_TRY(element_table(in, flags, &segment->table_idx));
        const struct alka_table_def *table = &in->module->tables[segment->table_idx];
        ALKA_TRY(parser_constant(parser, segment_address_type(&table->range), &segment->offset));
    }
    ALKA_TRY(element_type(in, flags, &segment->type));
    if (segment->mode == ALKA_SEGMENT_ACTIVE) {
        alka_valtype table_type = in->module->tables[segment->table_idx].type;
        if (!in_subtype(in->module, segment->type, table_type))
            return in_fail(in, ALKA_E_ELEMENT_TYPE, at, table_type, segment->type);
    }
    return element_items(parser, segment);
}

alka_status section_element(struct parser *parser) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    uint32_t count = 0;
    ALKA_TRY(in_count(in, module->limits->element_segments, ALKA_E_LIMIT_ELEMENT_SEGMENTS, &count));
    ALKA_TRY(in_alloc(in, in_room(in, count, 3), sizeof *module->elements, &module->elements));
    for (; count != 0; count--) {
        struct alka_element_segment segment = {.count = 0};
        ALKA_TRY(element_segment(parser, &segment));
        module->elements[module->element_count++] = segment;
    }
    return ALKA_OK;
}

alka_status section_data_count(struct parser *parser) {
    struct input *in = &parser->in;
    ALKA_TRY(in_count(in, in->module->limits->data_segments, ALKA_E_LIMIT_DATA_SEGMENTS,
                      &in->module->data_count));
    in->module->has_data_count = true;
    return ALKA_OK;
}

/* The flags of a data segment (5.5.14). */
enum { DATA_PASSIVE = 1, DATA_EXPLICIT = 2 };

static alka_status data_segment(struct parser *parser, struct alka_data_segment *segment) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    const uint8_t *at = in->cursor;
    uint32_t flags = 0, bytes = 0;
    ALKA_TRY(in_u32(in, &flags));
    if (flags > DATA_EXPLICIT)
        return in_fail(in, ALKA_E_DATA_FLAGS, at, flags, 0);
    if (flags != 0)
        ALKA_TRY(in_use_form(in, ALKA_FEATURE_BULK_MEMORY, at));
    segment->mode = flags == DATA_PASSIVE ? ALKA_SEGMENT_PASSIVE : ALKA_SEGMENT_ACTIVE;
    if (segment->mode == ALKA_SEGMENT_ACTIVE) {
        at = in->cursor;
        if (flags == DATA_EXPLICIT)
            ALKA_TRY(in_u32(in, &segment->memory_idx));
        if (segment->memory_idx >= module->memory_count)
            return in_fail(in, ALKA_E_UNKNOWN_MEMORY, at, segment->memory_idx, 0);
        const struct alka_range *range = &module->memories[segment->memory_idx].range;
        ALKA_TRY(parser_constant(parser, segment_address_type(range), &segment->offset));
    }
    ALKA_TRY(in_length(in, &bytes));
    segment->bytes = (struct alka_piece){in_off(in, in->cursor), bytes};
    in->cursor += bytes;
    return ALKA_OK;
}

alka_status section_data(struct parser *parser) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    const uint8_t *at = in->cursor;
    uint32_t count = 0;
    ALKA_TRY(in_count(in, module->limits->data_segments, ALKA_E_LIMIT_DATA_SEGMENTS, &count));
    if (module->has_data_count && count != module->data_count)
        return in_fail(in, ALKA_E_DATA_COUNT, at, module->data_count, count);
    ALKA_TRY(in_alloc(in, in_room(in, count, 2), sizeof *module->datas, &module->datas));
    for (uint32_t i = 0; i < count; i++) {
        struct alka_data_segment segment = {.memory_idx = 0};
        ALKA_TRY(data_segment(parser, &segment));
        module->datas[i] = segment;
    }
    module->data_count = count;
    parser->has_data = true;
    return ALKA_OK;
}

alka_status section_code(struct parser *parser) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    const uint8_t *start = in->cursor, *at = start;
    uint32_t count = 0;
    ALKA_TRY(in_u32(in, &count));
    if (count != parser->defined_functions)
        return in_fail(in, ALKA_E_CODE_COUNT, at, parser->defined_functions, count);
    for (uint32_t i = 0; i < count; i++) {
        in->func_idx = module->imported_functions + i;
        at = in->cursor;
        uint32_t bytes = 0;
        ALKA_TRY(in_length(in, &bytes));
        if (bytes > module->limits->body_bytes)
            return in_fail(in, ALKA_E_LIMIT_BODY_BYTES, at, bytes, module->limits->body_bytes);
        module->functions[in->func_idx].body = (struct alka_piece){in_off(in, in->cursor), bytes};
        in->cursor += bytes;
        parser->known_bodies++;
    }
    in->func_idx = ALKA_DIAG_NONE;
    module->code_section = (struct alka_piece){in_off(in, start), (uint32_t)(in->end - start)};
    parser->has_code = true;
    return ALKA_OK;
}
