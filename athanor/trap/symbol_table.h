/* The table of function names that tools/symbols.py makes. */
#ifndef ATHANOR_SYMBOL_TABLE_H
#define ATHANOR_SYMBOL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYMBOL_CODES 256u
/* Every name fits, with its end; longer ones are cut. */
#define SYMBOL_NAME_BYTES 64u

/* What a code stands for: a character (second == 0), or two codes below it. */
struct symbol_code {
    uint8_t first, second;
};

struct symbol_table {
    const struct symbol_code *codes; /* SYMBOL_CODES of them */
    const uint8_t *entries, *end;    /* functions: size (LEB128), codes of the name, 0 */
};

/* The function that has the byte `text_off` of the text, and how far into it that is. False if none
 * has. Whatever the table's bytes are: ends, reads nothing beyond it, and writes no more than
 * SYMBOL_NAME_BYTES. */
bool symbol_table_find(const struct symbol_table *table, uint64_t text_off,
                       char out_name[SYMBOL_NAME_BYTES], uint64_t *out_off);

#endif
