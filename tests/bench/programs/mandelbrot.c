/* mandelbrot (float): escape times over a part of the plane, with the interior tests left out.
 *
 * Stresses: a loop wholly in registers, whose speed is the latency of a chain of f64 operations
 * plus one float compare-and-branch; any move or reload on the chain shows. */
#include "../bench.h"

enum { WIDTH = 420, HEIGHT = 300, LIMIT = 1200 };
static uint16_t escape[HEIGHT][WIDTH];

static void prepare(void) {
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            escape[y][x] = 0xFFFF;
}

static unsigned escape_time(double cr, double ci) {
    double zr = 0, zi = 0, zr2 = 0, zi2 = 0;
    unsigned n = 0;
    while (n < LIMIT && zr2 + zi2 <= 4.0) {
        zi = 2 * zr * zi + ci;
        zr = zr2 - zi2 + cr;
        zr2 = zr * zr;
        zi2 = zi * zi;
        n++;
    }
    return n;
}

static uint64_t run(void) {
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            escape[y][x] = (uint16_t)escape_time(-2.2 + 3.2 * x / WIDTH, -1.2 + 2.4 * y / HEIGHT);

    uint64_t check = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            check = bench_mix(check, escape[y][x]);
    return check;
}

const struct bench_program bench_program = {"mandelbrot", prepare, run, 0x7fc76b6b5d475ffb};
