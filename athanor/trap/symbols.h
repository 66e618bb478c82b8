/* The kernel's own function names, embedded at link time (tools/symbols.py). */
#ifndef ATHANOR_SYMBOLS_H
#define ATHANOR_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

/* The function that contains `address`. False if the address is not in the kernel's text. */
bool symbol_find(uint64_t address, const char **out_name, uint64_t *out_off);

#endif
