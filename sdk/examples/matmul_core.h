/*
 * The arithmetic of the matmul example, compiled twice from this text: to Wasm, and natively by the
 * build to learn which bits to expect. IEEE 754 leaves no freedom here: no fused multiply-add, no
 * reordering, no library function.
 */
#ifndef MATMUL_CORE_H
#define MATMUL_CORE_H

#define MATMUL_SIZE 48

/*
 * Values of very different magnitudes, so that a different order of additions shows in the last
 * bits.
 */
static void matmul_fill(float matrix[MATMUL_SIZE][MATMUL_SIZE], unsigned seed) {
    for (int row = 0; row < MATMUL_SIZE; row++) {
        for (int column = 0; column < MATMUL_SIZE; column++) {
            seed = seed * 1664525u + 1013904223u;
            float magnitude = (float)(1u << (seed >> 28));
            matrix[row][column] = ((float)(seed >> 8 & 0xFFFF) - 32768.0f) / 3.0f * magnitude;
        }
    }
}

/*
 * The product, then each element divided by the row's norm-like sum in double precision: uses f32
 * and f64.
 */
static void matmul_run(float result[MATMUL_SIZE][MATMUL_SIZE]) {
    static float left[MATMUL_SIZE][MATMUL_SIZE], right[MATMUL_SIZE][MATMUL_SIZE];
    matmul_fill(left, 1);
    matmul_fill(right, 2);
    for (int row = 0; row < MATMUL_SIZE; row++) {
        double total = 1.0;
        for (int column = 0; column < MATMUL_SIZE; column++) {
            float sum = 0.0f;
            for (int i = 0; i < MATMUL_SIZE; i++)
                sum += left[row][i] * right[i][column];
            result[row][column] = sum;
            total += (double)sum * (double)sum;
        }
        double norm = __builtin_sqrt(total);
        for (int column = 0; column < MATMUL_SIZE; column++)
            result[row][column] = (float)((double)result[row][column] / norm);
    }
}

#endif
