/*
 * Four ways to fail, one export each. Every one must end in a trap that costs nobody else anything,
 * and a trace that names the function. Volatile keeps the compiler from proving the failure and
 * removing it.
 */
#include <athanor.h>

static volatile uint32_t zero;

static __attribute__((noinline)) uint32_t read_past_the_end(uintptr_t address) {
    return *(volatile uint32_t *)address;
}

ATHANOR_EXPORT("out_of_bounds") int32_t out_of_bounds(void) {
    return (int32_t)read_past_the_end(UINT32_C(0xFFFFFFF0) - zero);
}

ATHANOR_EXPORT("divide_by_zero") int32_t divide_by_zero(void) { return (int32_t)(100 / zero); }

/* Uses no memory of the module's own stack: what ends is the kernel's control stack. */
static __attribute__((noinline)) uint32_t deeper(uint32_t depth) {
    uint32_t below = depth == UINT32_MAX ? 0 : deeper(depth + 1);
    zero = 0; /* work after the call, so that it does not become a jump */
    return below + 1;
}

ATHANOR_EXPORT("stack_overflow") int32_t stack_overflow(void) { return (int32_t)deeper(zero); }

ATHANOR_EXPORT("unreachable") int32_t unreachable(void) { __builtin_trap(); }

/* Still works after all of them: a trap ends a call, not the module. */
ATHANOR_EXPORT("still_alive") int32_t still_alive(void) { return (int32_t)zero; }
