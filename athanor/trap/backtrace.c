/*
 * Backtraces for a kernel that cannot trust itself any more. In: a frame pointer, or an interrupted
 * state. Out: lines in the log.
 *
 * Kernel code keeps frame pointers: each frame holds the caller's, then the return address; frames
 * go up the stack. Interrupts (entry.asm) leave there where the interrupted state is, plus one.
 * Module code keeps none: its return addresses are the words of the control stack that lie behind a
 * call, up to the gate record of the call that it is in. Kernel code that it called returns there;
 * to alka_return_pending if the call is to end. Beyond the outermost gate the stack of whoever
 * called alka_enter goes on. Everything is checked before it is read; what makes no sense ends the
 * walk.
 */
#include "trap/backtrace.h"
#include "console/log.h"
#include "mm/kernel_map.h"
#include "modules/call.h"
#include "modules/modules.h"
#include "trap/symbols.h"
#include <alkahest/call.h>
#include <alkahest/gate.h>
#include <alkahest/routines.h>

#define BACKTRACE_FRAMES_MAX 48u
#define BACKTRACE_NAME_BYTES 64u
#define BACKTRACE_GATE_WORDS (sizeof(struct alka_gate) / 8)
/* What alka_enter pushes: the host's rsp behind gate, two fields of the thread and block; there six
 * registers, rbp above. */
#define BACKTRACE_HOST_WORD (BACKTRACE_GATE_WORDS + 3)
#define BACKTRACE_SAVED_RBP 40u

struct backtrace {
    uint32_t lines;
    uint64_t rbp; /* where the kernel's frames go on; 0: nowhere */
};

static bool backtrace_read(uint64_t address, uint64_t *out) {
    if (address % 8 != 0 || !kernel_map_readable(address, 8)) {
        return false;
    }
    *out = *(const uint64_t *)address;
    return true;
}

static void backtrace_module(const char *label, uint64_t address, const struct alka_frame *frame) {
    char name[BACKTRACE_NAME_BYTES];
    call_function_name(frame, name, sizeof name);
    log_line(ALKA_LOG_INFO, "  %s 0x%016lx %s: %s+0x%x", label, address,
             modules_name_of(frame->image), name, frame->code_off);
}

void backtrace_where(const char *label, uint64_t address, uint64_t back) {
    char name[SYMBOL_NAME_BYTES];
    uint64_t off;
    struct alka_frame frame;
    if (symbol_find(address - back, name, &off)) {
        log_line(ALKA_LOG_INFO, "  %s 0x%016lx %s+0x%lx", label, address, name, off + back);
    } else if (alka_registry_frame_at(&modules_registry, address, (uint32_t)back, &frame)) {
        backtrace_module(label, address, &frame);
    } else {
        log_line(ALKA_LOG_INFO, "  %s 0x%016lx", label, address);
    }
}

static bool backtrace_line(struct backtrace *trace, const char *label, uint64_t address,
                           uint64_t back) {
    backtrace_where(label, address, back);
    return ++trace->lines < BACKTRACE_FRAMES_MAX;
}

/* A record, and the return address below it. */
static bool backtrace_is_gate(const struct alka_gate *gate) {
    return (uint64_t)gate % 8 == 0 &&
           kernel_map_readable((uint64_t)gate - 8, 8 + sizeof(struct alka_gate));
}

/* The record of the call that the stack at `at` is in. */
static const struct alka_gate *backtrace_gate(uint64_t at) {
    const struct alka_thread *thread = alka_thread_of(at);
    if (!kernel_map_readable((uint64_t)thread, sizeof *thread)) {
        return NULL;
    }
    const struct alka_gate *gate = thread->gate;
    while ((uint64_t)gate < at) {
        if (!backtrace_is_gate(gate) || gate->outer <= gate) {
            return NULL;
        }
        gate = gate->outer;
    }
    return backtrace_is_gate(gate) ? gate : NULL;
}

/* Module code's words up to its gate. */
static bool backtrace_words(struct backtrace *trace, uint64_t at, uint64_t end) {
    uint64_t word;
    for (; at < end && backtrace_read(at, &word); at += 8) {
        if (alka_registry_returns_to(&modules_registry, word) &&
            !backtrace_line(trace, "from", word, 1)) {
            return false;
        }
    }
    return true;
}

/* From module code whose stack is at `at`, through the gates, to the kernel that called. */
static void backtrace_modules(struct backtrace *trace, uint64_t at) {
    trace->rbp = 0;
    for (;;) {
        const struct alka_gate *gate = backtrace_gate(at);
        uint64_t host_rsp, caller;
        if (gate == NULL || !backtrace_words(trace, at, (uint64_t)gate)) {
            return;
        }
        at = (uint64_t)(gate + 1);
        if (alka_gate_resume(gate) != (uint64_t)alka_resume_enter) {
            continue;
        }
        if (backtrace_read((uint64_t)gate + BACKTRACE_HOST_WORD * 8, &host_rsp) &&
            backtrace_read(host_rsp + BACKTRACE_SAVED_RBP + 8, &caller) &&
            backtrace_line(trace, "from", caller, 1)) {
            (void)backtrace_read(host_rsp + BACKTRACE_SAVED_RBP, &trace->rbp);
        }
        return;
    }
}

static void backtrace_interrupted(struct backtrace *trace, const struct trap_frame *frame) {
    trace->rbp = frame->rbp;
    if (alka_registry_owns_pc(&modules_registry, frame->rip)) {
        backtrace_modules(trace, frame->rsp & ~UINT64_C(7));
    }
}

/* One frame of the kernel's. False: it is the last one. */
static bool backtrace_frame(struct backtrace *trace) {
    uint64_t rbp = trace->rbp, outer, caller;
    if ((rbp & 1) != 0) {
        const struct trap_frame *frame = (const struct trap_frame *)(rbp - 1);
        if ((rbp - 1) % 8 != 0 || !kernel_map_readable(rbp - 1, sizeof *frame)) {
            return false;
        }
        if (!backtrace_line(trace, "interrupted at", frame->rip, 0)) {
            return false;
        }
        backtrace_interrupted(trace, frame);
        return trace->rbp != 0;
    }
    if (!backtrace_read(rbp, &outer) || !backtrace_read(rbp + 8, &caller)) {
        return false;
    }
    if (caller == (uint64_t)alka_return_pending &&
        !backtrace_read((uint64_t)&alka_thread_of(rbp)->pending_back, &caller)) {
        return false;
    }
    if (caller == 0 || !backtrace_line(trace, "from", caller, 1)) {
        return false;
    }
    if (alka_registry_image_at(&modules_registry, caller - 1) != NULL) {
        backtrace_modules(trace, rbp + 16);
        return trace->rbp != 0;
    }
    trace->rbp = outer;
    return outer > rbp || (outer & 1) != 0;
}

static void backtrace_walk(struct backtrace *trace) {
    while (trace->rbp != 0 && backtrace_frame(trace)) {
    }
}

void backtrace_from_frame(uint64_t rbp) {
    struct backtrace trace = {.rbp = rbp};
    log_line(ALKA_LOG_INFO, "backtrace:");
    backtrace_walk(&trace);
}

void backtrace_from_trap(const struct trap_frame *frame) {
    struct backtrace trace = {.lines = 0};
    log_line(ALKA_LOG_INFO, "backtrace:");
    backtrace_interrupted(&trace, frame);
    backtrace_walk(&trace);
}
