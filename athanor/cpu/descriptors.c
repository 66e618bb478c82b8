/*
 * Segments and interrupt stacks. Long mode needs little of them: one code and one data descriptor,
 * and a TSS whose seven IST stacks make handlers independent of the stack that was interrupted.
 * Nothing here can fail.
 */
#include "cpu/cpu.h"
#include "cpu/x86.h"

struct cpu cpu_boot;

#define GDT_CODE UINT64_C(0x00AF9B000000FFFF)
#define GDT_DATA UINT64_C(0x00CF93000000FFFF)
#define GDT_TSS_AVAILABLE UINT64_C(0x0000890000000000)

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static void descriptors_fill(struct cpu *cpu) {
    uint64_t base = (uint64_t)&cpu->tss;
    uint64_t limit = sizeof cpu->tss - 1;
    cpu->gdt[0] = 0;
    cpu->gdt[1] = GDT_CODE;
    cpu->gdt[2] = GDT_DATA;
    cpu->gdt[3] = GDT_TSS_AVAILABLE | limit | (base & 0xFFFFFF) << 16 | (base >> 24 & 0xFF) << 56;
    cpu->gdt[4] = base >> 32;

    for (uint32_t i = 0; i < CPU_IST_STACKS; i++) {
        cpu->tss.ist[i] = (uint64_t)(cpu->ist[i].bytes + CPU_IST_BYTES);
    }
    cpu->tss.io_map_off = sizeof cpu->tss; /* no I/O bitmap */
}

void cpu_load_descriptors(struct cpu *cpu) {
    cpu->self = cpu;
    descriptors_fill(cpu);
    struct table_pointer gdt = {sizeof cpu->gdt - 1, (uint64_t)cpu->gdt};
    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n\t"
                     "1:\n\t"
                     "movl %2, %%eax\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "movl %%eax, %%ss\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "movl %%eax, %%fs\n\t"
                     "movl %%eax, %%gs\n\t"
                     "ltr %w3"
                     :
                     : "m"(gdt), "i"((uint64_t)CPU_SELECTOR_CODE), "i"(CPU_SELECTOR_DATA),
                       "r"(CPU_SELECTOR_TSS)
                     : "rax", "memory");
    x86_write_msr(X86_MSR_FS_BASE, (uint64_t)cpu);
    x86_write_msr(X86_MSR_GS_BASE, 0);
}
