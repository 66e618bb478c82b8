/*
 * Asks the processor what it can do (Intel SDM volume 2, CPUID). A vector feature counts only if
 * the operating system saves the registers that it needs (XCR0).
 */
#include "options.h"

#include <cpuid.h>

#define CPU_XCR0_AVX 6u /* SSE and AVX state */

struct cpu_bit {
    uint32_t mask;
    alka_cpu_set feature;
};

/* Leaf 1, ecx */
static const struct cpu_bit cpu_leaf_1[] = {
    {1u << 0, ALKA_CPU_SSE3},   {1u << 9, ALKA_CPU_SSSE3},  {1u << 12, ALKA_CPU_FMA},
    {1u << 19, ALKA_CPU_SSE41}, {1u << 20, ALKA_CPU_SSE42}, {1u << 23, ALKA_CPU_POPCNT},
    {1u << 28, ALKA_CPU_AVX},
};

/* Leaf 7, subleaf 0, ebx */
static const struct cpu_bit cpu_leaf_7[] = {
    {1u << 3, ALKA_CPU_BMI1}, {1u << 5, ALKA_CPU_AVX2}, {1u << 8, ALKA_CPU_BMI2}};

/* Leaf 0x80000001, ecx */
static const struct cpu_bit cpu_leaf_extended[] = {{1u << 5, ALKA_CPU_LZCNT}};

static alka_cpu_set cpu_collect(uint32_t word, const struct cpu_bit *bits, size_t count) {
    alka_cpu_set set = 0;
    for (size_t i = 0; i < count; i++)
        if (word & bits[i].mask)
            set |= bits[i].feature;
    return set;
}

static bool cpu_saves_avx(uint32_t leaf_1_ecx) {
    if (!(leaf_1_ecx & (1u << 27))) /* OSXSAVE */
        return false;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & CPU_XCR0_AVX) == CPU_XCR0_AVX;
}

alka_cpu_set cpu_native(void) {
    uint32_t a, b, c, d, leaf_1_ecx = 0;
    alka_cpu_set set = 0;
    if (__get_cpuid(1, &a, &b, &leaf_1_ecx, &d))
        set |= cpu_collect(leaf_1_ecx, cpu_leaf_1, sizeof cpu_leaf_1 / sizeof cpu_leaf_1[0]);
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
        set |= cpu_collect(b, cpu_leaf_7, sizeof cpu_leaf_7 / sizeof cpu_leaf_7[0]);
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        set |= cpu_collect(c, cpu_leaf_extended,
                           sizeof cpu_leaf_extended / sizeof cpu_leaf_extended[0]);
    if (!cpu_saves_avx(leaf_1_ecx))
        set &= ~(alka_cpu_set)(ALKA_CPU_AVX | ALKA_CPU_AVX2 | ALKA_CPU_FMA);
    return set;
}
