/*
 * The runtime helpers of code.h: module code calls them through thunks that add the caller's
 * context. i32 operands are zero-extended. Those that trap have written nothing then.
 */
#ifndef ALKAHEST_HELPERS_H
#define ALKAHEST_HELPERS_H

#include <alkahest/extern.h>

/* The old size in pages, or all bits set. */
uint64_t alka_helper_memory_grow(uint64_t delta_pages, uint32_t memory_idx,
                                 struct alka_context *caller);

/* Bulk memory (specification 4.6.12). ALKA_TRAP_MEMORY_BOUNDS, in every memory model. */
void alka_helper_memory_copy(uint64_t to, uint64_t from, uint64_t bytes, uint32_t to_memory_idx,
                             uint32_t from_memory_idx, struct alka_context *caller);
void alka_helper_memory_fill(uint64_t to, uint32_t byte, uint64_t bytes, uint32_t memory_idx,
                             struct alka_context *caller);
void alka_helper_memory_init(uint64_t to, uint32_t from, uint32_t bytes, uint32_t data_idx,
                             uint32_t memory_idx, struct alka_context *caller);
void alka_helper_data_drop(uint32_t data_idx, struct alka_context *caller);

/* Threads: ALKA_TRAP_MEMORY_BOUNDS, ALKA_TRAP_UNALIGNED_ATOMIC; wait: ALKA_TRAP_EXPECTED_SHARED,
 * and ALKA_TRAP_HOST where the Crucible knows one thread only. How many were woken; enum alka_wake.
 */
uint32_t alka_helper_notify(uint64_t index, uint32_t count, uint64_t offset, uint32_t memory_idx,
                            struct alka_context *caller);
uint32_t alka_helper_wait32(uint64_t index, uint32_t expected, int64_t timeout_ns, uint64_t offset,
                            uint32_t memory_idx, struct alka_context *caller);
uint32_t alka_helper_wait64(uint64_t index, uint64_t expected, int64_t timeout_ns, uint64_t offset,
                            uint32_t memory_idx, struct alka_context *caller);

/* Tables (specification 4.6.11). A reference is a struct alka_func * or an external one; 0 is null.
 * ALKA_TRAP_TABLE_BOUNDS. */
void alka_helper_table_set(uint64_t index, uint64_t reference, uint32_t table_idx,
                           struct alka_context *caller);
/* The old size, or all bits set. */
uint64_t alka_helper_table_grow(uint64_t reference, uint64_t delta, uint32_t table_idx,
                                struct alka_context *caller);
void alka_helper_table_fill(uint64_t to, uint64_t reference, uint64_t count, uint32_t table_idx,
                            struct alka_context *caller);
void alka_helper_table_copy(uint64_t to, uint64_t from, uint64_t count, uint32_t to_table_idx,
                            uint32_t from_table_idx, struct alka_context *caller);
void alka_helper_table_init(uint64_t to, uint32_t from, uint32_t count, uint32_t element_idx,
                            uint32_t table_idx, struct alka_context *caller);
void alka_helper_elem_drop(uint32_t element_idx, struct alka_context *caller);

/* global.set of a function reference: whoever reads it later must find the function alive. */
void alka_helper_global_set(uint64_t reference, uint32_t global_idx, struct alka_context *caller);

/* ref.test and ref.cast: `type` is a valtype of the caller's module. */
uint32_t alka_helper_ref_test(uint64_t reference, uint32_t type, struct alka_context *caller);
uint64_t alka_helper_ref_cast(uint64_t reference, uint32_t type, struct alka_context *caller);

/* What the helper thunks jump through, by enum alka_helper. For alka_link_patch. */
extern const struct alka_import_record alka_helper_records[ALKA_HELPER_COUNT];

#endif
