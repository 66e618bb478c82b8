/* The unit tests that need nothing but what the kernel has, inside of it. */
#ifndef ATHANOR_UNITS_H
#define ATHANOR_UNITS_H

/* Runs them all, with a line for each program of them. */
void units_run(void);

#endif
