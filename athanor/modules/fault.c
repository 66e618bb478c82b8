/*
 * Where exceptions and ticks meet module code. In: the interrupted state, of
 * which nothing is trusted before the instruction pointer is known to be in
 * module code. Out: the state resumed at the innermost gate, or untouched. Runs
 * on an interrupt stack; takes no lock.
 */
#include "cpu/x86.h"
#include "modules/call.h"
#include "modules/modules.h"

#define FLAGS_TO_CLEAR                                                              \
    (UINT64_C(1) << 8 | UINT64_C(1) << 10 | UINT64_C(1) << 14 | UINT64_C(1) << 16 | \
     UINT64_C(1) << 18) /* TF DF NT RF AC */

static enum alka_fault fault_kind(uint64_t vector) {
    switch (vector) {
    case TRAP_PAGE_FAULT:
        return ALKA_FAULT_MEMORY;
    case TRAP_DIVIDE:
        return ALKA_FAULT_DIVIDE;
    case TRAP_INVALID_OPCODE:
        return ALKA_FAULT_INSTRUCTION;
    default:
        return ALKA_FAULT_OTHER;
    }
}

static void fault_resume(struct trap_frame *frame, const struct alka_resume *resume) {
    frame->rip = resume->rip;
    frame->rsp = resume->rsp;
    frame->rax = (uint64_t)resume->kind;
    frame->rflags &= ~FLAGS_TO_CLEAR;
}

bool modules_take_fault(struct trap_frame *frame) {
    if (!alka_registry_owns_pc(&modules_registry, frame->rip)) {
        return false;
    }
    const struct alka_fault_state state = {
        .fault = fault_kind(frame->vector),
        .pc = frame->rip,
        .address = x86_read_cr2(),
        .rsp = frame->rsp,
        .r15 = frame->r15,
    };
    struct alka_resume resume;
    if (!alka_trap_decide(&modules_registry, alka_thread_of(frame->rsp), &state, &resume)) {
        return false;
    }
    fault_resume(frame, &resume);
    return true;
}

/*
 * Module code can be left at any instruction: all that it owns is on its side
 * of the gate. Kernel code that a module called cannot: there the kill waits
 * for its return. In the few instructions between the two it waits for the next
 * tick.
 */
void modules_tick(struct trap_frame *frame) {
    struct alka_thread *thread = call_to_be_killed();
    if (thread == NULL || thread->gate == NULL) {
        return;
    }
    if (alka_registry_image_at(&modules_registry, frame->rip) != NULL) {
        if (thread->report != NULL) {
            *thread->report =
                (struct alka_trap_report){.kind = ALKA_TRAP_KILLED, .wasm_off = ALKA_DIAG_NONE};
        }
        fault_resume(frame, &(struct alka_resume){.kind = ALKA_TRAP_KILLED,
                                                  .rip = thread->gate->resume,
                                                  .rsp = (uint64_t)thread->gate});
        return;
    }
    if (!alka_registry_owns_pc(&modules_registry, frame->rip) &&
        thread->pending == ALKA_TRAP_NONE) {
        thread->pending = ALKA_TRAP_KILLED;
    }
}
