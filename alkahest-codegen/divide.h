/*
 * Division by constants.
 */
#ifndef ALKAHEST_CODEGEN_DIVIDE_H
#define ALKAHEST_CODEGEN_DIVIDE_H

#include "stack.h"

/* The two topmost entries, of which the upper one is a constant: replaces them by their quotient or
 * remainder. False: nothing was done, it takes a real division. */
bool divide_by_constant(struct emit *e, unsigned kind, bool is_signed, bool is_rem);

#endif
