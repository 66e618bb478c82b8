/*
 * What one processor owns. Reached through FS, which module code cannot change; GS and r15 hold a
 * module's values and are never trusted.
 */
#ifndef ATHANOR_CPU_H
#define ATHANOR_CPU_H

#include <stdint.h>

#define CPU_IST_STACKS 7u
#define CPU_IST_BYTES 16384u
#define CPU_GUARD_BYTES 4096u

#define CPU_SELECTOR_CODE 0x08u
#define CPU_SELECTOR_DATA 0x10u
#define CPU_SELECTOR_TSS 0x18u

/* Which interrupt stack a vector uses. 1–7 as the hardware counts them. */
enum cpu_ist {
    CPU_IST_EXCEPTION = 1,
    CPU_IST_PAGE_FAULT,
    CPU_IST_DEBUG,
    CPU_IST_NMI,
    CPU_IST_DOUBLE_FAULT,
    CPU_IST_MACHINE_CHECK,
    CPU_IST_INTERRUPT,
};

struct cpu_tss {
    uint32_t reserved_0;
    uint64_t rsp[3];
    uint64_t reserved_1;
    uint64_t ist[CPU_IST_STACKS];
    uint64_t reserved_2;
    uint16_t reserved_3, io_map_off;
} __attribute__((packed));

/* The guard is unmapped once the kernel's own page tables are in place. */
struct cpu_ist_stack {
    uint8_t guard[CPU_GUARD_BYTES];
    uint8_t bytes[CPU_IST_BYTES];
} __attribute__((aligned(4096)));

struct trap_recovery;
struct alka_thread;

/* entry.asm and recovery.asm know the offsets of `self` (0) and `recovery` (8). */
struct cpu {
    struct cpu *self;
    struct trap_recovery *recovery; /* innermost; NULL when a fault is final */
    struct alka_thread
        *main_thread; /* whose control stack the shell runs on; NULL before it exists */
    uint64_t gdt[5];  /* null, code, data, TSS in two */
    struct cpu_tss tss;
    struct cpu_ist_stack ist[CPU_IST_STACKS];
};

extern struct cpu cpu_boot;

static inline struct cpu *cpu_this(void) {
    struct cpu *cpu;
    __asm__ volatile("mov %%fs:0, %0" : "=r"(cpu));
    return cpu;
}

static inline struct alka_thread *cpu_main_thread(void) { return cpu_boot.main_thread; }

/* GDT, TSS with its stacks, segment registers and FS base of the processor that runs this. */
void cpu_load_descriptors(struct cpu *cpu);

#endif
