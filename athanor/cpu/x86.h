/* The instructions that C has no words for, one inline function each. Nothing here decides
 * anything. */
#ifndef ATHANOR_X86_H
#define ATHANOR_X86_H

#include <stdint.h>

static inline void x86_out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t x86_in8(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline void x86_out16(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint16_t x86_in16(uint16_t port) {
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline void x86_out32(uint16_t port, uint32_t value) {
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint32_t x86_in32(uint16_t port) {
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

struct x86_cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct x86_cpuid x86_cpuid(uint32_t leaf, uint32_t subleaf) {
    struct x86_cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t x86_read_msr(uint32_t msr) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void x86_write_msr(uint32_t msr, uint64_t value) {
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

#define X86_CONTROL_REGISTER(n)                                            \
    static inline uint64_t x86_read_cr##n(void) {                          \
        uint64_t value;                                                    \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(value) : : "memory"); \
        return value;                                                      \
    }                                                                      \
    static inline void x86_write_cr##n(uint64_t value) {                   \
        __asm__ volatile("mov %0, %%cr" #n : : "r"(value) : "memory");     \
    }
X86_CONTROL_REGISTER(0)
X86_CONTROL_REGISTER(2)
X86_CONTROL_REGISTER(3)
X86_CONTROL_REGISTER(4)
#undef X86_CONTROL_REGISTER

static inline void x86_write_xcr0(uint64_t value) {
    __asm__ volatile("xsetbv"
                     :
                     : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline void x86_invalidate_page(uint64_t virt) {
    __asm__ volatile("invlpg (%0)" : : "r"(virt) : "memory");
}

/* Ordered against the loads before it, so that what it times has happened. */
static inline uint64_t x86_time_stamp(void) {
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void x86_pause(void) { __asm__ volatile("pause" : : : "memory"); }

static inline void x86_interrupts_off(void) { __asm__ volatile("cli" : : : "memory"); }

static inline void x86_interrupts_on(void) { __asm__ volatile("sti" : : : "memory"); }

/* Waits for an interrupt. The shadow of sti covers hlt, so that none is slept through. */
static inline void x86_interrupts_on_and_halt(void) { __asm__ volatile("sti; hlt" : : : "memory"); }

static inline uint64_t x86_read_flags(void) {
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
    return flags;
}

#define X86_FLAGS_INTERRUPTS (UINT64_C(1) << 9)

static inline void __attribute__((noreturn)) x86_halt_forever(void) {
    for (;;) {
        __asm__ volatile("cli; hlt" : : : "memory");
    }
}

#define X86_MSR_APIC_BASE 0x1Bu
#define X86_MSR_PAT 0x277u
#define X86_MSR_EFER 0xC0000080u
#define X86_MSR_FS_BASE 0xC0000100u
#define X86_MSR_GS_BASE 0xC0000101u

#endif
