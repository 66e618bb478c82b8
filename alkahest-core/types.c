/*
 * Room: core. Subtyping (specification 3.3) over any space of defined types, and what makes two
 * recursion groups equal. In: types. Out: yes or no, words. Knows neither modules' bytes nor the
 * linker's table.
 */
#include <alkahest/module.h>
#include <stddef.h>

/* --- Subtyping. --- */

bool alka_type_extends(const struct alka_type_space *space, uint32_t index, uint32_t super) {
    while (index != super) {
        index = space->at(space->self, index).supertype;
        if (index == ALKA_NO_INDEX)
            return false;
    }
    return true;
}

static bool types_is_defined(uint32_t heap) { return heap < ALKA_HEAP_FUNC; }

static bool types_has_form(const struct alka_type_space *space, uint32_t heap,
                           enum alka_type_form form) {
    return types_is_defined(heap) && space->at(space->self, heap).form == form;
}

/* `super`: an abstract heap type. */
static bool types_matches_abstract(const struct alka_type_space *space, uint32_t heap,
                                   uint32_t super) {
    bool is_data = heap == ALKA_HEAP_STRUCT || heap == ALKA_HEAP_ARRAY ||
                   types_has_form(space, heap, ALKA_TYPE_STRUCT) ||
                   types_has_form(space, heap, ALKA_TYPE_ARRAY);
    switch (super) {
    case ALKA_HEAP_ANY:
        return is_data || heap == ALKA_HEAP_EQ || heap == ALKA_HEAP_I31 || heap == ALKA_HEAP_NONE;
    case ALKA_HEAP_EQ:
        return is_data || heap == ALKA_HEAP_I31 || heap == ALKA_HEAP_NONE;
    case ALKA_HEAP_I31:
        return heap == ALKA_HEAP_NONE;
    case ALKA_HEAP_STRUCT:
        return heap == ALKA_HEAP_NONE || types_has_form(space, heap, ALKA_TYPE_STRUCT);
    case ALKA_HEAP_ARRAY:
        return heap == ALKA_HEAP_NONE || types_has_form(space, heap, ALKA_TYPE_ARRAY);
    case ALKA_HEAP_FUNC:
        return heap == ALKA_HEAP_NOFUNC || types_has_form(space, heap, ALKA_TYPE_FUNC);
    case ALKA_HEAP_EXTERN:
        return heap == ALKA_HEAP_NOEXTERN;
    case ALKA_HEAP_EXN:
        return heap == ALKA_HEAP_NOEXN;
    default:
        return false;
    }
}

bool alka_heap_matches(const struct alka_type_space *space, uint32_t heap, uint32_t super) {
    if (heap == super)
        return true;
    if (!types_is_defined(super))
        return types_matches_abstract(space, heap, super);
    if (types_is_defined(heap))
        return alka_type_extends(space, heap, super);
    bool is_func = types_has_form(space, super, ALKA_TYPE_FUNC);
    return heap == (is_func ? ALKA_HEAP_NOFUNC : ALKA_HEAP_NONE);
}

bool alka_type_matches(const struct alka_type_space *space, alka_valtype type, alka_valtype super) {
    if (type == super || type == ALKA_BOTTOM)
        return true;
    if (!alka_valtype_is_ref(type) || !alka_valtype_is_ref(super))
        return false;
    if (alka_valtype_is_nullable(type) && !alka_valtype_is_nullable(super))
        return false;
    return alka_heap_matches(space, alka_valtype_heap(type), alka_valtype_heap(super));
}

static struct alka_type_node types_of_module(const void *self, uint32_t index) {
    const struct alka_type_def *def = &((const struct alka_module *)self)->type_defs[index];
    return (struct alka_type_node){def->supertype, def->form};
}

struct alka_type_space alka_module_types(const struct alka_module *module) {
    return (struct alka_type_space){module, types_of_module};
}

/* --- Groups as words. --- */

struct words {
    uint32_t *out; /* NULL: only count */
    uint32_t count;
    const struct alka_type_def *group;
    const uint32_t *ids;
};

static void words_add(struct words *words, uint32_t word) {
    if (words->out)
        words->out[words->count] = word;
    words->count++;
}

static uint32_t words_map(const struct words *words, uint32_t index) {
    uint32_t place = index - words->group->group_first;
    if (place < words->group->group_count)
        return ALKA_TYPE_IN_GROUP | place;
    return words->ids ? words->ids[index] : index;
}

static void words_add_type(struct words *words, alka_valtype type) {
    if (alka_valtype_is_defined(type))
        type = ALKA_REF(words_map(words, alka_valtype_heap(type)), alka_valtype_is_nullable(type));
    words_add(words, type);
}

static void words_add_function(struct words *words, const struct alka_functype *type) {
    words_add(words, type->param_count);
    words_add(words, type->result_count);
    for (uint32_t i = 0; i < type->param_count; i++)
        words_add_type(words, type->params[i]);
    for (uint32_t i = 0; i < type->result_count; i++)
        words_add_type(words, type->results[i]);
}

static void words_add_fields(struct words *words, const struct alka_type_def *def) {
    words_add(words, def->field_count);
    for (uint32_t i = 0; i < def->field_count; i++) {
        words_add_type(words, def->fields[i].type);
        words_add(words, def->fields[i].packed_bits | (uint32_t)def->fields[i].is_mutable << 8);
    }
}

/* NOLINTBEGIN(readability-non-const-parameter): `out` is written, through `words` */
uint32_t alka_type_group_words(const struct alka_module *module, uint32_t group_first,
                               const uint32_t *ids, uint32_t *out) {
    /* NOLINTEND(readability-non-const-parameter) */
    struct words words = {.out = out, .group = &module->type_defs[group_first], .ids = ids};
    words_add(&words, words.group->group_count);
    for (uint32_t i = 0; i < words.group->group_count; i++) {
        const struct alka_type_def *def = &words.group[i];
        words_add(&words, (uint32_t)def->form | (uint32_t)def->is_final << 8);
        words_add(&words, def->supertype == ALKA_NO_INDEX ? ALKA_NO_INDEX
                                                          : words_map(&words, def->supertype));
        if (def->form == ALKA_TYPE_FUNC)
            words_add_function(&words, &module->types[group_first + i]);
        else
            words_add_fields(&words, def);
    }
    return words.count;
}
