/* How the code that runs came to where it is, through the kernel, modules, gates and interrupts. */
#ifndef ATHANOR_BACKTRACE_H
#define ATHANOR_BACKTRACE_H

#include "trap/trap.h"

/* Logs "  LABEL ADDRESS NAME+OFFSET", of the kernel's functions or a module's. `back`: how far
 * before the address the instruction begins or has a byte. A call of what does not return may be
 * its function's last instruction. */
void backtrace_where(const char *label, uint64_t address, uint64_t back);

/* Logs the callers of whoever has this frame: innermost first. Takes no lock, and reads only what
 * is mapped. */
void backtrace_from_frame(uint64_t rbp);
/* The callers of what was interrupted. */
void backtrace_from_trap(const struct trap_frame *frame);

#endif
