/*
 * Looks addresses up in the table that tools/symbols.py makes: a count, the functions' offsets from
 * the start of the text (ascending, one more for its end), the offsets of their names, the names.
 * The table is empty in the first link.
 */
#include "trap/symbols.h"
#include "mm/layout.h"

struct symbol_table {
    uint32_t count;
    uint32_t words[]; /* count + 1 text offsets, count name offsets, names */
};

extern const struct symbol_table kernel_symbols;
extern const uint8_t kernel_symbols_end[];

bool symbol_find(uint64_t address, const char **out_name, uint64_t *out_off) {
    uint64_t start = (uint64_t)kernel_text_start;
    if ((const uint8_t *)&kernel_symbols == kernel_symbols_end || address < start ||
        address >= (uint64_t)kernel_text_end) {
        return false;
    }
    uint32_t count = kernel_symbols.count;
    const uint32_t *offsets = kernel_symbols.words;
    uint64_t off = address - start;
    if (count == 0 || off < offsets[0]) {
        return false;
    }
    uint32_t low = 0, high = count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (offsets[middle] <= off) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const char *names = (const char *)(offsets + count + 1 + count);
    *out_name = names + offsets[count + 1 + low];
    *out_off = off - offsets[low];
    return true;
}
