/* Where regions of the address space begin: another place at each boot. */
#ifndef ATHANOR_ASLR_H
#define ATHANOR_ASLR_H

#include <stdint.h>

/* After random_start. The option `aslr=WORD` makes all places follow from the word. */
void aslr_start(const char *cmdline);

/* A multiple of `align` (a power of two) below `below`, a multiple of it. */
uint64_t aslr_offset(uint64_t below, uint64_t align);

#endif
