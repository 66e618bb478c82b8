/* Text from modules, made safe for a terminal. */
#ifndef ATHANOR_CLEAN_H
#define ATHANOR_CLEAN_H

#include <stddef.h>

/*
 * Copies UTF-8 text; every control character (C0, DEL, C1) and every byte that
 * is no UTF-8 becomes
 * '?'. Cuts between characters to what fits into out_bytes > 0 with a NUL.
 * Returns the length without it.
 */
size_t clean_text(char *out, size_t out_bytes, const void *text, size_t text_bytes);

#endif
