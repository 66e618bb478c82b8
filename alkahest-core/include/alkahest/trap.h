/* Why module code stopped, and where: trap kinds and the sites that map machine offsets back to
 * Wasm (design: "Traps"). */
#ifndef ALKAHEST_TRAP_H
#define ALKAHEST_TRAP_H

#include <stdint.h>

/* TRAP(id, diagnostic code number, official message of the test suite) */
#define ALKA_TRAPS(TRAP)                                                         \
    TRAP(NONE, 0, "no trap")                                                     \
    TRAP(UNREACHABLE, 600, "unreachable")                                        \
    TRAP(MEMORY_BOUNDS, 601, "out of bounds memory access")                      \
    TRAP(INTEGER_DIVIDE_BY_ZERO, 602, "integer divide by zero")                  \
    TRAP(INTEGER_OVERFLOW, 603, "integer overflow")                              \
    TRAP(INVALID_CONVERSION, 604, "invalid conversion to integer")               \
    TRAP(TABLE_BOUNDS, 605, "out of bounds table access")                        \
    TRAP(UNDEFINED_ELEMENT, 606, "undefined element")                            \
    TRAP(UNINITIALIZED_ELEMENT, 607, "uninitialized element")                    \
    TRAP(INDIRECT_TYPE_MISMATCH, 608, "indirect call type mismatch")             \
    TRAP(STACK_EXHAUSTED, 609, "call stack exhausted")                           \
    TRAP(NULL_REFERENCE, 610, "null reference")                                  \
    TRAP(CAST_FAILURE, 611, "cast failure")                                      \
    TRAP(ARRAY_BOUNDS, 612, "out of bounds array access")                        \
    TRAP(UNALIGNED_ATOMIC, 613, "unaligned atomic")                              \
    TRAP(EXPECTED_SHARED, 614, "expected shared memory")                         \
    TRAP(UNCAUGHT_EXCEPTION, 615, "unhandled exception")                         \
    TRAP(HOST, 616, "a host function refused")                                   \
    TRAP(EXIT, 617, "the module asked to exit")                                  \
    TRAP(KILLED, 618, "killed")                                                  \
    TRAP(CALLEE_GONE, 619, "the called module is gone")                          \
    TRAP(EXCEPTIONS_EXHAUSTED, 620, "too many exceptions are held by reference") \
    TRAP(GATE_DEPTH, 621, "too many calls into other modules, one inside the other")

enum alka_trap {
#define ALKA_TRAP_ID(id, code, message) ALKA_TRAP_##id,
    ALKA_TRAPS(ALKA_TRAP_ID)
#undef ALKA_TRAP_ID
        ALKA_TRAP_COUNT
};

/* The official message, and the code number that `alkahest explain` knows; of what is no trap, as
 * of NONE. */
const char *alka_trap_message(enum alka_trap kind);
uint32_t alka_trap_code(enum alka_trap kind);

/* One machine instruction that may trap: sorted by code_off. `where` packs the Wasm offset (27
 * bits) and the kind (5). */
struct alka_trap_site {
    uint32_t
        code_off; /* of the first byte of the instruction, from the start of the module's code */
    uint32_t where;
};

static inline struct alka_trap_site alka_trap_site_make(uint32_t code_off, uint32_t wasm_off,
                                                        enum alka_trap kind) {
    struct alka_trap_site site = {code_off, wasm_off | (uint32_t)kind << 27};
    return site;
}
static inline uint32_t alka_trap_site_wasm_off(struct alka_trap_site site) {
    return site.where & 0x7FFFFFF;
}
static inline enum alka_trap alka_trap_site_kind(struct alka_trap_site site) {
    return (enum alka_trap)(site.where >> 27);
}

#endif
