/*
 * The decoder's state and its section readers. Each reader gets the section's contents as the
 * input's extent and must leave the cursor behind the last byte it knows; parse.c compares that
 * with the section's size.
 */
#ifndef PARSE_SECTIONS_H
#define PARSE_SECTIONS_H

#include "export_names.h"
#include "input.h"

enum section_id {
    SECTION_CUSTOM = 0,
    SECTION_TYPE = 1,
    SECTION_IMPORT = 2,
    SECTION_FUNCTION = 3,
    SECTION_TABLE = 4,
    SECTION_MEMORY = 5,
    SECTION_GLOBAL = 6,
    SECTION_EXPORT = 7,
    SECTION_START = 8,
    SECTION_ELEMENT = 9,
    SECTION_CODE = 10,
    SECTION_DATA = 11,
    SECTION_DATA_COUNT = 12,
    SECTION_TAG = 13,
    SECTION_COUNT
};

struct parser {
    struct input in;
    /* How many elements the arrays of the index spaces can hold. */
    uint32_t functions_room, tables_room, memories_room, globals_room, tags_room, customs_room;
    uint32_t defined_functions; /* announced by the function section */
    uint32_t known_bodies;      /* whose extents the code section has told so far */
    bool has_code, has_data;
    struct export_names export_names;
    alka_valtype *constant_stack; /* for constant expressions; grows */
    uint32_t constant_room;
    struct alka_piece name_section; /* the first one; size 0: none */
    /* Distinct recursion groups by hash: first type + 1; and room for the words of two groups. */
    uint32_t *type_index, *type_words[2];
    uint32_t types_room, type_index_room, type_groups, type_words_room;
};

ALKA_MUST_CHECK alka_status section_type(struct parser *parser);
ALKA_MUST_CHECK alka_status section_import(struct parser *parser);
ALKA_MUST_CHECK alka_status section_function(struct parser *parser);
ALKA_MUST_CHECK alka_status section_table(struct parser *parser);
ALKA_MUST_CHECK alka_status section_memory(struct parser *parser);
ALKA_MUST_CHECK alka_status section_tag(struct parser *parser);
ALKA_MUST_CHECK alka_status section_global(struct parser *parser);
ALKA_MUST_CHECK alka_status section_export(struct parser *parser);
ALKA_MUST_CHECK alka_status section_start(struct parser *parser);
ALKA_MUST_CHECK alka_status section_element(struct parser *parser);
ALKA_MUST_CHECK alka_status section_data_count(struct parser *parser);
ALKA_MUST_CHECK alka_status section_code(struct parser *parser);
ALKA_MUST_CHECK alka_status section_data(struct parser *parser);

/* Makes room for `more` elements behind the first `count` of *array, which holds *room. */
ALKA_MUST_CHECK alka_status parser_grow(struct parser *parser, void *array /* T ** */,
                                        size_t element_bytes, uint32_t count, uint32_t more,
                                        uint32_t *room);

/* A name (5.2.4): UTF-8, borrowed. */
ALKA_MUST_CHECK alka_status parser_name(struct parser *parser, struct alka_span *out_name);
bool utf8_is_valid(const uint8_t *data, size_t bytes);

/* A constant expression (3.4.15) that yields `type`; the cursor ends behind its `end`. */
ALKA_MUST_CHECK alka_status parser_constant(struct parser *parser, alka_valtype type,
                                            struct alka_piece *out_piece);

/* The name section (appendix A.6): what is malformed in it is left out. Fails for want of memory
 * only. */
ALKA_MUST_CHECK alka_status parser_names(struct parser *parser);

#endif
