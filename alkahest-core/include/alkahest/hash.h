/* FNV-1a, for the libraries' open-addressing tables. Not for secrets: tables hold what limits let
 * in, and probe sequences are short because tables are at most half full. */
#ifndef ALKAHEST_HASH_H
#define ALKAHEST_HASH_H

#include <alkahest/span.h>

#define ALKA_HASH_START UINT32_C(2166136261)

static inline uint32_t alka_hash_word(uint32_t hash, uint32_t word) {
    return (hash ^ word) * UINT32_C(16777619);
}

static inline uint32_t alka_hash_bytes(uint32_t hash, struct alka_span bytes) {
    for (size_t i = 0; i < bytes.size; i++)
        hash = alka_hash_word(hash, bytes.data[i]);
    return hash;
}

/* Spreads the upper bits over the lower ones, which choose a table's place. */
static inline uint32_t alka_hash_end(uint32_t hash) { return hash ^ hash >> 15; }

#endif
