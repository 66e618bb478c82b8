/* Faults on purpose, for tests and for the curious. */
#ifndef ATHANOR_INJECT_H
#define ATHANOR_INJECT_H

#include "modules/call.h"

struct inject_fault {
    const char *name, *meaning; /* for people */
};
/* All there are; NULL at the end. */
const struct inject_fault *inject_at(uint32_t index);

/*
 * Makes a module, which has an instance, fail as if its own code had. *out says how; that is logged
 * already, and its frames are gone. Returns NULL, or why it cannot be done.
 *
 * Not all faults trap: after `bitflip` the module goes on with what it has, and `kill-later` only
 * begins to wait. Both have RETURNED.
 */
const char *inject(struct module *module, const char *fault, struct call_result *out);

#endif
