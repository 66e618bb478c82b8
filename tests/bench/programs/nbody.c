/* nbody (float): gravity between bodies, integrated by leapfrog; energy must be conserved.
 *
 * Stresses: structures of f64 fields read and written in a doubly nested loop, long chains through
 * sqrt and division whose latency other work must hide, and more live floats than registers. */
#include "../bench.h"

enum { BODIES = 24, STEPS = 80000 };
#define SOFTENING 0.05
#define STEP 0.0001

struct body {
    double x, y, z, vx, vy, vz, mass;
};
static struct body bodies[BODIES];

static void prepare(void) {
    uint64_t seed = 8;
    for (int i = 0; i < BODIES; i++) {
        struct body *b = &bodies[i];
        b->x = bench_random_unit(&seed) * 2 - 1;
        b->y = bench_random_unit(&seed) * 2 - 1;
        b->z = bench_random_unit(&seed) * 2 - 1;
        b->vx = bench_random_unit(&seed) * 0.2 - 0.1;
        b->vy = bench_random_unit(&seed) * 0.2 - 0.1;
        b->vz = bench_random_unit(&seed) * 0.2 - 0.1;
        b->mass = (bench_random_unit(&seed) + 0.5) / BODIES;
    }
}

static double energy(void) {
    double sum = 0;
    for (int i = 0; i < BODIES; i++) {
        const struct body *b = &bodies[i];
        sum += 0.5 * b->mass * (b->vx * b->vx + b->vy * b->vy + b->vz * b->vz);
        for (int j = i + 1; j < BODIES; j++) {
            const struct body *o = &bodies[j];
            const double dx = b->x - o->x, dy = b->y - o->y, dz = b->z - o->z;
            sum -= b->mass * o->mass / __builtin_sqrt(dx * dx + dy * dy + dz * dz + SOFTENING);
        }
    }
    return sum;
}

static void pull(void) {
    for (int i = 0; i < BODIES; i++) {
        struct body *b = &bodies[i];
        for (int j = i + 1; j < BODIES; j++) {
            struct body *o = &bodies[j];
            const double dx = b->x - o->x, dy = b->y - o->y, dz = b->z - o->z;
            const double square = dx * dx + dy * dy + dz * dz + SOFTENING;
            const double force = STEP / (square * __builtin_sqrt(square));
            b->vx -= dx * o->mass * force;
            b->vy -= dy * o->mass * force;
            b->vz -= dz * o->mass * force;
            o->vx += dx * b->mass * force;
            o->vy += dy * b->mass * force;
            o->vz += dz * b->mass * force;
        }
    }
}

static void drift(double time) {
    for (int i = 0; i < BODIES; i++) {
        bodies[i].x += time * bodies[i].vx;
        bodies[i].y += time * bodies[i].vy;
        bodies[i].z += time * bodies[i].vz;
    }
}

static uint64_t run(void) {
    const double before = energy();
    for (int n = 0; n < STEPS; n++) {
        drift(STEP / 2);
        pull();
        drift(STEP / 2);
    }
    const double after = energy();
    if (bench_abs(after - before) > bench_abs(before) * 1e-3)
        return 0;
    uint64_t check = bench_bits(after);
    for (int i = 0; i < BODIES; i++)
        check = bench_mix(check, bench_bits(bodies[i].x) ^ bench_bits(bodies[i].vz));
    return check;
}

const struct bench_program bench_program = {"nbody", prepare, run, 0x7ade84dfaf63692c};
