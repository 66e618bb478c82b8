/*
 * Crossing between host and module code.
 */
#ifndef ALKAHEST_CALL_H
#define ALKAHEST_CALL_H

#include <alkahest/extern.h>

/*
 * Calls a function of an instance. `values` holds the parameters and receives the results, 8 bytes
 * each in order (v128: 16), i32 and f32 in the low half (the upper half is ignored, and 0 in
 * results), floats as bits; it has room for the longer of the two. `type` is the function's.
 * Runs on the thread's control stack; may be called from a host function that runs there.
 * ALKA_TRAP_NONE, or why it trapped; thread->report then says more, and `values` is undefined. With
 * a trap pending on the thread nothing is called: that is why, and there is no report.
 */
ALKA_MUST_CHECK enum alka_trap alka_call(struct alka_thread *thread, const struct alka_func *func,
                                         const struct alka_functype *type, uint64_t *values);

/* Uint64_t elements that `values` needs for such a type. */
uint32_t alka_call_values(const struct alka_functype *type);

/*
 * For host functions: the caller traps with `kind` when the host function returns. The first one
 * counts. Until then it enters no module code any more.
 */
void alka_trap_raise(enum alka_trap kind);

/*
 * The same for the innermost host function that runs on the thread, for others than itself: in
 * handlers that interrupted it, or while the thread is not running. False, and nothing is changed:
 * a trap is pending already, or no host function was called on it. Must not be used while the
 * thread runs, or is stopped in, module code or a routine of the linker. Takes no lock.
 */
bool alka_trap_pend(struct alka_thread *thread, enum alka_trap kind);

/* The thread on whose control stack `rsp` is. */
static inline struct alka_thread *alka_thread_of(uint64_t rsp) {
    return (struct alka_thread *)((rsp | (ALKA_CONTROL_STACK_BYTES - 1)) + 1 -
                                  sizeof(struct alka_thread));
}

/* The thread whose control stack we run on: only in host functions called by module code. */
static inline struct alka_thread *alka_thread_here(void) {
    return alka_thread_of((uint64_t)__builtin_frame_address(0));
}

/*
 * For host functions: why the last call of the caller on this thread that a gate answered in the
 * callee's place (ALKA_GATE_RETURNS) has failed. Says it once: ALKA_TRAP_NONE after that, if no
 * call has failed, and if the last one that did was another instance's.
 */
enum alka_trap alka_call_error(struct alka_thread *thread, const struct alka_context *caller);

/* Sets up the top of a control stack. `control_base` is aligned to ALKA_CONTROL_STACK_BYTES. */
struct alka_stacks {
    uint64_t control_base;    /* address space of ALKA_CONTROL_STACK_BYTES */
    uint64_t control_limit;   /* lowest mapped byte of it; at least a page above control_base */
    uint64_t host_room_bytes; /* what host functions are promised; at least ALKA_HOST_ROOM_LEAST */
    uint64_t data_limit, data_top; /* mapped part of the data stack; data_top 16-byte aligned */
    uint64_t data_guard_bytes;     /* unmapped, below data_limit: ALKA_DATA_GUARD_BYTES */
};
#define ALKA_HOST_ROOM_LEAST 32768u
struct alka_thread *alka_thread_make(const struct alka_stacks *stacks);

/*
 * For host functions: `bytes` bytes of the caller's memory 0 at `offset`, or NULL if they are not
 * all inside. The pointer is good until the memory's instance goes. Other threads may change what
 * it points to at any time.
 */
static inline void *alka_guest_bytes(const struct alka_context *caller, uint64_t offset,
                                     uint64_t bytes) {
    if (offset > caller->memory_bytes || bytes > caller->memory_bytes - offset)
        return NULL;
    return (void *)(caller->memory_base + offset);
}

#endif
