/* Services about modules that are loaded at run time: services.def has the types, the SDK's header
 * the meaning. */
#ifndef ATHANOR_SERVICES_MODULES_H
#define ATHANOR_SERVICES_MODULES_H

#include <alkahest/abi.h>

uint32_t service_module_load(uint32_t terms, uint32_t out, struct alka_context *caller);
uint32_t service_module_start(uint64_t handle, uint32_t name, uint32_t bytes,
                              struct alka_context *caller);
uint32_t service_module_state(uint64_t handle, uint32_t out, struct alka_context *caller);
uint32_t service_module_unload(uint64_t handle, struct alka_context *caller);

#endif
