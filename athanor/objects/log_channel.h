/* The channel `log`: lines for the kernel's log, from modules that do not wait for the consoles. */
#ifndef ATHANOR_OBJECTS_LOG_CHANNEL_H
#define ATHANOR_OBJECTS_LOG_CHANNEL_H

#include "objects/objects.h"

/* After objects_start: a thread that reads it, if a module may write. The log says why if there is
 * none. */
void log_channel_start(void);

/* A line of the holder's module, made clean and cut; or none, if it has written as many as it may.
 */
void log_module_line(struct holder *holder, const char *name, const void *text, uint32_t bytes);

#endif
