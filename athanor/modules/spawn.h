/* Calls in the background: each on a thread of its own. */
#ifndef ATHANOR_SPAWN_H
#define ATHANOR_SPAWN_H

#include "modules/modules.h"

#define SPAWN_MOST 8u /* at once */

/* The log says how it ended. NULL, or why it does not begin. */
const char *spawn(struct module *module, const char *function);

#endif
