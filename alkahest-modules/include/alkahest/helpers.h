/*
 * The runtime helpers of code.h: module code calls them through thunks that add the caller's
 * context.
 */
#ifndef ALKAHEST_HELPERS_H
#define ALKAHEST_HELPERS_H

#include <alkahest/extern.h>

/* Memory 0 of the caller; the old size in pages, or all bits set. */
uint64_t alka_helper_memory_grow(uint64_t delta_pages, struct alka_context *caller);

/* What the helper thunks jump through, by enum alka_helper. For alka_link_patch. */
extern const struct alka_import_record alka_helper_records[ALKA_HELPER_COUNT];

#endif
