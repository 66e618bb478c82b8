/* Wants more memory than its manifest allows, and takes the refusal well. */
#include <athanor.h>

ATHANOR_EXPORT("main") int32_t greedy(void) {
    size_t before_pages = __builtin_wasm_memory_size(0);
    if (__builtin_wasm_memory_grow(0, 1) != before_pages)
        return 1; /* the manifest allows one more */
    if (__builtin_wasm_memory_grow(0, 1) != SIZE_MAX)
        return 2;
    if (__builtin_wasm_memory_size(0) != before_pages + 1)
        return 3;
    *(volatile char *)((before_pages + 1) * 65536 - 1) = 1;
    athanor_print("refused what was too much");
    return 0;
}
