/* What the functions behind services.def do with the numbers that module code gives them. */
#ifndef ATHANOR_ARGUMENT_H
#define ATHANOR_ARGUMENT_H

#include "bundle/bundle.h"
#include "sched/thread.h"
#include "trace/trace.h"
#include <alkahest/instance.h>
#include <alkahest/trap.h>
#include <string.h>

/* The call that the service works for has ended meanwhile: of the caller nothing may be touched. It
 * can end wherever the kernel lets others run: in a wait (sched/thread.h). */
static inline bool service_is_over(void) {
    return thread_this()->stacks->pending != ALKA_TRAP_NONE;
}

/* `bytes` bytes at `offset` of the caller's memory; NULL after having raised the trap that says it
 * has none there. Not when the call may be over. */
static inline void *service_range(struct alka_context *caller, uint32_t offset, uint32_t bytes) {
    void *range = alka_guest_bytes(caller, offset, bytes);
    if (range == NULL) {
        alka_trap_raise(ALKA_TRAP_MEMORY_BOUNDS);
    }
    return range;
}

/* For those that take longer than recording it. */
static inline void service_trace(const struct alka_context *caller, enum bundle_capability service,
                                 uint64_t argument) {
    trace(TRACE_SERVICE, (const struct module *)caller->user, (uint64_t)service, argument);
}

/* Into a range of the caller's, which need not be aligned, if it is still there. */
static inline void service_put_handle(void *range, uint64_t handle) {
    if (!service_is_over()) {
        memcpy(range, &handle, sizeof handle);
    }
}

/*
 * Deadlines of modules are moments of the clock that they can see: no earlier than asked for, and
 * not in between of two of its ticks, so that waking up tells no more than looking does.
 */
uint64_t service_deadline_of(uint64_t deadline_ns, const struct alka_context *caller);
static inline uint64_t service_deadline(uint64_t deadline_ns, const struct alka_context *caller) {
    bool is_moment = deadline_ns != 0 && deadline_ns != SCHED_NEVER;
    return is_moment ? service_deadline_of(deadline_ns, caller) : deadline_ns;
}

#endif
