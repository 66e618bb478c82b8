/*
 * Processor features. In: CPUID. Out: cpu_features, and control registers with every protection and
 * state component that CPUID names. It must never set a control bit that CPUID does not advertise:
 * that faults, or hangs an emulator.
 */
#include "cpu/features.h"
#include "cpu/x86.h"
#include <string.h>

struct cpu_features cpu_features;

#define CR0_MP (UINT64_C(1) << 1)
#define CR0_EM (UINT64_C(1) << 2)
#define CR0_TS (UINT64_C(1) << 3)
#define CR0_NE (UINT64_C(1) << 5)
#define CR0_WP (UINT64_C(1) << 16)
#define CR0_AM (UINT64_C(1) << 18)

#define CR4_DE (UINT64_C(1) << 3)
#define CR4_OSFXSR (UINT64_C(1) << 9)
#define CR4_OSXMMEXCPT (UINT64_C(1) << 10)
#define CR4_UMIP (UINT64_C(1) << 11)
#define CR4_FSGSBASE (UINT64_C(1) << 16)
#define CR4_OSXSAVE (UINT64_C(1) << 18)
#define CR4_SMEP (UINT64_C(1) << 20)
#define CR4_SMAP (UINT64_C(1) << 21)

#define XSTATE_X87_SSE UINT64_C(3)
#define XSTATE_AVX UINT64_C(4)
#define XSTATE_AVX512 UINT64_C(0xE0)

#define FXSAVE_BYTES 512u

/* Entry 4 becomes write-combining (page-table bit 7), the others stay as they are after a reset. */
#define PAT_VALUE UINT64_C(0x0007040100070406)

struct feature_row {
    const char *name;
    uint32_t leaf;
    uint8_t subleaf, reg, bit, required;
};

enum { REG_eax, REG_ebx, REG_ecx, REG_edx };
enum { NEED_O, NEED_R };

static const struct feature_row feature_rows[CPU_FEATURE_COUNT] = {
#define CPU_FEATURE_ROW(id, text, leaf, subleaf, reg, bit, need) \
    {text, leaf, subleaf, REG_##reg, bit, NEED_##need},
    CPU_FEATURES(CPU_FEATURE_ROW)
#undef CPU_FEATURE_ROW
};

const char *cpu_feature_name(enum cpu_feature feature) { return feature_rows[feature].name; }

/* All zero for a leaf that the processor does not have (Intel ones would answer with another leaf's
 * data). */
static struct x86_cpuid feature_leaf(uint32_t leaf, uint32_t subleaf) {
    uint32_t last = x86_cpuid(leaf & 0x80000000u, 0).eax;
    if (leaf > last || (last ^ leaf) >> 31 != 0) {
        return (struct x86_cpuid){0};
    }
    return x86_cpuid(leaf, subleaf);
}

static uint32_t feature_register(struct x86_cpuid leaf, uint8_t reg) {
    const uint32_t registers[] = {leaf.eax, leaf.ebx, leaf.ecx, leaf.edx};
    return registers[reg];
}

static void feature_brand(char out[static 49]) {
    size_t length = 0;
    for (uint32_t i = 0; i < 3; i++) {
        struct x86_cpuid text = feature_leaf(0x80000002u + i, 0);
        memcpy(out + length, &text, sizeof text);
        length += sizeof text;
    }
    out[length] = '\0';
}

/* Saved state must be complete: AVX without XSAVE cannot be used, AVX2 and AVX-512 need AVX's
 * state. */
static void feature_xstate(struct cpu_features *features) {
    features->xsave_mask = 0;
    features->xsave_area_bytes = FXSAVE_BYTES;
    if (!features->has[CPU_XSAVE]) {
        features->has[CPU_AVX] = false;
    }
    if (!features->has[CPU_AVX]) {
        features->has[CPU_AVX2] = features->has[CPU_FMA] = features->has[CPU_AVX512F] = false;
    }
    if (!features->has[CPU_XSAVE]) {
        return;
    }
    struct x86_cpuid state = feature_leaf(0xD, 0);
    uint64_t offered = (uint64_t)state.edx << 32 | state.eax;
    uint64_t wanted = XSTATE_X87_SSE;
    wanted |= features->has[CPU_AVX] ? XSTATE_AVX : 0;
    wanted |= features->has[CPU_AVX512F] && (offered & XSTATE_AVX512) == XSTATE_AVX512
                  ? XSTATE_AVX512
                  : 0;
    features->xsave_mask = wanted & offered;
}

const char *cpu_features_detect(void) {
    const char *missing = NULL;
    for (uint32_t i = 0; i < CPU_FEATURE_COUNT; i++) {
        const struct feature_row *row = &feature_rows[i];
        uint32_t bits = feature_register(feature_leaf(row->leaf, row->subleaf), row->reg);
        cpu_features.has[i] = (bits >> row->bit & 1) != 0;
        if (!cpu_features.has[i] && row->required == NEED_R && missing == NULL) {
            missing = row->name;
        }
    }
    feature_brand(cpu_features.brand);
    feature_xstate(&cpu_features);
    return missing;
}

void cpu_features_enable(void) {
    uint64_t cr0 = x86_read_cr0();
    cr0 &= ~(CR0_EM | CR0_TS);
    x86_write_cr0(cr0 | CR0_MP | CR0_NE | CR0_WP | CR0_AM);

    static const struct {
        enum cpu_feature feature;
        uint64_t bit;
    } by_feature[] = {{CPU_FSGSBASE, CR4_FSGSBASE},
                      {CPU_XSAVE, CR4_OSXSAVE},
                      {CPU_SMEP, CR4_SMEP},
                      {CPU_SMAP, CR4_SMAP},
                      {CPU_UMIP, CR4_UMIP}};
    uint64_t cr4 = x86_read_cr4() | CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    for (size_t i = 0; i < sizeof by_feature / sizeof by_feature[0]; i++) {
        cr4 |= cpu_features.has[by_feature[i].feature] ? by_feature[i].bit : 0;
    }
    x86_write_cr4(cr4);

    if (cpu_features.xsave_mask != 0) {
        x86_write_xcr0(cpu_features.xsave_mask);
        /* Leaf 13 reports the size for what XCR0 holds now. */
        cpu_features.xsave_area_bytes = x86_cpuid(0xD, 0).ebx;
    }
    x86_write_msr(X86_MSR_PAT, PAT_VALUE);
}
