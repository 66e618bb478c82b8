/* wasm2c_host.c: main() for a benchmark program that wasm2c turned into C.
 *
 * Supplies the three WASI functions that the programs import. Bounds are left to wasm2c's guard
 * pages, as in the other engines; these functions check the few addresses they use themselves. */
#define _POSIX_C_SOURCE 199309L
#include "program.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static Z_program_instance_t instance;

static uint8_t *memory_at(uint32_t address, uint64_t bytes) {
    const wasm_rt_memory_t *memory = Z_programZ_memory(&instance);
    if (address + bytes > memory->size)
        abort();
    return memory->data + address;
}

static uint32_t load32(uint32_t address) {
    uint32_t value = 0;
    memcpy(&value, memory_at(address, sizeof value), sizeof value);
    return value;
}

uint32_t Z_wasi_snapshot_preview1Z_clock_time_get(struct Z_wasi_snapshot_preview1_instance_t *wasi,
                                                  uint32_t clock, uint64_t precision,
                                                  uint32_t out_ns) {
    (void)wasi, (void)clock, (void)precision;
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 1;
    const uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    memcpy(memory_at(out_ns, sizeof ns), &ns, sizeof ns);
    return 0;
}

uint32_t Z_wasi_snapshot_preview1Z_fd_write(struct Z_wasi_snapshot_preview1_instance_t *wasi,
                                            uint32_t fd, uint32_t vectors, uint32_t count,
                                            uint32_t out_written) {
    (void)wasi;
    uint32_t written = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t address = load32(vectors + 8 * i), bytes = load32(vectors + 8 * i + 4);
        const ssize_t n = write((int)fd, memory_at(address, bytes), bytes);
        if (n < 0)
            return 1;
        written += (uint32_t)n;
    }
    memcpy(memory_at(out_written, sizeof written), &written, sizeof written);
    return 0;
}

void Z_wasi_snapshot_preview1Z_proc_exit(struct Z_wasi_snapshot_preview1_instance_t *wasi,
                                         uint32_t code) {
    (void)wasi;
    exit((int)code);
}

int main(void) {
    wasm_rt_init();
    Z_program_init_module();
    Z_program_instantiate(&instance, NULL);
    Z_programZ__start(&instance);
    Z_program_free(&instance);
    wasm_rt_free();
    return 0;
}
