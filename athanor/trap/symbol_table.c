/*
 * Reads the table that tools/symbols.py makes, from its beginning: a few thousand steps for what is
 * asked in a backtrace only. In: an offset in the text. Out: a name. Must not trust the table: the
 * kernel that asks may be damaged.
 */
#include "trap/symbol_table.h"
#include <alkahest/leb128.h>

#define SYMBOL_CODES_WAITING 16u

struct symbol_name {
    char *bytes;
    uint32_t length;
};

static void symbol_expand(const struct symbol_table *table, uint8_t first_code,
                          struct symbol_name *name) {
    uint8_t waiting[SYMBOL_CODES_WAITING] = {first_code};
    uint32_t count = 1;
    while (count > 0 && name->length < SYMBOL_NAME_BYTES - 1) {
        uint8_t code = waiting[--count];
        struct symbol_code parts = table->codes[code];
        if (parts.second == 0) {
            name->bytes[name->length++] = (char)parts.first;
        } else if (parts.first < code && parts.second < code && count + 2 <= SYMBOL_CODES_WAITING) {
            waiting[count++] = parts.second;
            waiting[count++] = parts.first;
        }
    }
}

bool symbol_table_find(const struct symbol_table *table, uint64_t text_off,
                       char out_name[SYMBOL_NAME_BYTES], uint64_t *out_off) {
    const uint8_t *at = table->entries;
    uint64_t start = 0, size;
    while (alka_leb_unsigned(&at, table->end, 32, &size) == ALKA_LEB_OK) {
        bool is_it = text_off - start < size;
        struct symbol_name name = {out_name, 0};
        for (; at < table->end && *at != 0; at++) {
            if (is_it) {
                symbol_expand(table, *at, &name);
            }
        }
        if (is_it) {
            out_name[name.length] = 0;
            *out_off = text_off - start;
            return true;
        }
        at += at < table->end;
        start += size;
    }
    return false;
}
