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

#endif
