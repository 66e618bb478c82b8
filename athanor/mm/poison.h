/*
 * Finding writes to memory that was given back: it is filled with a pattern, which has to be there
 * when the memory is taken again.
 */
#ifndef ATHANOR_POISON_H
#define ATHANOR_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POISON_WORD UINT64_C(0xF5EEF5EEF5EEF5EE) /* no address: it is not canonical */

/* `bytes` are multiples of 8. */
void poison_fill(void *block, size_t bytes);
/* True if all words are `word`; else *out_offset is where the first other one is. */
bool poison_is_whole(const void *block, size_t bytes, uint64_t word, size_t *out_offset);

#endif
