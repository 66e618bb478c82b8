/*
 * Services about shared buffers. In: numbers from module code. Out: what objects/buffers.h says of
 * them, and handles in the caller's memory.
 */
#include "services/buffers.h"
#include "modules/modules.h"
#include "objects/buffers.h"
#include "services/argument.h"

/* *out_handle went to the caller's memory, or there is none and the caller traps. */
static uint32_t buffers_answer(alka_status status, void *range, uint64_t handle) {
    if (status == ALKA_OK) {
        service_put_handle(range, handle);
    }
    return (uint32_t)status;
}

uint32_t service_buffer_create(uint32_t pages, uint32_t out, struct alka_context *caller) {
    void *range = service_range(caller, out, sizeof(uint64_t));
    uint64_t handle = CAP_NO_HANDLE;
    if (range == NULL) {
        return 0;
    }
    alka_status status = buffers_create(holder_of(caller), pages, &handle);
    return buffers_answer(status, range, handle);
}

uint32_t service_buffer_place(uint64_t handle, uint32_t place, struct alka_context *caller) {
    return (uint32_t)buffers_place(holder_of(caller), handle, caller->instance, place);
}

uint32_t service_buffer_displace(uint64_t handle, struct alka_context *caller) {
    return (uint32_t)buffers_displace(holder_of(caller), handle);
}

uint32_t service_buffer_lend(uint64_t handle, uint64_t peer, uint32_t access, uint32_t out,
                             struct alka_context *caller) {
    void *range = service_range(caller, out, sizeof(uint64_t));
    uint64_t lent = CAP_NO_HANDLE;
    if (range == NULL) {
        return 0;
    }
    alka_status status = ALKA_E_SERVICE_ARGUMENT;
    if (access == BUFFER_READ || access == BUFFER_WRITE) {
        status = buffers_lend(holder_of(caller), handle, peer, (enum buffer_access)access, &lent);
    }
    return buffers_answer(status, range, lent);
}

uint32_t service_buffer_return(uint64_t handle, struct alka_context *caller) {
    return (uint32_t)buffers_return(holder_of(caller), handle);
}

uint32_t service_buffer_recall(uint64_t handle, uint64_t peer, struct alka_context *caller) {
    return (uint32_t)buffers_recall(holder_of(caller), handle, peer);
}

uint32_t service_buffer_give(uint64_t handle, uint64_t peer, uint32_t out,
                             struct alka_context *caller) {
    void *range = service_range(caller, out, sizeof(uint64_t));
    uint64_t given = CAP_NO_HANDLE;
    if (range == NULL) {
        return 0;
    }
    alka_status status = buffers_give(holder_of(caller), handle, peer, &given);
    return buffers_answer(status, range, given);
}

uint32_t service_buffer_info(uint64_t handle, uint32_t out, struct alka_context *caller) {
    struct buffers_info info;
    void *range = service_range(caller, out, sizeof info);
    if (range == NULL) {
        return 0;
    }
    alka_status status = buffers_info(holder_of(caller), handle, &info);
    if (status == ALKA_OK) {
        memcpy(range, &info, sizeof info);
    }
    return (uint32_t)status;
}
