/*
 * Room: parse. The frame of a module (specification 5.5): header, sections in order, and what must
 * agree between sections. In: hostile bytes. Out: module tables in the arena, or the first failure
 * by byte offset. Must never look into function bodies but to find an earlier failure.
 */
#include <alkahest/parse.h>

#include "check.h"
#include "sections.h"

void *memcpy(void *, const void *, size_t);
int memcmp(const void *, const void *, size_t);

struct section_kind {
    alka_status (*read)(struct parser *parser);
    uint8_t rank; /* sections must come in rising rank */
    uint8_t feature;
};

static const struct section_kind section_kinds[SECTION_COUNT] = {
    [SECTION_TYPE] = {section_type, 1, ALKA_FEATURE_MVP},
    [SECTION_IMPORT] = {section_import, 2, ALKA_FEATURE_MVP},
    [SECTION_FUNCTION] = {section_function, 3, ALKA_FEATURE_MVP},
    [SECTION_TABLE] = {section_table, 4, ALKA_FEATURE_MVP},
    [SECTION_MEMORY] = {section_memory, 5, ALKA_FEATURE_MVP},
    [SECTION_TAG] = {section_tag, 6, ALKA_FEATURE_EXCEPTIONS},
    [SECTION_GLOBAL] = {section_global, 7, ALKA_FEATURE_MVP},
    [SECTION_EXPORT] = {section_export, 8, ALKA_FEATURE_MVP},
    [SECTION_START] = {section_start, 9, ALKA_FEATURE_MVP},
    [SECTION_ELEMENT] = {section_element, 10, ALKA_FEATURE_MVP},
    [SECTION_DATA_COUNT] = {section_data_count, 11, ALKA_FEATURE_BULK_MEMORY},
    [SECTION_CODE] = {section_code, 12, ALKA_FEATURE_MVP},
    [SECTION_DATA] = {section_data, 13, ALKA_FEATURE_MVP},
};

alka_status parser_grow(struct parser *parser, void *array, size_t element_bytes, uint32_t count,
                        uint32_t more, uint32_t *room) {
    if (more <= *room - count)
        return ALKA_OK;
    uint32_t wanted = count + more; /* counts are below their limits: no overflow */
    if (wanted < *room * 2)
        wanted = *room * 2;
    void *old = *(void **)array, *fresh = NULL;
    ALKA_TRY(in_alloc(&parser->in, wanted, element_bytes, &fresh));
    if (count != 0)
        memcpy(fresh, old, count * element_bytes);
    *(void **)array = fresh;
    *room = wanted;
    return ALKA_OK;
}

alka_status parser_name(struct parser *parser, struct alka_span *out_name) {
    struct input *in = &parser->in;
    uint32_t bytes = 0;
    ALKA_TRY(in_length(in, &bytes));
    if (!utf8_is_valid(in->cursor, bytes))
        return in_fail(in, ALKA_E_UTF8, in->cursor, 0, 0);
    *out_name = (struct alka_span){in->cursor, bytes};
    in->cursor += bytes;
    return ALKA_OK;
}

static alka_status parse_header(struct input *in) {
    static const uint8_t magic[4] = {0, 'a', 's', 'm'}, version[4] = {1, 0, 0, 0};
    size_t bytes = (size_t)(in->end - in->base);
    if (bytes >= sizeof magic && memcmp(in->base, magic, sizeof magic) != 0)
        return in_fail(in, ALKA_E_MAGIC, in->base, 0, 0);
    if (bytes < sizeof magic + sizeof version)
        return in_fail(in, ALKA_E_UNEXPECTED_END, in->end, 0, 0);
    const uint8_t *at = in->base + sizeof magic;
    uint32_t found = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    if (memcmp(at, version, sizeof version) != 0)
        return in_fail(in, ALKA_E_VERSION, at, found, 0);
    in->cursor = at + sizeof version;
    return ALKA_OK;
}

static alka_status parse_custom(struct parser *parser) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    ALKA_TRY(parser_grow(parser, &module->customs, sizeof *module->customs, module->custom_count, 1,
                         &parser->customs_room));
    struct alka_custom_section *custom = &module->customs[module->custom_count];
    ALKA_TRY(parser_name(parser, &custom->name));
    custom->bytes = (struct alka_piece){in_off(in, in->cursor), (uint32_t)(in->end - in->cursor)};
    module->custom_count++;
    bool is_name = custom->name.size == 4 && memcmp(custom->name.data, "name", 4) == 0;
    if (is_name && parser->name_section.size == 0)
        parser->name_section = custom->bytes;
    in->cursor = in->end;
    return ALKA_OK;
}

/* One section; the input's extent is the module's before and after. */
static alka_status parse_section(struct parser *parser, uint32_t *rank) {
    struct input *in = &parser->in;
    const uint8_t *at = in->cursor, *module_end = in->end;
    uint8_t id = *in->cursor++;
    in->section_id = id;
    if (id >= SECTION_COUNT)
        return in_fail(in, ALKA_E_SECTION_ID, at, id, 0);
    const struct section_kind *kind = &section_kinds[id];
    enum alka_feature feature = (enum alka_feature)kind->feature;
    ALKA_TRY(id == SECTION_DATA_COUNT ? in_use_form(in, feature, at) : in_use(in, feature, at));
    if (id != SECTION_CUSTOM && kind->rank <= *rank)
        return in_fail(in, ALKA_E_SECTION_ORDER, at, id, 0);
    if (id != SECTION_CUSTOM)
        *rank = kind->rank;

    uint32_t bytes = 0;
    ALKA_TRY(in_length(in, &bytes));
    in->end = in->cursor + bytes;
    ALKA_TRY(id == SECTION_CUSTOM ? parse_custom(parser) : kind->read(parser));
    if (in->cursor != in->end) {
        uint64_t left = (uint64_t)(in->end - in->cursor);
        return in_fail(in, ALKA_E_SECTION_SIZE, in->cursor, left, 0);
    }
    in->end = module_end;
    return ALKA_OK;
}

/* What only the module's end can show. */
static alka_status parse_end(struct parser *parser) {
    struct input *in = &parser->in;
    in->section_id = ALKA_DIAG_NONE;
    if (!parser->has_code && parser->defined_functions != 0)
        return in_fail(in, ALKA_E_CODE_COUNT, in->end, parser->defined_functions, 0);
    if (!parser->has_data && in->module->has_data_count && in->module->data_count != 0)
        return in_fail(in, ALKA_E_DATA_COUNT, in->end, in->module->data_count, 0);
    return ALKA_OK;
}

static alka_status parse_sections(struct parser *parser) {
    struct input *in = &parser->in;
    uint32_t limit = in->module->limits->module_bytes;
    if (limit > ALKA_MODULE_BYTES_MAX)
        limit = ALKA_MODULE_BYTES_MAX;
    size_t bytes = in->module->bytes.size;
    if (bytes > limit)
        return in_fail(in, ALKA_E_LIMIT_MODULE_BYTES, in->base, bytes, limit);
    ALKA_TRY(parse_header(in));
    uint32_t rank = 0;
    while (in->cursor < in->end)
        ALKA_TRY(parse_section(parser, &rank));
    ALKA_TRY(parse_end(parser));
    return parser_names(parser);
}

alka_status alka_parse_module(struct alka_span bytes, alka_feature_set features,
                              const struct alka_limits *limits, struct alka_arena *arena,
                              struct alka_module *out_module, struct alka_diag *out_diag) {
    *out_module = (struct alka_module){.bytes = bytes,
                                       .limits = limits,
                                       .features_allowed = features,
                                       .start_function = ALKA_NO_INDEX};
    struct parser parser = {.has_code = false};
    in_init(&parser.in, out_module, arena, out_diag);
    alka_status status = parse_sections(&parser);
    if (status == ALKA_OK || parser.known_bodies == 0)
        return status;

    /* The first failure by offset wins: bodies come before what failed behind them. */
    struct alka_diag earlier;
    alka_status body_status = check_bodies(out_module, parser.known_bodies, arena, &earlier);
    if (body_status == ALKA_OK || body_status >= ALKA_E_OUT_OF_MEMORY)
        return status;
    *out_diag = earlier;
    return body_status;
}
