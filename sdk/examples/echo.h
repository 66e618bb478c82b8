/* What the module `echo` exports, for modules that call it (manifest: calls = { echo = [ … ] }). */
#ifndef ECHO_H
#define ECHO_H

#include <athanor.h>

ATHANOR_IMPORT("echo", "echo") uint32_t echo(uint32_t value);
/*
 * One parameter of each type, so that a gate has to pass every kind of register: returns the sum.
 */
ATHANOR_IMPORT("echo", "echo_mixed")
double echo_mixed(uint32_t word, uint64_t longword, float single, double real);
/* How often `echo` was called: state of the callee, which the caller cannot reach otherwise. */
ATHANOR_IMPORT("echo", "echo_count") uint64_t echo_count(void);

#endif
