/* As much of <stdlib.h> as the unit tests use. */
#ifndef SHIM_STDLIB_H
#define SHIM_STDLIB_H

#include <stddef.h>

#define RAND_MAX 0x7FFFFFFF

void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
void *realloc(void *pointer, size_t bytes);
void free(void *pointer);
_Noreturn void abort(void);
void srand(unsigned seed);
int rand(void);

#endif
