/*
 * Exceptions and interrupts. Every vector runs on an IST stack: the interrupted
 * stack pointer may be a module's and about to run out.
 */
#ifndef ATHANOR_TRAP_H
#define ATHANOR_TRAP_H

#include <stdbool.h>
#include <stdint.h>

#define TRAP_VECTORS 256u
#define TRAP_VECTOR_TIMER 0x20u
#define TRAP_VECTOR_DEVICES 0x21u /* the first for devices */
#define TRAP_VECTOR_DEVICES_END 0xF0u
#define TRAP_VECTOR_SPURIOUS 0xFFu

enum trap_exception {
    TRAP_DIVIDE = 0,
    TRAP_DEBUG = 1,
    TRAP_NMI = 2,
    TRAP_BREAKPOINT = 3,
    TRAP_INVALID_OPCODE = 6,
    TRAP_DOUBLE_FAULT = 8,
    TRAP_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    TRAP_MACHINE_CHECK = 18,
    TRAP_EXCEPTIONS = 32, /* how many */
};

#define TRAP_PAGE_FAULT_PRESENT 1u
#define TRAP_PAGE_FAULT_WRITE 2u
#define TRAP_PAGE_FAULT_FETCH 16u

/* The interrupted state, as entry.asm lays it out. What a handler changes is
 * what is resumed. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Fills and loads the interrupt table. Call after cpu_load_descriptors; on each
 * processor. */
void trap_load(void);

/* `frame` is what was interrupted. Interrupts are off in a handler; it must be
 * short and must not wait. */
typedef void (*trap_handler)(void *self, struct trap_frame *frame);

void trap_set_handler(uint8_t vector, trap_handler handler, void *self);
/* A vector for a device that has none yet; 0 when all are given away. */
uint8_t trap_take_vector(void);

/*
 * The one way to survive a fault of the kernel's own: self-tests use it. Runs
 * run(arg); a fault that nothing else claims ends it, and the state of locks
 * and data is as the fault left it.
 */
struct trap_recovery {
    uint64_t rsp, rip;
    struct trap_recovery *outer;
    uint64_t rflags;
    /* Of the fault: */
    uint64_t vector, error, address, fault_rip;
    uint64_t handler_rflags; /* with which the handler ran */
};

/* True if run(arg) returned; false if it faulted, with the fault in *out. */
bool trap_survive(void (*run)(void *arg), void *arg, struct trap_recovery *out);

const char *trap_name(uint64_t vector);

#endif
