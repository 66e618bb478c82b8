/* What this processor can do, and switching it on. */
#ifndef ATHANOR_FEATURES_H
#define ATHANOR_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * CPU(ID, text, leaf, subleaf, register, bit, need): need is R for a feature the kernel cannot run
 * without. Leaf numbers as in the Intel and AMD manuals' CPUID tables.
 */
/* clang-format off */
#define CPU_FEATURES(CPU)                          \
    CPU(TSC,      "tsc",      1, 0, edx, 4, R)     \
    CPU(MSR,      "msr",      1, 0, edx, 5, R)     \
    CPU(PAE,      "pae",      1, 0, edx, 6, R)     \
    CPU(APIC,     "apic",     1, 0, edx, 9, R)     \
    CPU(CMOV,     "cmov",     1, 0, edx, 15, R)    \
    CPU(PAT,      "pat",      1, 0, edx, 16, R)    \
    CPU(FXSR,     "fxsr",     1, 0, edx, 24, R)    \
    CPU(SSE2,     "sse2",     1, 0, edx, 26, R)    \
    CPU(NX,       "nx",       0x80000001, 0, edx, 20, R) \
    CPU(LM,       "lm",       0x80000001, 0, edx, 29, R) \
    CPU(PAGE1G,   "1gpages",  0x80000001, 0, edx, 26, O) \
    CPU(LZCNT,    "lzcnt",    0x80000001, 0, ecx, 5, O)  \
    CPU(SSE3,     "sse3",     1, 0, ecx, 0, O)     \
    CPU(SSSE3,    "ssse3",    1, 0, ecx, 9, O)     \
    CPU(FMA,      "fma",      1, 0, ecx, 12, O)    \
    CPU(CX16,     "cx16",     1, 0, ecx, 13, O)    \
    CPU(SSE41,    "sse4.1",   1, 0, ecx, 19, O)    \
    CPU(SSE42,    "sse4.2",   1, 0, ecx, 20, O)    \
    CPU(X2APIC,   "x2apic",   1, 0, ecx, 21, O)    \
    CPU(POPCNT,   "popcnt",   1, 0, ecx, 23, O)    \
    CPU(DEADLINE, "tsc-deadline", 1, 0, ecx, 24, O) \
    CPU(XSAVE,    "xsave",    1, 0, ecx, 26, O)    \
    CPU(AVX,      "avx",      1, 0, ecx, 28, O)    \
    CPU(RDRAND,   "rdrand",   1, 0, ecx, 30, O)    \
    CPU(FSGSBASE, "fsgsbase", 7, 0, ebx, 0, O)     \
    CPU(BMI1,     "bmi1",     7, 0, ebx, 3, O)     \
    CPU(AVX2,     "avx2",     7, 0, ebx, 5, O)     \
    CPU(SMEP,     "smep",     7, 0, ebx, 7, O)     \
    CPU(BMI2,     "bmi2",     7, 0, ebx, 8, O)     \
    CPU(ERMS,     "erms",     7, 0, ebx, 9, O)     \
    CPU(AVX512F,  "avx512f",  7, 0, ebx, 16, O)    \
    CPU(SMAP,     "smap",     7, 0, ebx, 20, O)    \
    CPU(UMIP,     "umip",     7, 0, ecx, 2, O)     \
    CPU(INVTSC,   "invtsc",   0x80000007, 0, edx, 8, O)
/* clang-format on */

enum cpu_feature {
#define CPU_FEATURE_ID(id, text, leaf, subleaf, reg, bit, need) CPU_##id,
    CPU_FEATURES(CPU_FEATURE_ID)
#undef CPU_FEATURE_ID
        CPU_FEATURE_COUNT
};

struct cpu_features {
    bool has[CPU_FEATURE_COUNT];
    char brand[49];
    uint64_t xsave_mask;       /* the state components that are switched on */
    uint32_t xsave_area_bytes; /* what saving them needs; 512 (FXSAVE) without XSAVE */
};

extern struct cpu_features cpu_features;

/* Fills cpu_features. Returns the text of a required feature that is missing, or NULL. */
const char *cpu_features_detect(void);

/* Sets CR0, CR4, XCR0, EFER and PAT for everything found. Call on each processor, after detecting.
 */
void cpu_features_enable(void);

const char *cpu_feature_name(enum cpu_feature feature);

#endif
