/*
 * Hot swap: another version of a module takes its place while its clients go on calling.
 *
 *     load the new version beside the old one · may all importers' gates be turned? · close the
 *     gates: who calls now waits · wait until nobody is in the old one · export_state,
 * import_state, health · turn all gates, in one step that no thread sees half of
 *
 * Whatever fails before the last step leaves the old version serving. The old one stays warm, with
 * the state that it had: swap_back returns to it.
 */
#ifndef ATHANOR_SWAP_H
#define ATHANOR_SWAP_H

#include "modules/modules.h"

#define SWAP_DRAIN_NS (UINT64_C(1) * 1000 * 1000 * 1000)
#define SWAP_HOOK_NS (UINT64_C(1) * 1000 * 1000 * 1000)
/* So many traps within this time bring the old version back. */
#define SWAP_TRAPS 3u
#define SWAP_TRAPS_NS (UINT64_C(10) * 1000 * 1000 * 1000)

struct swap_report {
    uint64_t load_ns;   /* before the gates closed; clients were served */
    uint64_t drain_ns;  /* until nobody was in the old version */
    uint64_t closed_ns; /* from closed to turned, drain included */
    uint64_t state_bytes;
};

/* The version that would be next: NULL if there is none. */
struct module *swap_next(const struct module *module);

/* `next` is a version of `module`. NULL: done; or why the old one serves on. */
const char *swap(struct module *module, struct module *next, struct swap_report *out);
/* To the version before, with the state of now if both versions have the hooks for that. */
const char *swap_back(struct module *module, struct swap_report *out);

/* The module has trapped, and has not been reset yet. True: the version before has taken over. */
bool swap_after_trap(struct module *module);

#endif
