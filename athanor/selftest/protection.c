/*
 * Proves that the page tables protect what they should: each test does what must fault, and looks
 * at the fault. In: nothing. Out: NULL, or what did not hold.
 */
#include "cpu/cpu.h"
#include "cpu/features.h"
#include "cpu/x86.h"
#include "mm/layout.h"
#include "mm/memory.h"
#include "mm/stacks.h"
#include "selftest/selftest.h"
#include "trap/trap.h"
#include <stddef.h>

#define X86_RET 0xC3u
#define PROTECTION_DIRTY_FLAGS 0x40400 /* DF, AC */

static uint8_t protection_data[16] = {X86_RET};
static const uint8_t protection_constant[16] = {X86_RET};

static void protection_write(void *at) {
    volatile uint8_t *byte = at;
    *byte = *byte;
}

static void protection_read(void *at) { (void)*(volatile uint8_t *)at; }

static void protection_execute(void *at) {
    void (*code)(void);
    __builtin_memcpy(&code, &at, sizeof code);
    code();
}

/* True if the access faults as it must: a page fault at that address, of that kind. */
static bool protection_faults(void (*run)(void *at), const void *at, uint64_t kind) {
    struct trap_recovery fault;
    return !trap_survive(run, (void *)at, &fault) && fault.vector == TRAP_PAGE_FAULT &&
           fault.address == (uint64_t)at &&
           (fault.error & (TRAP_PAGE_FAULT_WRITE | TRAP_PAGE_FAULT_FETCH)) == kind;
}

static const char *protection_text(void) {
    const void *text = (const void *)kernel_text_start;
    const void *alias = layout_direct(layout_kernel_phys(text));
    if (!protection_faults(protection_write, text, TRAP_PAGE_FAULT_WRITE)) {
        return "the kernel's code can be written";
    }
    if (!protection_faults(protection_write, alias, TRAP_PAGE_FAULT_WRITE)) {
        return "the kernel's code can be written through the direct map";
    }
    return NULL;
}

static const char *protection_constants(void) {
    const void *alias = layout_direct(layout_kernel_phys(protection_constant));
    if (!protection_faults(protection_write, protection_constant, TRAP_PAGE_FAULT_WRITE) ||
        !protection_faults(protection_write, alias, TRAP_PAGE_FAULT_WRITE)) {
        return "the kernel's constants can be written";
    }
    return NULL;
}

static const char *protection_no_execute(void) {
    const void *stack[1] = {NULL};
    uint8_t *heap = memory_take(64);
    if (heap == NULL) {
        return "out of memory";
    }
    heap[0] = X86_RET;
    const void *places[] = {protection_data, protection_constant, stack, heap,
                            layout_direct(layout_kernel_phys(kernel_text_start))};
    const char *error = NULL;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (!protection_faults(protection_execute, places[i], TRAP_PAGE_FAULT_FETCH)) {
            error = "data can be executed";
        }
    }
    memory_give(heap, 64);
    return error;
}

static const char *protection_null(void) {
    /* The compiler must not see that these are null or constant. */
    static const uint64_t volatile places[] = {0, 8, 4095, LAYOUT_SLOTS, 0x7FFFFFFFF000};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (!protection_faults(protection_read, (const void *)places[i], 0)) {
            return "the lower half has something mapped";
        }
    }
    return NULL;
}

static const char *protection_guards(void) {
    for (uint32_t i = 0; i < CPU_IST_STACKS; i++) {
        if (!protection_faults(protection_read, cpu_this()->ist[i].guard + CPU_GUARD_BYTES - 1,
                               0)) {
            return "an interrupt stack has no guard";
        }
    }
    struct alka_thread *thread;
    if (stacks_take(&thread) != ALKA_OK) {
        return "out of memory";
    }
    bool guarded = protection_faults(protection_read, (void *)(thread->control_limit - 1), 0) &&
                   protection_faults(protection_read, (void *)(thread->data_limit - 1), 0) &&
                   protection_faults(protection_read,
                                     (void *)(thread->data_limit - ALKA_DATA_GUARD_BYTES), 0) &&
                   protection_faults(protection_read, (void *)thread->data_top, 0);
    stacks_give(thread);
    return guarded ? NULL : "a module stack has no guard";
}

static void protection_divide(void *arg) {
    __asm__ volatile("xorl %%edx, %%edx; movl $1, %%eax; xorl %%ecx, %%ecx; divl %%ecx"
                     :
                     :
                     : "eax", "ecx", "edx", "cc");
    (void)arg;
}

static void protection_ud2(void *arg) {
    (void)arg;
    __asm__ volatile("ud2");
}

static void protection_non_canonical(void *arg) {
    protection_read((void *)((uint64_t)arg | UINT64_C(0x4000000000000000)));
}

/* With DF, AC and a foreign GS base set when it faults: a handler must not care, and must put
 * nothing of it into effect. */
static void protection_dirty_state(void *arg) {
    x86_write_msr(X86_MSR_GS_BASE, UINT64_C(0xDEAD00000000));
    __asm__ volatile("pushfq; orq %1, (%%rsp); popfq; ud2"
                     :
                     : "D"(arg), "i"(PROTECTION_DIRTY_FLAGS)
                     : "memory", "cc");
}

static const char *protection_exceptions(void) {
    static const struct {
        void (*run)(void *arg);
        uint64_t vector;
    } cases[] = {{protection_divide, TRAP_DIVIDE},
                 {protection_ud2, TRAP_INVALID_OPCODE},
                 {protection_non_canonical, TRAP_PROTECTION},
                 {protection_dirty_state, TRAP_INVALID_OPCODE}};
    const char *error = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trap_recovery fault;
        if (trap_survive(cases[i].run, NULL, &fault) || fault.vector != cases[i].vector) {
            error = "an exception did not arrive as itself";
        }
        if ((fault.handler_rflags & PROTECTION_DIRTY_FLAGS) != 0) {
            error = "a handler runs with flags of what it interrupted";
        }
    }
    x86_write_msr(X86_MSR_GS_BASE, 0);
    return error;
}

static const char *protection_control_registers(void) {
    const uint64_t write_protect = UINT64_C(1) << 16;
    const uint64_t no_execute = UINT64_C(1) << 11;
    if ((x86_read_cr0() & write_protect) == 0) {
        return "CR0.WP is off";
    }
    if ((x86_read_msr(X86_MSR_EFER) & no_execute) == 0) {
        return "EFER.NXE is off";
    }
    uint64_t cr4 = x86_read_cr4();
    bool smep = (cr4 >> 20 & 1) != 0, smap = (cr4 >> 21 & 1) != 0, umip = (cr4 >> 11 & 1) != 0;
    if (smep != cpu_features.has[CPU_SMEP] || smap != cpu_features.has[CPU_SMAP] ||
        umip != cpu_features.has[CPU_UMIP]) {
        return "SMEP, SMAP or UMIP is not as the processor offers it";
    }
    return NULL;
}

const struct selftest selftest_protection[] = {
    {"control-registers", protection_control_registers},
    {"exceptions", protection_exceptions},
    {"code-read-only", protection_text},
    {"constants-read-only", protection_constants},
    {"data-no-execute", protection_no_execute},
    {"lower-half-empty", protection_null},
    {"stack-guards", protection_guards},
    {NULL, NULL},
};
