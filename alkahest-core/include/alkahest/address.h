/* One-field structs for the address spaces of the single address space, so that mixing them does
 * not compile. */
#ifndef ALKAHEST_ADDRESS_H
#define ALKAHEST_ADDRESS_H

#include <stdint.h>

/* An address the processor can use: host process or kernel. */
struct alka_host_addr {
    uint64_t value;
};

/* An offset into a linear memory, in bytes. */
struct alka_guest_addr {
    uint64_t value;
};

/* An offset from the first byte of a module's machine code, in bytes. */
struct alka_code_off {
    uint32_t value;
};

#endif
