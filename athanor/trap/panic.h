/* The end of the kernel: says why, with all it knows, over every console, and stops the machine. */
#ifndef ATHANOR_PANIC_H
#define ATHANOR_PANIC_H

#include "trap/trap.h"

/* For a broken invariant of the kernel's own; never for anything that a module, a file or a table
 * can cause. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For an exception that is nobody's but the kernel's. */
_Noreturn void panic_at_trap(const struct trap_frame *frame);

#endif
