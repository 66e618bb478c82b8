/* Modules that are part of the kernel: for faults on purpose, and for measuring. */
#ifndef ATHANOR_BUILTIN_H
#define ATHANOR_BUILTIN_H

#include <alkahest/instance.h>

/* Compiles and instantiates. `user`: context->user. The instance holds the image. */
ALKA_MUST_CHECK alka_status builtin_load(struct alka_span bytes, const char *name,
                                         const struct alka_vtable *vtable, uint64_t user,
                                         struct alka_instance **out_instance);
/* Calls an export with one i32, which is ignored if it takes nothing. */
ALKA_MUST_CHECK enum alka_trap builtin_call(const struct alka_instance *instance, const char *name,
                                            uint64_t value);

#endif
