/*
 * The one address space.
 *
 *   lower half                 memory slots of modules, 8 GiB of address space each (crucible/)
 *   0xFFFF_8000_0000_0000      direct map: all of RAM, never executable
 *   0xFFFF_C000_0000_0000      data stacks and their guards, control stacks (mm/stacks.h)
 *   0xFFFF_E000_0000_0000      pages mapped for the kernel and for Alkahest; device registers
 * (mm/vmap.h) 0xFFFF_FFFF_8000_0000      the kernel image, then module code up to the end
 * (crucible/)
 */
#ifndef ATHANOR_LAYOUT_H
#define ATHANOR_LAYOUT_H

#include <stdint.h>

#define LAYOUT_SLOTS                                                                              \
    UINT64_C(0x0000000100000000) /* the first 4 GiB stay empty: null pointers and 32-bit mistakes \
                                  */
#define LAYOUT_SLOTS_END UINT64_C(0x0000800000000000)
#define LAYOUT_DIRECT UINT64_C(0xFFFF800000000000)
#define LAYOUT_DIRECT_BYTES (UINT64_C(1) << 46)
#define LAYOUT_STACKS UINT64_C(0xFFFFC00000000000)
#define LAYOUT_STACKS_END UINT64_C(0xFFFFE00000000000)
#define LAYOUT_PAGES UINT64_C(0xFFFFE00000000000)
#define LAYOUT_PAGES_END UINT64_C(0xFFFFF00000000000)
#define LAYOUT_KERNEL UINT64_C(0xFFFFFFFF80000000)
/* The last pages stay empty, so that no end of a range is 0. */
#define LAYOUT_CODE_END UINT64_C(0xFFFFFFFFFFE00000)

/* Reached by the provisional tables of boot/entry.asm. */
#define LAYOUT_EARLY_PHYS_END (UINT64_C(4) << 30)

/* kernel.ld */
extern const uint8_t kernel_phys_start[], kernel_phys_end[]; /* their addresses are physical */
extern const uint8_t kernel_text_start[], kernel_text_end[], kernel_rodata_end[], kernel_end[];

static inline void *layout_direct(uint64_t phys) { return (void *)(LAYOUT_DIRECT + phys); }

static inline uint64_t layout_kernel_phys(const void *in_image) {
    return (uint64_t)in_image - LAYOUT_KERNEL;
}

#endif
