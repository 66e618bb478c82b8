/* Faults on purpose, for tests and for the curious. */
#ifndef ATHANOR_INJECT_H
#define ATHANOR_INJECT_H

#include "modules/call.h"

/*
 * Makes a module fail as if its own code had: `trap`, `loop` (killed after a second), `overflow`
 * (of the stack), `memory` (grows its memory as far as it may, overwrites every page, goes on past
 * the end). The module has an instance. Returns NULL with *out filled (its frames are gone) and
 * logged, or why it cannot be done.
 */
const char *inject(struct module *module, const char *fault, struct call_result *out);

#endif
