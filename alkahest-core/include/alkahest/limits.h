/*
 * Every count a module can name has a limit, checked before anything is allocated for it. The
 * defaults are those of the JavaScript embedding (https://www.w3.org/TR/wasm-js-api-2/#limits)
 * where it has one.
 */
#ifndef ALKAHEST_LIMITS_H
#define ALKAHEST_LIMITS_H

#include <stdint.h>

struct alka_limits {
    uint32_t module_bytes; /* at most ALKA_MODULE_BYTES_MAX: trap sites hold 27-bit offsets */
    uint32_t types;
    uint32_t functions; /* imported and defined */
    uint32_t imports;
    uint32_t exports;
    uint32_t globals;
    uint32_t tables;
    uint32_t memories;
    uint32_t tags;
    uint32_t data_segments;
    uint32_t element_segments;
    uint32_t params;        /* per function type */
    uint32_t results;       /* per function type or block */
    uint32_t struct_fields; /* per struct type */
    uint32_t locals;        /* per function, parameters included */
    uint32_t module_locals; /* all defined functions together: declaring a local costs no byte */
    uint32_t body_bytes;
    uint32_t nesting;       /* control frames per function */
    uint32_t operand_stack; /* values per function */
    uint32_t br_table_arms;
    uint32_t table_entries; /* what an instance may really allocate, per table */
    uint32_t memory_pages;  /* what an instance may really commit, per memory, in 64 KiB pages */
    uint32_t arena_bytes_per_module_byte; /* arenas may hold this multiple of the input plus
                                             arena_bytes_base */
    uint32_t arena_bytes_base;
};

#define ALKA_MODULE_BYTES_MAX ((UINT32_C(1) << 27) - 1)

extern const struct alka_limits alka_limits_default;

#endif
