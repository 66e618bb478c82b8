/* Services about shared buffers: rows of services.def. */
#ifndef ATHANOR_SERVICES_BUFFERS_H
#define ATHANOR_SERVICES_BUFFERS_H

#include <alkahest/instance.h>

uint32_t service_buffer_create(uint32_t pages, uint32_t out, struct alka_context *caller);
uint32_t service_buffer_place(uint64_t handle, uint32_t place, struct alka_context *caller);
uint32_t service_buffer_displace(uint64_t handle, struct alka_context *caller);
uint32_t service_buffer_lend(uint64_t handle, uint64_t peer, uint32_t access, uint32_t out,
                             struct alka_context *caller);
uint32_t service_buffer_return(uint64_t handle, struct alka_context *caller);
uint32_t service_buffer_recall(uint64_t handle, uint64_t peer, struct alka_context *caller);
uint32_t service_buffer_give(uint64_t handle, uint64_t peer, uint32_t out,
                             struct alka_context *caller);
uint32_t service_buffer_info(uint64_t handle, uint32_t out, struct alka_context *caller);

#endif
