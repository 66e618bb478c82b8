/* Ends of the kernel, on purpose. */
#ifndef ATHANOR_PANICS_H
#define ATHANOR_PANICS_H

#include <stdbool.h>

/*
 * `call`: now. `nested`: now, and the console faults at it. `module`, `service`: in the timer's
 * interrupt, when that next finds module code, or the kernel at work for a module. False: there is
 * no such end.
 */
bool panics_do(const char *kind);

#endif
