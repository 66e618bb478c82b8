/*
 * What happens at an exception or interrupt. In: the saved state of whatever
 * ran. Out: that state again, changed or not; or the end of the kernel, with a
 * dump. Must never trust a register, stack or segment base of the interrupted
 * code.
 */
#include "trap/trap.h"
#include "cpu/cpu.h"
#include "cpu/x86.h"
#include "modules/modules.h"
#include "objects/buffers.h"
#include "sched/thread.h"
#include "trap/panic.h"
#include <stddef.h>

struct idt_entry {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

#define IDT_INTERRUPT_GATE 0x8Eu /* present, ring 0; clears IF on entry */
#define TRAP_STUB_BYTES 16u

extern const uint8_t trap_stubs[];
bool trap_enter_recovery(void (*run)(void *arg), void *arg, struct trap_recovery *recovery);
void trap_dispatch(struct trap_frame *frame);

static struct idt_entry idt[TRAP_VECTORS] __attribute__((aligned(16)));
static struct {
    trap_handler run;
    void *self;
} trap_handlers[TRAP_VECTORS];
static uint32_t trap_next_vector = TRAP_VECTOR_DEVICES;

static enum cpu_ist trap_ist(uint32_t vector) {
    switch (vector) {
    case TRAP_DEBUG:
    case TRAP_BREAKPOINT:
        return CPU_IST_DEBUG;
    case TRAP_NMI:
        return CPU_IST_NMI;
    case TRAP_DOUBLE_FAULT:
        return CPU_IST_DOUBLE_FAULT;
    case TRAP_PAGE_FAULT:
        return CPU_IST_PAGE_FAULT;
    case TRAP_MACHINE_CHECK:
        return CPU_IST_MACHINE_CHECK;
    default:
        return vector < TRAP_EXCEPTIONS ? CPU_IST_EXCEPTION : CPU_IST_INTERRUPT;
    }
}

void trap_load(void) {
    for (uint32_t vector = 0; vector < TRAP_VECTORS; vector++) {
        uint64_t stub = (uint64_t)(trap_stubs + (size_t)vector * TRAP_STUB_BYTES);
        idt[vector] = (struct idt_entry){
            .offset_low = (uint16_t)stub,
            .selector = CPU_SELECTOR_CODE,
            .ist = (uint8_t)trap_ist(vector),
            .type = IDT_INTERRUPT_GATE,
            .offset_middle = (uint16_t)(stub >> 16),
            .offset_high = (uint32_t)(stub >> 32),
        };
    }
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof idt - 1, (uint64_t)idt};
    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

void trap_set_handler(uint8_t vector, trap_handler handler, void *self) {
    trap_handlers[vector].self = self;
    __atomic_store_n(&trap_handlers[vector].run, handler, __ATOMIC_RELEASE);
}

uint8_t trap_take_vector(void) {
    if (trap_next_vector == TRAP_VECTOR_DEVICES_END) {
        return 0;
    }
    return (uint8_t)trap_next_vector++;
}

bool trap_survive(void (*run)(void *arg), void *arg, struct trap_recovery *out) {
    struct cpu *cpu = cpu_this();
    *out = (struct trap_recovery){.outer = cpu->recovery, .rflags = x86_read_flags()};
    bool returned = trap_enter_recovery(run, arg, out);
    cpu->recovery = out->outer;
    return returned;
}

/* True if a trap_survive is waiting and the fault is one that leaves the
 * machine in a known state.
 */
static bool trap_recover(struct trap_frame *frame) {
    struct trap_recovery *recovery = cpu_this()->recovery;
    if (recovery == NULL || frame->vector == TRAP_NMI || frame->vector == TRAP_DOUBLE_FAULT ||
        frame->vector == TRAP_MACHINE_CHECK) {
        return false;
    }
    recovery->vector = frame->vector;
    recovery->error = frame->error;
    recovery->address = frame->vector == TRAP_PAGE_FAULT ? x86_read_cr2() : 0;
    recovery->fault_rip = frame->rip;
    recovery->handler_rflags = x86_read_flags();
    frame->rip = recovery->rip;
    frame->rsp = recovery->rsp;
    frame->rflags = recovery->rflags;
    return true;
}

/* Somebody may go on at the same instruction. */
static bool trap_take_page(const struct trap_frame *frame) {
    return frame->vector == TRAP_PAGE_FAULT && buffers_take_fault(x86_read_cr2());
}

void trap_dispatch(struct trap_frame *frame) {
    if (frame->vector < TRAP_EXCEPTIONS) {
        if (!modules_take_fault(frame) && !trap_take_page(frame) && !trap_recover(frame)) {
            panic_at_trap(frame);
        }
        return;
    }
    trap_handler run = __atomic_load_n(&trap_handlers[frame->vector].run, __ATOMIC_ACQUIRE);
    if (run != NULL) {
        run(trap_handlers[frame->vector].self, frame);
    }
    threads_leave_interrupt(frame);
}

const char *trap_name(uint64_t vector) {
    static const char *const names[] = {
        "#DE divide error",
        "#DB debug",
        "NMI",
        "#BP breakpoint",
        "#OF overflow",
        "#BR bound range",
        "#UD invalid opcode",
        "#NM no FPU",
        "#DF double fault",
        "coprocessor overrun",
        "#TS invalid TSS",
        "#NP segment not present",
        "#SS stack segment",
        "#GP general protection",
        "#PF page fault",
        "reserved (15)",
        "#MF x87 floating point",
        "#AC alignment check",
        "#MC machine check",
        "#XM SIMD floating point",
        "#VE virtualization",
        "#CP control protection",
    };
    return vector < sizeof names / sizeof names[0] ? names[vector] : "unknown exception";
}
