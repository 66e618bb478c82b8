/* Private to inject.c: two small modules, whose exports are faults. */
#ifndef ATHANOR_INJECT_CODE_H
#define ATHANOR_INJECT_CODE_H

#include <alkahest/span.h>

/* Faults in a memory of its own. */
extern const struct alka_span inject_faults_code;
/* Imports a memory, and does things to that. */
extern const struct alka_span inject_memory_code;

#endif
