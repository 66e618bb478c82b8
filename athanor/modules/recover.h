/*
 * Micro-recovery: an instance becomes what it was before its first instruction ran, at the cost of
 * what it has touched since. Clean pages cost nothing: the processor notes which ones were written.
 */
#ifndef ATHANOR_RECOVER_H
#define ATHANOR_RECOVER_H

#include <alkahest/instance.h>

/* What an instance's memories, globals, tables and segments held after instantiation. */
struct pristine;

/* Of a new instance, before its start section runs. NULL: no memory for it. */
struct pristine *pristine_take(struct alka_instance *instance);
void pristine_give(struct pristine *pristine);
uint64_t pristine_bytes(const struct pristine *pristine);

/*
 * Puts everything back that the instance owns: grown memory is unmapped, dirty pages are copied or
 * cleared, tables (also what importers wrote into them), globals, dropped segments. What it imports
 * stays as it is. No thread may be in its code. Returns how many pages were dirty.
 */
uint64_t recover_reset(struct alka_instance *instance, const struct pristine *pristine);

/* The functions that `importer` imports from the instance can be called again. */
void recover_bind_importer(struct alka_instance *importer, const struct alka_instance *instance);

#endif
