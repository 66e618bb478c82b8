/*
 * Floating point, bit for bit: multiplies two matrices and compares every element with what the
 * host computed.
 */
#include <athanor.h>
#include <athanor/line.h>

#include "matmul_core.h"
#include "matmul_expected.h"

static uint32_t bits_of(float value) {
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

ATHANOR_APP(matmul) {
    static float result[MATMUL_SIZE][MATMUL_SIZE];
    matmul_run(result);

    struct line line = {0};
    for (uint32_t i = 0; i < MATMUL_SIZE * MATMUL_SIZE; i++) {
        uint32_t bits = bits_of(result[i / MATMUL_SIZE][i % MATMUL_SIZE]);
        if (bits == matmul_expected[i])
            continue;
        line_text(&line, "element ");
        line_u64(&line, i);
        line_text(&line, " is ");
        line_hex(&line, bits, 8);
        line_text(&line, ", the host has ");
        line_hex(&line, matmul_expected[i], 8);
        line_log(&line);
        return 1;
    }
    line_u64(&line, MATMUL_SIZE * MATMUL_SIZE);
    line_text(&line, " elements as on the host, bit for bit");
    line_log(&line);
    return 0;
}
