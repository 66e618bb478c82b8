/*
 * Module tables: what alkahest-parse makes of the bytes and everybody after it reads. All of it
 * lives in the session's arena; spans point into the borrowed module bytes. Index spaces list
 * imports first (specification 2.5).
 */
#ifndef ALKAHEST_MODULE_H
#define ALKAHEST_MODULE_H

#include <alkahest/features.h>
#include <alkahest/limits.h>
#include <alkahest/span.h>
#include <alkahest/types.h>
#include <stdbool.h>
#include <stdint.h>

#define ALKA_NO_INDEX UINT32_MAX

enum alka_extern_kind {
    ALKA_EXTERN_FUNC,
    ALKA_EXTERN_TABLE,
    ALKA_EXTERN_MEMORY,
    ALKA_EXTERN_GLOBAL,
    ALKA_EXTERN_TAG,
};

/* A run of module bytes. For constant expressions: validated, the closing `end` included. */
struct alka_piece {
    uint32_t off, size; /* bytes, from the start of the module */
};

/*
 * A type definition (specification 2.3.13). Types that are equal (3.1.4: iso-recursive) are one:
 * every index of the tables, and every reference type, names the first of them.
 */
struct alka_type_def {
    uint32_t supertype;                /* ALKA_NO_INDEX if there is none */
    uint32_t canonical;                /* the first type that is equal to this one */
    uint32_t group_first, group_count; /* of its recursion group */
    uint32_t depth;                    /* supertypes above it */
    uint32_t group_hash;               /* private to the parser */
    enum alka_type_form form;
    bool is_final;
    uint32_t field_count; /* ARRAY: 1 */
    const struct alka_field *fields;
};

struct alka_import {
    struct alka_span module, name; /* UTF-8, checked */
    enum alka_extern_kind kind;
    uint32_t index; /* in the index space of its kind */
    uint32_t off;   /* of the import, for diagnostics */
};

struct alka_export {
    struct alka_span name; /* UTF-8, checked, unique */
    enum alka_extern_kind kind;
    uint32_t index;
};

struct alka_function {
    uint32_t type_idx;
    bool imported;
    bool declared_ref; /* may be named by ref.func (specification 3.4.?, "refs" of the context) */
    struct alka_piece body; /* defined: local declarations and expression; zero if imported */
};

struct alka_table_def {
    alka_valtype type;
    struct alka_range range;
    bool imported, exported;
    bool mutated;           /* may change after instantiation: imported or exported; also set when a
                               validated body has table.set, grow, fill, copy or init */
    struct alka_piece init; /* size 0: null */
};

struct alka_memory_def {
    struct alka_range range; /* 64 KiB pages */
    bool imported, exported;
};

struct alka_global_def {
    alka_valtype type;
    bool is_mutable, imported, exported;
    struct alka_piece init; /* size 0 if imported */
};

struct alka_tag_def {
    uint32_t type_idx; /* parameters: what an exception carries; no results */
    bool imported;
};

enum alka_segment_mode { ALKA_SEGMENT_ACTIVE, ALKA_SEGMENT_PASSIVE, ALKA_SEGMENT_DECLARATIVE };

struct alka_element_segment {
    enum alka_segment_mode mode;
    alka_valtype type;
    uint32_t table_idx;
    struct alka_piece offset; /* constant expression; size 0 unless active */
    uint32_t count;
    bool is_exprs; /* items: `count` constant expressions one after the other, else `count` LEB128
                      function indices */
    struct alka_piece items; /* validated */
};

struct alka_data_segment {
    enum alka_segment_mode mode;
    uint32_t memory_idx;
    struct alka_piece offset; /* constant expression; size 0 unless active */
    struct alka_piece bytes;
};

struct alka_custom_section {
    struct alka_span name;
    struct alka_piece bytes; /* behind the name */
};

struct alka_module {
    struct alka_span bytes; /* borrowed: must outlive the module tables */
    const struct alka_limits *limits;
    alka_feature_set features_allowed, features_used;

    struct alka_functype *types; /* of FUNC forms; empty for others */
    struct alka_type_def *type_defs;
    struct alka_import *imports;
    struct alka_function *functions;
    struct alka_table_def *tables;
    struct alka_memory_def *memories;
    struct alka_global_def *globals;
    struct alka_tag_def *tags;
    struct alka_export *exports;
    struct alka_element_segment *elements;
    struct alka_data_segment *datas;
    struct alka_custom_section *customs;
    uint32_t type_count, import_count, function_count, table_count, memory_count, global_count,
        tag_count;
    uint32_t export_count, element_count, data_count, custom_count;
    uint32_t imported_functions, imported_tables, imported_memories, imported_globals,
        imported_tags;
    uint32_t start_function; /* ALKA_NO_INDEX if there is none */
    bool has_data_count;
    struct alka_piece code_section; /* contents; size 0 if there is none */
    uint64_t validated_locals;      /* declared by the bodies validated so far */
    uint32_t object_constant_off;   /* of a constant expression's first struct or array; 0: none */

    struct alka_span module_name;     /* from the name section; empty if there is none */
    struct alka_span *function_names; /* function_count of them, empty where unnamed; NULL without a
                                         name section */
};

/* The module's types, for alka_type_matches. */
struct alka_type_space alka_module_types(const struct alka_module *module);

/*
 * A recursion group as words that are equal when the groups are: types outside of it as `ids` says
 * (NULL: as they are), those inside by their place in it. Returns how many words; writes them to
 * `out` unless it is NULL.
 */
uint32_t alka_type_group_words(const struct alka_module *module, uint32_t group_first,
                               const uint32_t *ids, uint32_t *out);
/* In those words: a place in the group, not an index. Indices are below. */
#define ALKA_TYPE_IN_GROUP UINT32_C(0x400000)

static inline const struct alka_functype *alka_tag_type(const struct alka_module *module,
                                                        uint32_t tag_idx) {
    return &module->types[module->tags[tag_idx].type_idx];
}

static inline const struct alka_functype *alka_function_type(const struct alka_module *module,
                                                             uint32_t func_idx) {
    return &module->types[module->functions[func_idx].type_idx];
}

#endif
