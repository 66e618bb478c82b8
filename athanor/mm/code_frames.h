/*
 * Frames for pages that will be sealed. The first one of 2 MiB that is sealed splits a large page
 * of the direct map for good, so they all come from blocks of that size, as long as there are such.
 */
#ifndef ATHANOR_CODE_FRAMES_H
#define ATHANOR_CODE_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

/* One frame of zeros. False if there is none. */
bool code_frames_take(uint64_t *out_phys);
/* What code_frames_take gave, writable again; any other frame goes to frames_give. */
void code_frames_give(uint64_t phys);
/* Frames that are nobody's, but kept for code. */
uint64_t code_frames_free(void);

#endif
