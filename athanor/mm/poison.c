/* The pattern of freed memory. In: blocks. Out: the first word that is not what it was left as.
 * Pure. */
#include "mm/poison.h"

void poison_fill(void *block, size_t bytes) {
    uint64_t *words = block;
    for (size_t i = 0; i < bytes / sizeof *words; i++) {
        words[i] = POISON_WORD;
    }
}

bool poison_is_whole(const void *block, size_t bytes, uint64_t word, size_t *out_offset) {
    const uint64_t *words = block;
    for (size_t i = 0; i < bytes / sizeof *words; i++) {
        if (words[i] != word) {
            *out_offset = i * sizeof *words;
            return false;
        }
    }
    return true;
}
