/* blur (float): separable Gaussian blur of an 8-bit picture through f32 arithmetic.
 *
 * Stresses: conversions (u8 to f32, f32 to integer with clamping), selects and min/max, narrow
 * loads and stores, and a window of seven taps with constants that should stay out of memory. */
#include "../bench.h"

enum { WIDTH = 640, HEIGHT = 480, RADIUS = 3, REPEATS = 50 };
static uint8_t picture[HEIGHT][WIDTH];
static float rows[HEIGHT][WIDTH];
static const float weights[RADIUS + 1] = {0.28f, 0.22f, 0.1f, 0.04f};

static void prepare(void) {
    uint64_t seed = 10;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            picture[y][x] = (uint8_t)(bench_random(&seed) >> 56);
}

static int clamp(int at, int limit) { return at < 0 ? 0 : at >= limit ? limit - 1 : at; }

static void blur_rows(void) {
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            float sum = (float)picture[y][x] * weights[0];
            for (int r = 1; r <= RADIUS; r++)
                sum += weights[r] * ((float)picture[y][clamp(x - r, WIDTH)] +
                                     (float)picture[y][clamp(x + r, WIDTH)]);
            rows[y][x] = sum;
        }
}

static void blur_columns(float contrast) {
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            float sum = rows[y][x] * weights[0];
            for (int r = 1; r <= RADIUS; r++)
                sum += weights[r] * (rows[clamp(y - r, HEIGHT)][x] + rows[clamp(y + r, HEIGHT)][x]);
            sum = (sum - 128.0f) * contrast + 128.5f;
            sum = sum < 0.0f ? 0.0f : sum;
            sum = sum > 255.0f ? 255.0f : sum;
            picture[y][x] = (uint8_t)(int)sum;
        }
}

static uint64_t run(void) {
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        blur_rows();
        blur_columns(1.6f);
    }
    uint64_t check = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            check = bench_mix(check, picture[y][x]);
    return check;
}

const struct bench_program bench_program = {"blur", prepare, run, 0x29ca39f4ecb66417};
