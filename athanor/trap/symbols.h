/* The kernel's own function names, embedded at link time (tools/symbols.py). */
#ifndef ATHANOR_SYMBOLS_H
#define ATHANOR_SYMBOLS_H

#include "trap/symbol_table.h"

/* The function that contains `address`. False if the address is not in the kernel's text. */
bool symbol_find(uint64_t address, char out_name[SYMBOL_NAME_BYTES], uint64_t *out_off);

#endif
