/*
 * Stacks. In: nothing. Out: a pair of stacks with guards. One piece of address
 * space holds both: data guard, data stack, padding, control guard, control
 * stack.
 */
#include "mm/stacks.h"
#include "cpu/lock.h"
#include "mm/aslr.h"
#include "mm/kernel_map.h"
#include "mm/layout.h"
#include "mm/memory.h"
#include <alkahest/call.h>

static struct vrange stacks_space;
static struct lock stacks_lock;

/* The data stack ends where the control stack's megabyte begins; its guard is
 * below it. */
#define STACKS_BELOW_BYTES (ALKA_DATA_GUARD_BYTES + STACKS_DATA_BYTES)

_Static_assert(STACKS_BELOW_BYTES % ALKA_CONTROL_STACK_BYTES == 0, "the control stack is aligned");
_Static_assert(STACKS_HOST_ROOM_BYTES >= ALKA_HOST_ROOM_LEAST, "what the linker asks for");
_Static_assert(STACKS_CONTROL_BYTES < ALKA_CONTROL_STACK_BYTES, "the control stack has a guard");

void stacks_start(void) {
    uint64_t off = aslr_offset((LAYOUT_STACKS_END - LAYOUT_STACKS) / 2, ALKA_CONTROL_STACK_BYTES);
    memory_vrange_start(&stacks_space, LAYOUT_STACKS + off, LAYOUT_STACKS_END);
}

static uint64_t stacks_space_of(const struct alka_thread *thread) {
    return (uint64_t)thread + sizeof *thread - ALKA_CONTROL_STACK_BYTES - STACKS_BELOW_BYTES;
}

static void stacks_give_space(uint64_t space) {
    uint64_t flags = lock_take(&stacks_lock);
    vrange_give(&stacks_space, space);
    lock_release(&stacks_lock, flags);
}

static alka_status stacks_commit(uint64_t space) {
    uint64_t data = space + ALKA_DATA_GUARD_BYTES;
    uint64_t control_end = space + STACKS_BELOW_BYTES + ALKA_CONTROL_STACK_BYTES;
    ALKA_TRY(kernel_map_frames(data, STACKS_DATA_BYTES));
    alka_status status =
        kernel_map_frames(control_end - STACKS_CONTROL_BYTES, STACKS_CONTROL_BYTES);
    if (status != ALKA_OK) {
        kernel_unmap_frames(data, STACKS_DATA_BYTES, false);
    }
    return status;
}

alka_status stacks_take(struct alka_thread **out_thread) {
    uint64_t space;
    uint64_t flags = lock_take(&stacks_lock);
    bool taken = vrange_take(&stacks_space, STACKS_BELOW_BYTES + ALKA_CONTROL_STACK_BYTES,
                             ALKA_CONTROL_STACK_BYTES, &space);
    lock_release(&stacks_lock, flags);
    if (!taken) {
        return ALKA_E_OUT_OF_MEMORY;
    }
    alka_status status = stacks_commit(space);
    if (status != ALKA_OK) {
        stacks_give_space(space);
        return status;
    }
    uint64_t control_base = space + STACKS_BELOW_BYTES;
    const struct alka_stacks stacks = {
        .control_base = control_base,
        .control_limit = control_base + ALKA_CONTROL_STACK_BYTES - STACKS_CONTROL_BYTES,
        .host_room_bytes = STACKS_HOST_ROOM_BYTES,
        .data_limit = space + ALKA_DATA_GUARD_BYTES,
        .data_top = space + STACKS_BELOW_BYTES,
        .data_guard_bytes = ALKA_DATA_GUARD_BYTES,
    };
    *out_thread = alka_thread_make(&stacks);
    return ALKA_OK;
}

void stacks_give(struct alka_thread *thread) {
    uint64_t space = stacks_space_of(thread);
    kernel_unmap_frames(space, STACKS_BELOW_BYTES + ALKA_CONTROL_STACK_BYTES, false);
    stacks_give_space(space);
}

void stacks_call(struct alka_thread *thread, void (*run)(void *arg), void *arg) {
    uint64_t saved;
    __asm__ volatile("movq %%rsp, %%rbx\n\t"
                     "movq %[top], %%rsp\n\t"
                     "call *%[run]\n\t"
                     "movq %%rbx, %%rsp"
                     : "=&b"(saved), "+D"(arg)
                     : [top] "r"((uint64_t)thread & ~UINT64_C(15)), [run] "r"(run)
                     : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
}
