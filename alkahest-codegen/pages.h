/*
 * Growing arrays on pages of the Crucible: tables that outlive a function's scratch memory. They
 * double, so appending is linear over all.
 */
#ifndef ALKAHEST_CODEGEN_PAGES_H
#define ALKAHEST_CODEGEN_PAGES_H

#include <alkahest/crucible.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pages {
    uint8_t *data;
    uint32_t used_bytes;
    uint32_t capacity_bytes;
};

ALKA_MUST_CHECK alka_status pages_grow(struct pages *pages, const struct alka_crucible *crucible,
                                       size_t bytes);
/* Room for `bytes` more behind used_bytes. ALKA_E_OUT_OF_MEMORY, ALKA_E_CODE_TOO_LARGE. */
ALKA_MUST_CHECK static inline alka_status
pages_reserve(struct pages *pages, const struct alka_crucible *crucible, size_t bytes) {
    bool has_room = bytes <= pages->capacity_bytes - pages->used_bytes;
    return __builtin_expect(has_room, 1) ? ALKA_OK : pages_grow(pages, crucible, bytes);
}
void pages_drop(struct pages *pages, const struct alka_crucible *crucible);

#endif
