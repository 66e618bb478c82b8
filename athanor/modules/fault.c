/*
 * Where exceptions and ticks meet module code. In: the interrupted state, of
 * which nothing is trusted before the instruction pointer is known to be in
 * module code. Out: the state resumed at the innermost gate, or untouched. Runs
 * on an interrupt stack; takes no lock.
 */
#include "cpu/x86.h"
#include "modules/call.h"
#include "modules/evict.h"
#include "modules/modules.h"
#include "modules/recover.h"
#include "modules/workers.h"
#include "sched/thread.h"
#include "trace/trace.h"
#include <alkahest/gate.h>
#include <alkahest/routines.h>

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

/*
 * Who has been struck is in one list at most: that of the thread whose call ended first, or, if the
 * call went on, this one, which is the caretaker's. The last member of a list names itself, so
 * that membership costs no search.
 */
static struct module *fault_left;

struct module *modules_take_left(void) {
    return __atomic_exchange_n(&fault_left, NULL, __ATOMIC_ACQ_REL);
}

struct module *modules_take_struck(struct thread *thread) {
    struct module *module = __atomic_exchange_n(&thread->struck, NULL, __ATOMIC_ACQ_REL);
    struct module *first = NULL; /* the other way round: callees before callers */
    while (module != NULL) {
        struct module *next = module->next_struck != module ? module->next_struck : NULL;
        module->next_struck = first != NULL ? first : module;
        first = module;
        module = next;
    }
    return first;
}

static void fault_strike(const struct alka_context *context, struct module **list) {
    struct module *module = (struct module *)context->user;
    alka_instance_disown(context->instance);
    if (module != NULL && module->next_struck == NULL) {
        module->next_struck = *list != NULL ? *list : module;
        module->struck_life = module->life;
        *list = module;
    }
}

/*
 * Whose calls end here: everybody's up to the gate where the trap stops. Their gates are dead at
 * once. Not found: an instance that is reached through a shared table and has called on.
 */
static void fault_strike_chain(const struct alka_thread *stacks, struct module **list) {
    for (const struct alka_gate *gate = stacks->gate; gate != NULL; gate = gate->outer) {
        if (gate->callee != EVICT_NOBODY) {
            fault_strike((const struct alka_context *)(gate->callee - ALKA_CONTEXT_BYTES), list);
        }
        if (alka_gate_resume(gate) != (uint64_t)alka_resume_gate_traps) {
            return;
        }
    }
}

/* Does a module that called get an error, and goes on? */
static bool fault_is_answered(const struct alka_thread *stacks) {
    const struct alka_gate *gate = stacks->gate;
    while (alka_gate_resume(gate) == (uint64_t)alka_resume_gate_traps) {
        gate = gate->outer;
    }
    return alka_gate_resume(gate) == (uint64_t)alka_resume_gate_returns;
}

/* The first one since the caretaker looked. */
static struct modules_answered fault_answered;

bool modules_take_answered(struct modules_answered *out) {
    if (!fault_answered.is_there) {
        return false;
    }
    *out = fault_answered;
    fault_answered.is_there = false;
    return true;
}

/* The call goes on: nobody else recovers who was struck, nor says why. */
static void fault_answer(const struct thread *thread, const struct trap_frame *frame,
                         uint64_t ticks, enum alka_trap kind) {
    struct alka_trap_report *report = &fault_answered.report;
    workers_have_work();
    if (fault_answered.is_there) {
        return;
    }
    fault_answered.is_there = true;
    fault_answered.fault = (struct modules_fault){.frame = *frame, .ticks = ticks};
    *report = thread->stacks->report != NULL
                  ? *thread->stacks->report
                  : (struct alka_trap_report){.kind = kind, .wasm_off = ALKA_DIAG_NONE};
    for (uint32_t i = 0; i < report->frame_count; i++) {
        alka_image_hold((struct alka_image *)report->frames[i].image);
    }
}

/*
 * The call of `thread` ends: false; or goes on with an error: true. If it ends, the thread clears
 * up behind it, whatever its account says: others wait for that. Else nobody but the caretaker
 * does.
 */
static bool fault_end_call(struct thread *thread, const struct trap_frame *frame, uint64_t ticks,
                           enum alka_trap kind) {
    if (fault_is_answered(thread->stacks)) {
        fault_strike_chain(thread->stacks, &fault_left);
        fault_answer(thread, frame, ticks, kind);
        return true;
    }
    thread->sched.is_excused = true;
    fault_strike_chain(thread->stacks, &thread->struck);
    return false;
}

static void fault_note(const struct thread *thread, const struct trap_frame *frame,
                       uint64_t ticks) {
    struct call *call = thread->user;
    if (call != NULL) {
        call->fault = (struct modules_fault){.frame = *frame, .ticks = ticks};
    }
}

static void fault_resume(struct trap_frame *frame, const struct alka_resume *resume) {
    frame->rip = resume->rip;
    frame->rsp = resume->rsp;
    frame->rax = (uint64_t)resume->kind;
    frame->rflags &= ~FLAGS_TO_CLEAR;
}

/*
 * A call into a module that is being replaced: it waits at the gate, and goes through when that is
 * open again. Only gates come to this instruction; r11 is the record then, and the kernel's.
 */
static bool fault_at_closed_gate(struct trap_frame *frame) {
    if (frame->rip != (uint64_t)alka_routine_gone) {
        return false;
    }
    const struct alka_import_record *record = (const struct alka_import_record *)frame->r11;
    switch (alka_gate_look(record)) {
    case ALKA_GATE_CLOSED:
        evict_look_again();
        threads_give_way(frame);
        return true;
    case ALKA_GATE_OPEN:
        frame->rip = record->any_routine; /* whichever way it came */
        return true;
    case ALKA_GATE_GONE: /* while it waited here; a gate that answers does */
        frame->rip = record->any_routine;
        return record->any_routine == (uint64_t)alka_gate_returns ||
               record->any_routine == (uint64_t)alka_gate_limited_returns;
    }
    return false;
}

/* Whose code it is; NULL: a routine of the linker's. */
static const struct module *fault_module(const struct trap_frame *frame) {
    if (alka_registry_image_at(&modules_registry, frame->rip) == NULL) {
        return NULL;
    }
    return (const struct module *)((const struct alka_context *)(frame->r15 - ALKA_CONTEXT_BYTES))
        ->user;
}

bool modules_take_fault(struct trap_frame *frame) {
    uint64_t ticks = x86_time_stamp();
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
    if (fault_at_closed_gate(frame)) {
        return true;
    }
    struct alka_thread *stacks = alka_thread_of(frame->rsp);
    if (!alka_trap_decide(&modules_registry, stacks, &state, &resume)) {
        return false;
    }
    fault_note(stacks->owner, frame, ticks);
    trace(TRACE_TRAP, fault_module(frame), call_trap_code(resume.kind), frame->rip);
    if (resume.kind != ALKA_TRAP_EXIT) {
        uint64_t flags = threads_lock();
        if (fault_end_call(stacks->owner, frame, ticks, resume.kind)) {
            workers_tell_caretaker();
        }
        threads_unlock(flags);
    }
    fault_resume(frame, &resume);
    return true;
}

enum modules_end modules_end_call(struct thread *thread, struct trap_frame *frame) {
    struct alka_thread *stacks = thread->stacks;
    const struct alka_fault_state state = {
        .pc = frame->rip, .rsp = frame->rsp, .r15 = frame->r15, .fault = ALKA_FAULT_OTHER};
    struct alka_resume resume;
    uint64_t ticks = x86_time_stamp();
    if (alka_trap_interrupt(&modules_registry, stacks, &state, ALKA_TRAP_KILLED, &resume) !=
        ALKA_INTERRUPTED_NOW) {
        return MODULES_NOT_ENDED;
    }
    fault_note(thread, frame, ticks);
    trace(TRACE_TRAP, fault_module(frame), call_trap_code(ALKA_TRAP_KILLED), frame->rip);
    bool is_answered = fault_end_call(thread, frame, ticks, ALKA_TRAP_KILLED);
    fault_resume(frame, &resume);
    return is_answered ? MODULES_ANSWERED : MODULES_ENDED;
}

/*
 * Module code can be left at any instruction: all that it owns is on its side
 * of the gate. Kernel code that a module called cannot: there the kill waits
 * for its return. In the few instructions between the two it waits for the next
 * tick.
 */
void modules_tick(struct trap_frame *frame) {
    struct thread *thread = threads_are_started() ? thread_this() : NULL;
    if (thread != NULL && call_is_over(thread)) {
        uint64_t flags = threads_lock();
        if (modules_end_call(thread, frame) == MODULES_ANSWERED) {
            workers_tell_caretaker();
        }
        threads_unlock(flags);
    }
}
