/*
 * Room: parse. The type section (specification 5.5.4) and the rules for type definitions (3.1.4,
 * 3.2.10–3.2.13). In: the section's bytes. Out: type definitions in which equal recursion groups
 * have become one, so that everybody after this compares types by their indices. Must compare a
 * group only with those that have its hash.
 */
#include "sections.h"
#include <alkahest/hash.h>

void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);

/* --- Reading. --- */

enum { TYPE_FUNC = 0x60, TYPE_STRUCT = 0x5F, TYPE_ARRAY = 0x5E };
enum { TYPE_SUB = 0x50, TYPE_SUB_FINAL = 0x4F, TYPE_REC = 0x4E };
enum { PACKED_I8 = 0x78, PACKED_I16 = 0x77 };

static alka_status types_result_type(struct parser *parser, uint32_t limit, alka_status limit_code,
                                     const alka_valtype **out_types, uint32_t *out_count) {
    struct input *in = &parser->in;
    uint32_t count = 0;
    ALKA_TRY(in_count(in, limit, limit_code, &count));
    alka_valtype *types = NULL;
    if (count != 0)
        ALKA_TRY(in_alloc(in, in_room(in, count, 1), sizeof *types, &types));
    for (uint32_t i = 0; i < count; i++) {
        alka_valtype type = 0;
        ALKA_TRY(in_valtype(in, &type));
        types[i] = type;
    }
    *out_types = types;
    *out_count = count;
    return ALKA_OK;
}

static alka_status types_read_function(struct parser *parser, struct alka_functype *out_type) {
    struct input *in = &parser->in;
    const struct alka_limits *limits = in->module->limits;
    ALKA_TRY(types_result_type(parser, limits->params, ALKA_E_LIMIT_PARAMS, &out_type->params,
                               &out_type->param_count));
    const uint8_t *results_at = in->cursor;
    ALKA_TRY(types_result_type(parser, limits->results, ALKA_E_LIMIT_RESULTS, &out_type->results,
                               &out_type->result_count));
    if (out_type->result_count > 1)
        return in_use(in, ALKA_FEATURE_MULTI_VALUE, results_at);
    return ALKA_OK;
}

static alka_status types_read_field(struct input *in, struct alka_field *out_field) {
    bool is_packed =
        in->cursor < in->end && (*in->cursor == PACKED_I8 || *in->cursor == PACKED_I16);
    if (is_packed) {
        out_field->packed_bits = *in->cursor++ == PACKED_I8 ? 8 : 16;
        out_field->type = ALKA_I32;
    } else {
        ALKA_TRY(in_valtype(in, &out_field->type));
    }
    return in_mutability(in, &out_field->is_mutable);
}

static alka_status types_read_fields(struct input *in, struct alka_type_def *def) {
    const struct alka_limits *limits = in->module->limits;
    uint32_t count = 1;
    if (def->form == ALKA_TYPE_STRUCT)
        ALKA_TRY(in_count(in, limits->struct_fields, ALKA_E_LIMIT_STRUCT_FIELDS, &count));
    struct alka_field *fields = NULL;
    if (count != 0)
        ALKA_TRY(in_alloc(in, in_room(in, count, 2) + 1, sizeof *fields, &fields));
    for (uint32_t i = 0; i < count; i++) {
        struct alka_field field = {.packed_bits = 0};
        ALKA_TRY(types_read_field(in, &field));
        fields[i] = field;
    }
    def->fields = fields;
    def->field_count = count;
    return ALKA_OK;
}

/* The supertypes: none, or one that is defined before (3.2.12). */
static alka_status types_read_super(struct input *in, uint32_t type_idx,
                                    struct alka_type_def *def) {
    const uint8_t *at = in->cursor;
    uint32_t count = 0, super = 0;
    ALKA_TRY(in_u32(in, &count));
    if (count > 1)
        return in_fail(in, ALKA_E_SUPERTYPE_COUNT, at, count, 0);
    if (count == 0)
        return ALKA_OK;
    at = in->cursor;
    ALKA_TRY(in_u32(in, &super));
    if (super >= type_idx)
        return in_fail(in, ALKA_E_UNKNOWN_TYPE, at, super, 0);
    def->supertype = in->module->type_defs[super].canonical;
    def->depth = in->module->type_defs[def->supertype].depth + 1;
    if (def->depth > ALKA_SUPERTYPES_MOST)
        return in_fail(in, ALKA_E_LIMIT_SUPERTYPES, at, def->depth, ALKA_SUPERTYPES_MOST);
    return ALKA_OK;
}

static alka_status types_read_form(struct input *in, uint8_t *out_form) {
    const uint8_t *at = in->cursor;
    ALKA_TRY(in_byte(in, out_form));
    switch (*out_form) {
    case TYPE_FUNC:
        return ALKA_OK;
    case TYPE_STRUCT:
    case TYPE_ARRAY:
    case TYPE_SUB:
    case TYPE_SUB_FINAL:
    case TYPE_REC:
        return in_use(in, ALKA_FEATURE_GC, at);
    default:
        return in_fail(in, ALKA_E_TYPE_FORM, at, *out_form, 0);
    }
}

/* One type, whose first byte was `form`. */
static alka_status types_read_type(struct parser *parser, uint8_t form, uint32_t type_idx) {
    struct input *in = &parser->in;
    struct alka_type_def *def = &in->module->type_defs[type_idx];
    const uint8_t *at = in->cursor - 1;
    if (form == TYPE_SUB || form == TYPE_SUB_FINAL) {
        def->is_final = form == TYPE_SUB_FINAL;
        ALKA_TRY(types_read_super(in, type_idx, def));
        at = in->cursor;
        ALKA_TRY(types_read_form(in, &form));
    }
    switch (form) {
    case TYPE_FUNC:
        def->form = ALKA_TYPE_FUNC;
        return types_read_function(parser, &in->module->types[type_idx]);
    case TYPE_STRUCT:
        def->form = ALKA_TYPE_STRUCT;
        return types_read_fields(in, def);
    case TYPE_ARRAY:
        def->form = ALKA_TYPE_ARRAY;
        return types_read_fields(in, def);
    default: /* a group or a sub in a sub */
        return in_fail(in, ALKA_E_TYPE_FORM, at, form, 0);
    }
}

/* --- Is a type what its supertype says? --- */

static bool types_function_extends(const struct alka_module *module,
                                   const struct alka_functype *type,
                                   const struct alka_functype *super) {
    if (type->param_count != super->param_count || type->result_count != super->result_count)
        return false;
    for (uint32_t i = 0; i < type->param_count; i++)
        if (!in_subtype(module, super->params[i], type->params[i]))
            return false;
    for (uint32_t i = 0; i < type->result_count; i++)
        if (!in_subtype(module, type->results[i], super->results[i]))
            return false;
    return true;
}

static bool types_field_extends(const struct alka_module *module, const struct alka_field *field,
                                const struct alka_field *super) {
    if (field->is_mutable != super->is_mutable || field->packed_bits != super->packed_bits)
        return false;
    return field->is_mutable ? field->type == super->type
                             : in_subtype(module, field->type, super->type);
}

static bool types_extends(const struct alka_module *module, uint32_t type_idx, uint32_t super_idx) {
    const struct alka_type_def *def = &module->type_defs[type_idx];
    const struct alka_type_def *super = &module->type_defs[super_idx];
    if (super->is_final || def->form != super->form)
        return false;
    if (def->form == ALKA_TYPE_FUNC)
        return types_function_extends(module, &module->types[type_idx], &module->types[super_idx]);
    if (def->field_count < super->field_count)
        return false;
    for (uint32_t i = 0; i < super->field_count; i++)
        if (!types_field_extends(module, &def->fields[i], &super->fields[i]))
            return false;
    return true;
}

/* --- Equal groups. --- */

enum { TYPES_INDEX_LEAST = 64 };

static alka_status types_words(struct parser *parser, uint32_t which, uint32_t group_first,
                               uint32_t *out_count) {
    *out_count = alka_type_group_words(parser->in.module, group_first, NULL, NULL);
    if (*out_count > parser->type_words_room) {
        uint32_t room = *out_count * 2;
        for (uint32_t i = 0; i < 2; i++)
            ALKA_TRY(in_alloc(&parser->in, room, sizeof(uint32_t), &parser->type_words[i]));
        parser->type_words_room = room;
    }
    (void)alka_type_group_words(parser->in.module, group_first, NULL, parser->type_words[which]);
    return ALKA_OK;
}

/* The place of the group whose words are at hand in the index, or the gap where it belongs. */
static uint32_t *types_place(struct parser *parser, uint32_t hash, uint32_t count) {
    const struct alka_type_def *defs = parser->in.module->type_defs;
    uint32_t mask = parser->type_index_room - 1;
    for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
        uint32_t *place = &parser->type_index[at];
        if (*place == 0 || count == 0)
            return place;
        uint32_t first = *place - 1;
        if (defs[first].group_hash != hash)
            continue;
        if (alka_type_group_words(parser->in.module, first, NULL, NULL) != count)
            continue;
        (void)alka_type_group_words(parser->in.module, first, NULL, parser->type_words[1]);
        if (memcmp(parser->type_words[0], parser->type_words[1], count * sizeof(uint32_t)) == 0)
            return place;
    }
}

static alka_status types_index_grow(struct parser *parser) {
    if (parser->type_groups * 2 < parser->type_index_room)
        return ALKA_OK;
    uint32_t old_room = parser->type_index_room;
    const uint32_t *old = parser->type_index;
    uint32_t room = old_room != 0 ? old_room * 2 : TYPES_INDEX_LEAST, mask = room - 1;
    ALKA_TRY(in_alloc(&parser->in, room, sizeof *old, &parser->type_index));
    parser->type_index_room = room;
    for (uint32_t i = 0; i < old_room; i++) {
        if (old[i] == 0)
            continue;
        uint32_t at = parser->in.module->type_defs[old[i] - 1].group_hash & mask;
        while (parser->type_index[at] != 0)
            at = (at + 1) & mask;
        parser->type_index[at] = old[i];
    }
    return ALKA_OK;
}

/* A group that is equal to an earlier one becomes that one. */
static alka_status types_unify(struct parser *parser, uint32_t group_first) {
    struct alka_module *module = parser->in.module;
    uint32_t count = 0, hash = ALKA_HASH_START;
    ALKA_TRY(types_index_grow(parser));
    ALKA_TRY(types_words(parser, 0, group_first, &count));
    for (uint32_t i = 0; i < count; i++)
        hash = alka_hash_word(hash, parser->type_words[0][i]);
    hash = alka_hash_end(hash);
    struct alka_type_def *defs = module->type_defs;
    defs[group_first].group_hash = hash;
    uint32_t *place = types_place(parser, hash, count);
    if (*place == 0) {
        *place = group_first + 1;
        parser->type_groups++;
        return ALKA_OK;
    }
    uint32_t equal_first = *place - 1, group_count = defs[group_first].group_count;
    memcpy(&defs[group_first], &defs[equal_first], group_count * sizeof *defs);
    memcpy(&module->types[group_first], &module->types[equal_first],
           group_count * sizeof *module->types);
    return ALKA_OK;
}

/* --- The section. --- */

static alka_status types_make_room(struct parser *parser, uint32_t more, const uint8_t *at) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    uint32_t limit = module->limits->types;
    if (more > limit - module->type_count)
        return in_fail(in, ALKA_E_LIMIT_TYPES, at, (uint64_t)module->type_count + more, limit);
    uint32_t room = parser->types_room; /* of both arrays */
    ALKA_TRY(parser_grow(parser, &module->types, sizeof *module->types, module->type_count, more,
                         &room));
    return parser_grow(parser, &module->type_defs, sizeof *module->type_defs, module->type_count,
                       more, &parser->types_room);
}

/* `count` types that may name each other; the first byte of the first one was `form`, if there was
 * no group around it. */
static alka_status types_read_group(struct parser *parser, uint32_t count, bool is_rec,
                                    uint8_t form, const uint8_t *at) {
    struct input *in = &parser->in;
    struct alka_module *module = in->module;
    /* Each takes two bytes at least; what a lying count wants is never made. */
    uint32_t first = module->type_count;
    ALKA_TRY(types_make_room(parser, is_rec ? in_room(in, count, 2) + 1 : 1, at));
    if (is_rec && count > in_room(in, count, 2))
        return in_fail(in, ALKA_E_END_OF_SECTION, in->end, 0, 0);
    for (uint32_t i = first; i < first + count; i++) {
        module->type_defs[i] = (struct alka_type_def){.supertype = ALKA_NO_INDEX,
                                                      .canonical = i,
                                                      .group_first = first,
                                                      .group_count = count,
                                                      .is_final = true};
        memset(&module->types[i], 0, sizeof module->types[i]);
    }
    module->type_count = first + count;
    for (uint32_t i = first; i < first + count; i++) {
        if (is_rec)
            ALKA_TRY(types_read_form(in, &form));
        ALKA_TRY(types_read_type(parser, form, i));
    }
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t super = module->type_defs[i].supertype;
        if (super != ALKA_NO_INDEX && !types_extends(module, i, super))
            return in_fail(in, ALKA_E_SUPERTYPE, at, i, super);
    }
    return count != 0 ? types_unify(parser, first) : ALKA_OK;
}

alka_status section_type(struct parser *parser) {
    struct input *in = &parser->in;
    uint32_t groups = 0;
    ALKA_TRY(in_count(in, in->module->limits->types, ALKA_E_LIMIT_TYPES, &groups));
    ALKA_TRY(types_make_room(parser, in_room(in, groups, 3), in->cursor));
    for (; groups != 0; groups--) {
        const uint8_t *at = in->cursor;
        uint8_t form = 0;
        uint32_t count = 1;
        ALKA_TRY(types_read_form(in, &form));
        if (form == TYPE_REC)
            ALKA_TRY(in_count(in, in->module->limits->types, ALKA_E_LIMIT_TYPES, &count));
        ALKA_TRY(types_read_group(parser, count, form == TYPE_REC, form, at));
    }
    return ALKA_OK;
}
