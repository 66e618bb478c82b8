/*
 * Host tool: prints the bits of every element that matmul_run yields on this machine, as a C
 * header.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "matmul_core.h"

int main(void) {
    static float result[MATMUL_SIZE][MATMUL_SIZE];
    matmul_run(result);
    puts("static const unsigned matmul_expected[MATMUL_SIZE * MATMUL_SIZE] = {");
    for (int i = 0; i < MATMUL_SIZE * MATMUL_SIZE; i++) {
        uint32_t bits;
        memcpy(&bits, &result[i / MATMUL_SIZE][i % MATMUL_SIZE], sizeof bits);
        printf("0x%08x,%c", (unsigned)bits, i % 8 == 7 ? '\n' : ' ');
    }
    puts("};");
    return 0;
}
