/*
 * Room: modules. What module code calls for things that are no instruction (code.h lists them).
 * Comes in: operands, and the caller's context as the last parameter. Goes out: results as the
 * instruction's. Must never trust an operand.
 */
#include "private.h"

#include <alkahest/helpers.h>
#include <alkahest/routines.h>

uint64_t alka_helper_memory_grow(uint64_t delta_pages, struct alka_context *caller) {
    struct alka_instance *instance = caller->instance;
    uint64_t old = alka_memory_grow(instance->memories[0], delta_pages);
    if (old != UINT64_MAX)
        instance->counters.memory_grows++;
    return old;
}

const struct alka_import_record alka_helper_records[ALKA_HELPER_COUNT] = {
    [ALKA_HELPER_MEMORY_GROW] = {.routine = (uint64_t)alka_host_direct_1,
                                 .target = (uint64_t)alka_helper_memory_grow},
};
