/* Each kernel service, used well and used badly. An export results in 0 when the kernel did what it
 * promises. */
#include <athanor.h>

#define GUARD 0xA5

static unsigned char bytes[96];

static int32_t unchanged(const unsigned char *from, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (from[i] != GUARD)
            return 0;
    }
    return 1;
}

static void *memory_end(void) { return (void *)(__builtin_wasm_memory_size(0) * (size_t)65536); }

/* 64 bytes in the middle change, those around do not, and twice the same is out of the question. */
ATHANOR_EXPORT("random_fills") int32_t random_fills(void) {
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = GUARD;
    athanor_random(bytes + 16, 64);
    uint64_t first, second;
    __builtin_memcpy(&first, bytes + 16, sizeof first);
    __builtin_memcpy(&second, bytes + 72, sizeof second);
    if (first == second || !unchanged(bytes, 16) || !unchanged(bytes + 80, 16))
        return 1;
    athanor_random(bytes + 16, 64);
    uint64_t again;
    __builtin_memcpy(&again, bytes + 16, sizeof again);
    if (again == first)
        return 2;
    athanor_random(memory_end(), 0);
    athanor_random((unsigned char *)memory_end() - 1, 1);
    return 0;
}

ATHANOR_EXPORT("clock_moves") int32_t clock_moves(void) {
    uint64_t start_ns = athanor_clock_ns();
    uint64_t last_ns = start_ns;
    while (last_ns - start_ns < 1000000) {
        uint64_t now_ns = athanor_clock_ns();
        if (now_ns < last_ns)
            return 1;
        last_ns = now_ns;
    }
    return 0;
}

/* Nothing, the last byte of memory, and bytes that a terminal would obey. */
ATHANOR_EXPORT("log_oddities") int32_t log_oddities(void) {
    athanor_log(0, 0);
    athanor_log(memory_end(), 0);
    athanor_log((const char *)memory_end() - 1, 1);
    athanor_print("two\nlines, \033[31mred\033[0m, \r\bback, \xff\xfe not UTF-8");
    static char wide[4000];
    for (size_t i = 0; i < sizeof wide; i++)
        wide[i] = 'w';
    athanor_log(wide, sizeof wide);
    return 0;
}

ATHANOR_EXPORT("exit_well") int32_t exit_well(void) { athanor_exit(0); }

ATHANOR_EXPORT("exit_badly") int32_t exit_badly(void) { athanor_exit(3); }

ATHANOR_EXPORT("result_badly") int32_t result_badly(void) { return 4; }

ATHANOR_EXPORT("log_past_the_end") int32_t log_past_the_end(void) {
    athanor_log((const char *)memory_end() - 4, 5);
    return 0;
}

ATHANOR_EXPORT("log_wraps") int32_t log_wraps(void) {
    athanor_log((const char *)0xFFFFFFF0, 0x20);
    return 0;
}

ATHANOR_EXPORT("random_past_the_end") int32_t random_past_the_end(void) {
    athanor_random((unsigned char *)memory_end() - 4, 0xFFFFFFFF);
    return 0;
}
