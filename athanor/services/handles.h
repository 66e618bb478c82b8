/* Services about handles: rows of services.def. */
#ifndef ATHANOR_HANDLES_H
#define ATHANOR_HANDLES_H

#include <alkahest/instance.h>

uint32_t service_open(uint32_t name, uint32_t bytes, uint32_t out, struct alka_context *caller);
uint32_t service_close(uint64_t handle, struct alka_context *caller);
uint32_t service_derive(uint64_t handle, uint32_t rights, uint32_t out,
                        struct alka_context *caller);
uint32_t service_delegate(uint64_t handle, uint32_t rights, uint64_t peer, uint32_t out,
                          struct alka_context *caller);
uint32_t service_move(uint64_t handle, uint64_t peer, uint32_t out, struct alka_context *caller);
uint32_t service_revoke(uint64_t handle, struct alka_context *caller);
uint32_t service_handle_info(uint64_t handle, uint32_t out, struct alka_context *caller);

#endif
