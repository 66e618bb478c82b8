/*
 * Calls of runtime helpers.
 */
#ifndef ALKAHEST_CODEGEN_CALLS_H
#define ALKAHEST_CODEGEN_CALLS_H

#include "lowerings.h"

/* The topmost `param_count` entries, integers and references, are the arguments; the result, of
 * that kind, takes their place. ALKA_KIND_BOTTOM: there is none. */
void call_helper(struct emit *e, enum alka_helper helper, uint32_t param_count,
                 alka_valtype result);
/* The same for a helper that returns a size or -1 in 64 bits; as an i32 its low half. */
void call_helper_size(struct emit *e, enum alka_helper helper, uint32_t param_count, bool is_64);

/* Caller-saved homes that a call finds in their slots, of webs that are older than `open_off`. */
reg_set call_homes_since(const struct emit *e, uint32_t open_off);
void call_reload(struct emit *e, reg_set homes);
/* Several values where a call's results are: all to the slots from `first` on. */
void call_store_results(struct emit *e, const alka_valtype *types, uint32_t count, bool with_ref,
                        uint32_t first, uint32_t ref_depth);
/* A runtime routine that does not come back, and takes the topmost `count` entries; `tag_idx` in
 * eax or ALKA_NO_INDEX. */
void call_throw(struct emit *e, enum alka_helper helper, const struct alka_functype *type,
                uint32_t tag_idx);

#endif
