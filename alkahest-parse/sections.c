/*
 * Room: parse. The sections that declare things but types: imports, functions, tables, memories,
 * globals, exports, start (specification 5.5.4–5.5.11), checked as they are read (3.2, 3.4). In: a
 * section's bytes. Out: the module's tables. Must never allocate for a count that the bytes left
 * cannot fill.
 */
#include "sections.h"

enum { LIMITS_HAS_MAX = 1, LIMITS_SHARED = 2, LIMITS_64 = 4 };

/* Limits of a table or memory (5.3.8); shared ones are memories only. */
static alka_status section_limits(struct parser *parser, bool is_memory,
                                  struct alka_range *out_range) {
    struct input *in = &parser->in;
    const uint8_t *at = in->cursor;
    uint8_t flags = 0;
    ALKA_TRY(in_byte(in, &flags));
    if (flags > (LIMITS_HAS_MAX | LIMITS_SHARED | LIMITS_64) ||
        (!is_memory && (flags & LIMITS_SHARED)))
        return in_fail(in, ALKA_E_LIMITS_FLAGS, at, flags, 0);
    if (flags & LIMITS_SHARED)
        ALKA_TRY(in_use(in, ALKA_FEATURE_THREADS, at));
    if (flags & LIMITS_64)
        ALKA_TRY(in_use(in, ALKA_FEATURE_MEMORY64, at));
    *out_range = (struct alka_range){.max = UINT64_MAX,
                                     .has_max = (flags & LIMITS_HAS_MAX) != 0,
                                     .shared = (flags & LIMITS_SHARED) != 0,
                                     .is_64 = (flags & LIMITS_64) != 0};
    /* Since there are 64-bit ones, every limit is written as a 64-bit number. */
    uint32_t bits = in_may_use(in, ALKA_FEATURE_MEMORY64) ? 64 : 32;
    ALKA_TRY(in_unsigned(in, bits, &out_range->min));
    if (out_range->has_max)
        ALKA_TRY(in_unsigned(in, bits, &out_range->max));
    if (out_range->shared && !out_range->has_max)
        return in_fail(in, ALKA_E_SHARED_MAXIMUM, at, 0, 0);
    return ALKA_OK;
}

static alka_status section_check_order(struct parser *parser, const struct alka_range *range,
                                       const uint8_t *at) {
    if (range->min > range->max)
        return in_fail(&parser->in, ALKA_E_LIMITS_ORDER, at, range->min, range->max);
    return ALKA_OK;
}

/* A table with 32-bit indices; only since limits are 64-bit numbers can they say more. */
static alka_status section_check_entries(struct parser *parser, const struct alka_range *range,
                                         const uint8_t *at) {
    if (!range->is_64 && range->min > UINT32_MAX)
        return in_fail(&parser->in, ALKA_E_TABLE_SIZE, at, range->min, 0);
    if (!range->is_64 && range->has_max && range->max > UINT32_MAX)
        return in_fail(&parser->in, ALKA_E_TABLE_SIZE, at, range->max, 0);
    return section_check_order(parser, range, at);
}

static alka_status section_add_table(struct parser *parser, bool imported) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    const uint8_t *at = in->cursor;
    struct alka_table_def table = {.imported = imported, .mutated = imported};
    /* 0x40 0x00: a table whose entries start as something else than null (5.5.7). */
    bool has_init = !imported && in->cursor < in->end && *in->cursor == 0x40;
    if (has_init) {
        ALKA_TRY(in_use(in, ALKA_FEATURE_FUNCTION_REFERENCES, at));
        in->cursor++;
        ALKA_TRY(in_zero_byte(in));
    }
    if (module->table_count == 1)
        ALKA_TRY(in_use_or(in, ALKA_FEATURE_REFERENCE_TYPES, ALKA_E_MULTIPLE_TABLES, at));
    if (module->table_count >= module->limits->tables)
        return in_fail(in, ALKA_E_LIMIT_TABLES, at, module->table_count + 1,
                       module->limits->tables);
    ALKA_TRY(in_reftype(in, &table.type));
    const uint8_t *limits_at = in->cursor;
    ALKA_TRY(section_limits(parser, false, &table.range));
    ALKA_TRY(section_check_entries(parser, &table.range, limits_at));
    if (has_init)
        ALKA_TRY(parser_constant(parser, table.type, &table.init));
    else if (!imported && !alka_valtype_has_default(table.type))
        return in_fail(in, ALKA_E_TABLE_NO_DEFAULT, at, table.type, 0);
    ALKA_TRY(parser_grow(parser, &module->tables, sizeof *module->tables, module->table_count, 1,
                         &parser->tables_room));
    module->tables[module->table_count++] = table;
    return ALKA_OK;
}

/* 4 GiB, and 2^64 bytes, in pages. */
static const uint64_t section_memory32_pages = UINT64_C(1) << 16;
static const uint64_t section_memory64_pages = UINT64_C(1) << 48;

static alka_status section_check_pages(struct parser *parser, const struct alka_range *range,
                                       const uint8_t *at) {
    uint64_t most = range->is_64 ? section_memory64_pages : section_memory32_pages;
    alka_status code = range->is_64 ? ALKA_E_MEMORY64_SIZE : ALKA_E_MEMORY_SIZE;
    if (range->min > most)
        return in_fail(&parser->in, code, at, range->min, 0);
    if (range->has_max && range->max > most)
        return in_fail(&parser->in, code, at, range->max, 0);
    return section_check_order(parser, range, at);
}

static alka_status section_add_memory(struct parser *parser, bool imported) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    const uint8_t *at = in->cursor;
    struct alka_memory_def memory = {.imported = imported};
    if (module->memory_count == 1)
        ALKA_TRY(in_use_or(in, ALKA_FEATURE_MULTI_MEMORY, ALKA_E_MULTIPLE_MEMORIES, at));
    if (module->memory_count >= module->limits->memories)
        return in_fail(in, ALKA_E_LIMIT_MEMORIES, at, module->memory_count + 1,
                       module->limits->memories);
    ALKA_TRY(section_limits(parser, true, &memory.range));
    ALKA_TRY(section_check_pages(parser, &memory.range, at));
    ALKA_TRY(parser_grow(parser, &module->memories, sizeof *module->memories, module->memory_count,
                         1, &parser->memories_room));
    module->memories[module->memory_count++] = memory;
    return ALKA_OK;
}

static alka_status section_global_type(struct parser *parser, struct alka_global_def *out_global) {
    struct input *in = &parser->in;
    ALKA_TRY(in_valtype(in, &out_global->type));
    return in_mutability(in, &out_global->is_mutable);
}

static alka_status section_add_global(struct parser *parser, bool imported) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    const uint8_t *at = in->cursor;
    struct alka_global_def global = {.imported = imported};
    if (module->global_count >= module->limits->globals)
        return in_fail(in, ALKA_E_LIMIT_GLOBALS, at, module->global_count + 1,
                       module->limits->globals);
    ALKA_TRY(section_global_type(parser, &global));
    if (imported && global.is_mutable)
        ALKA_TRY(in_use(in, ALKA_FEATURE_MUTABLE_GLOBALS, at));
    if (!imported)
        ALKA_TRY(parser_constant(parser, global.type, &global.init));
    ALKA_TRY(parser_grow(parser, &module->globals, sizeof *module->globals, module->global_count, 1,
                         &parser->globals_room));
    module->globals[module->global_count++] = global;
    return ALKA_OK;
}

static alka_status section_add_function(struct parser *parser, bool imported) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    const uint8_t *at = in->cursor;
    struct alka_function function = {.imported = imported};
    if (module->function_count >= module->limits->functions)
        return in_fail(in, ALKA_E_LIMIT_FUNCTIONS, at, module->function_count + 1,
                       module->limits->functions);
    ALKA_TRY(in_function_type(in, at, &function.type_idx));
    ALKA_TRY(parser_grow(parser, &module->functions, sizeof *module->functions,
                         module->function_count, 1, &parser->functions_room));
    module->functions[module->function_count++] = function;
    return ALKA_OK;
}

/* A tag (5.5.16): its attribute says that it is of exceptions. */
static alka_status section_add_tag(struct parser *parser, bool imported) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    const uint8_t *at = in->cursor;
    struct alka_tag_def tag = {.imported = imported};
    uint8_t attribute = 0;
    if (module->tag_count >= module->limits->tags)
        return in_fail(in, ALKA_E_LIMIT_TAGS, at, module->tag_count + 1, module->limits->tags);
    ALKA_TRY(in_byte(in, &attribute));
    if (attribute != 0)
        return in_fail(in, ALKA_E_TAG_ATTRIBUTE, at, attribute, 0);
    const uint8_t *type_at = in->cursor;
    ALKA_TRY(in_function_type(in, type_at, &tag.type_idx));
    if (module->types[tag.type_idx].result_count != 0)
        return in_fail(in, ALKA_E_TAG_RESULTS, type_at, module->tag_count, 0);
    ALKA_TRY(parser_grow(parser, &module->tags, sizeof *module->tags, module->tag_count, 1,
                         &parser->tags_room));
    module->tags[module->tag_count++] = tag;
    return ALKA_OK;
}

/* Reads what an import is (5.5.5) into the index space of its kind. */
static alka_status section_import_item(struct parser *parser, uint8_t kind, const uint8_t *at,
                                       uint32_t *out_index) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    switch (kind) {
    case ALKA_EXTERN_FUNC:
        *out_index = module->imported_functions++;
        return section_add_function(parser, true);
    case ALKA_EXTERN_TABLE:
        *out_index = module->imported_tables++;
        return section_add_table(parser, true);
    case ALKA_EXTERN_MEMORY:
        *out_index = module->imported_memories++;
        return section_add_memory(parser, true);
    case ALKA_EXTERN_GLOBAL:
        *out_index = module->imported_globals++;
        return section_add_global(parser, true);
    case ALKA_EXTERN_TAG:
        ALKA_TRY(in_use(in, ALKA_FEATURE_EXCEPTIONS, at));
        *out_index = module->imported_tags++;
        return section_add_tag(parser, true);
    default:
        return in_fail(in, ALKA_E_IMPORT_KIND, at, kind, 0);
    }
}

static alka_status section_add_import(struct parser *parser) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    struct alka_import import = {.off = in_off(in, in->cursor)};
    ALKA_TRY(parser_name(parser, &import.module));
    ALKA_TRY(parser_name(parser, &import.name));
    const uint8_t *at = in->cursor;
    uint8_t kind = 0;
    ALKA_TRY(in_byte(in, &kind));
    ALKA_TRY(section_import_item(parser, kind, at, &import.index));
    import.kind = (enum alka_extern_kind)kind;
    module->imports[module->import_count++] = import;
    return ALKA_OK;
}

alka_status section_import(struct parser *parser) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    uint32_t count = 0;
    ALKA_TRY(in_count(in, module->limits->imports, ALKA_E_LIMIT_IMPORTS, &count));
    ALKA_TRY(in_alloc(in, in_room(in, count, 4), sizeof *module->imports, &module->imports));
    for (; count != 0; count--)
        ALKA_TRY(section_add_import(parser));
    return ALKA_OK;
}

/* A vector of definitions that `add` reads one by one. */
static alka_status section_definitions(struct parser *parser, uint32_t limit,
                                       alka_status limit_code,
                                       alka_status (*add)(struct parser *, bool imported)) {
    uint32_t count = 0;
    ALKA_TRY(in_count(&parser->in, limit, limit_code, &count));
    for (uint32_t i = 0; i < count; i++)
        ALKA_TRY(add(parser, false));
    return ALKA_OK;
}

alka_status section_function(struct parser *parser) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    uint32_t *count = &parser->defined_functions;
    ALKA_TRY(in_count(in, module->limits->functions, ALKA_E_LIMIT_FUNCTIONS, count));
    /* One byte per function: reserve at once instead of growing. */
    ALKA_TRY(parser_grow(parser, &module->functions, sizeof *module->functions,
                         module->function_count, in_room(in, *count, 1), &parser->functions_room));
    for (uint32_t i = 0; i < *count; i++)
        ALKA_TRY(section_add_function(parser, false));
    return ALKA_OK;
}

alka_status section_table(struct parser *parser) {
    return section_definitions(parser, parser->in.module->limits->tables, ALKA_E_LIMIT_TABLES,
                               section_add_table);
}

alka_status section_memory(struct parser *parser) {
    return section_definitions(parser, parser->in.module->limits->memories, ALKA_E_LIMIT_MEMORIES,
                               section_add_memory);
}

alka_status section_tag(struct parser *parser) {
    return section_definitions(parser, parser->in.module->limits->tags, ALKA_E_LIMIT_TAGS,
                               section_add_tag);
}

alka_status section_global(struct parser *parser) {
    return section_definitions(parser, parser->in.module->limits->globals, ALKA_E_LIMIT_GLOBALS,
                               section_add_global);
}

/* How many things of a kind there are, and what to say when an index is none of them. */
static uint32_t section_extern_count(const struct alka_module *module, enum alka_extern_kind kind,
                                     alka_status *out_unknown) {
    switch (kind) {
    case ALKA_EXTERN_FUNC:
        *out_unknown = ALKA_E_UNKNOWN_FUNCTION;
        return module->function_count;
    case ALKA_EXTERN_TABLE:
        *out_unknown = ALKA_E_UNKNOWN_TABLE;
        return module->table_count;
    case ALKA_EXTERN_MEMORY:
        *out_unknown = ALKA_E_UNKNOWN_MEMORY;
        return module->memory_count;
    case ALKA_EXTERN_GLOBAL:
        *out_unknown = ALKA_E_UNKNOWN_GLOBAL;
        return module->global_count;
    case ALKA_EXTERN_TAG:
        *out_unknown = ALKA_E_UNKNOWN_TAG;
        return module->tag_count;
    }
    *out_unknown = ALKA_E_EXPORT_KIND;
    return 0;
}

/* What is exported may be reached, or changed, from outside. */
static alka_status section_mark_exported(struct parser *parser, const struct alka_export *export,
                                         const uint8_t *at) {
    struct alka_module *module = parser->in.module;
    switch (export->kind) {
    case ALKA_EXTERN_FUNC:
        module->functions[export->index].declared_ref = true;
        return ALKA_OK;
    case ALKA_EXTERN_TABLE:
        module->tables[export->index].exported = true;
        module->tables[export->index].mutated = true;
        return ALKA_OK;
    case ALKA_EXTERN_MEMORY:
        module->memories[export->index].exported = true;
        return ALKA_OK;
    case ALKA_EXTERN_GLOBAL:
        module->globals[export->index].exported = true;
        if (module->globals[export->index].is_mutable)
            return in_use(&parser->in, ALKA_FEATURE_MUTABLE_GLOBALS, at);
        return ALKA_OK;
    case ALKA_EXTERN_TAG:
        break;
    }
    return ALKA_OK;
}

static alka_status section_export_item(struct parser *parser) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    struct alka_export *export = &module->exports[module->export_count];
    const uint8_t *name_at = in->cursor;
    ALKA_TRY(parser_name(parser, &export->name));
    if (!export_names_add(&parser->export_names, module->exports, module->export_count))
        return in_fail(in, ALKA_E_DUPLICATE_EXPORT, name_at, 0, 0);

    const uint8_t *at = in->cursor;
    uint8_t kind = 0;
    ALKA_TRY(in_byte(in, &kind));
    if (kind > ALKA_EXTERN_TAG)
        return in_fail(in, ALKA_E_EXPORT_KIND, at, kind, 0);
    export->kind = (enum alka_extern_kind)kind;
    if (export->kind == ALKA_EXTERN_TAG)
        ALKA_TRY(in_use(in, ALKA_FEATURE_EXCEPTIONS, at));
    const uint8_t *index_at = in->cursor;
    ALKA_TRY(in_u32(in, &export->index));
    alka_status unknown;
    if (export->index >= section_extern_count(module, export->kind, &unknown))
        return in_fail(in, unknown, index_at, export->index, 0);
    ALKA_TRY(section_mark_exported(parser, export, at));
    module->export_count++;
    return ALKA_OK;
}

alka_status section_export(struct parser *parser) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    uint32_t count = 0;
    ALKA_TRY(in_count(in, module->limits->exports, ALKA_E_LIMIT_EXPORTS, &count));
    /* One element more than can be: an item is written before its last byte is read. */
    uint32_t room = in_room(in, count, 3) + 1;
    struct export_node *nodes = NULL;
    ALKA_TRY(in_alloc(in, room, sizeof *nodes, &nodes));
    ALKA_TRY(in_alloc(in, room, sizeof *module->exports, &module->exports));
    export_names_init(&parser->export_names, nodes);
    for (; count != 0; count--)
        ALKA_TRY(section_export_item(parser));
    return ALKA_OK;
}

alka_status section_start(struct parser *parser) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    const uint8_t *at = in->cursor;
    uint32_t func_idx = 0;
    ALKA_TRY(in_u32(in, &func_idx));
    if (func_idx >= module->function_count)
        return in_fail(in, ALKA_E_UNKNOWN_FUNCTION, at, func_idx, 0);
    const struct alka_functype *type = alka_function_type(module, func_idx);
    if (type->param_count != 0 || type->result_count != 0)
        return in_fail(in, ALKA_E_START_TYPE, at, func_idx, 0);
    module->start_function = func_idx;
    return ALKA_OK;
}
