/* Imports a function of another module under a type that it does not have. */
#include <athanor.h>

ATHANOR_IMPORT("echo", "echo") double echo(double value);

ATHANOR_EXPORT("main") int32_t stranger(void) { return (int32_t)echo(1.0); }
