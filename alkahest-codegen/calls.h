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

#endif
