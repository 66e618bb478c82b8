/*
 * The kernel's own symbols. In: an address. Out: the name of the function it is in. The table is
 * empty in the first link.
 */
#include "trap/symbols.h"
#include "mm/layout.h"

extern const uint8_t kernel_symbols[], kernel_symbols_end[];

bool symbol_find(uint64_t address, char out_name[SYMBOL_NAME_BYTES], uint64_t *out_off) {
    uint64_t start = (uint64_t)kernel_text_start;
    uint64_t codes_bytes = SYMBOL_CODES * sizeof(struct symbol_code);
    if ((uint64_t)(kernel_symbols_end - kernel_symbols) < codes_bytes || address < start ||
        address >= (uint64_t)kernel_text_end) {
        return false;
    }
    const struct symbol_table table = {(const struct symbol_code *)kernel_symbols,
                                       kernel_symbols + codes_bytes, kernel_symbols_end};
    return symbol_table_find(&table, address - start, out_name, out_off);
}
