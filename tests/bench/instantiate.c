/*
 * What an instance costs on this host: made from a compiled module with 64 KiB of memory, called
 * once, dropped; and what a call from the host costs. Prints the best and the median of many
 * rounds. Nothing is asserted about time.
 */
#include <alkahest.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* (module (memory 1) (func (export "keep") (param i32 i32) (result i32)
 *   (i32.store (local.get 0) (local.get 1)) (local.get 0))) */
static const uint8_t module[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x07, 0x01, 0x60, 0x02,
    0x7f, 0x7f, 0x01, 0x7f, 0x03, 0x02, 0x01, 0x00, 0x05, 0x03, 0x01, 0x00, 0x01,
    0x07, 0x08, 0x01, 0x04, 0x6b, 0x65, 0x65, 0x70, 0x00, 0x00, 0x0a, 0x0d, 0x01,
    0x0b, 0x00, 0x20, 0x00, 0x20, 0x01, 0x36, 0x02, 0x00, 0x20, 0x00, 0x0b,
};

enum { ROUNDS = 51, LIVES = 400, CALLS = 100000 };

static void require(bool holds, const char *what) {
    if (holds)
        return;
    (void)fprintf(stderr, "instantiate: %s failed\n", what);
    exit(1);
}

static double now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static struct alka_instance *make(struct alka_engine *engine, struct alka_image *image,
                                  struct alka_extern *out_keep) {
    struct alka_instance *instance;
    struct alka_instantiate_error error;
    require(alka_engine_instantiate(engine, image, NULL, NULL, &instance, &error) == ALKA_OK,
            "instantiation");
    require(alka_instance_export(instance, alka_name("keep"), out_keep), "export");
    return instance;
}

static void live(struct alka_engine *engine, struct alka_image *image) {
    struct alka_extern keep;
    struct alka_instance *instance = make(engine, image, &keep);
    uint64_t values[2] = {8, 3};
    enum alka_trap trap;
    require(alka_engine_call(engine, keep.func, values, &trap, NULL) == ALKA_OK && !trap, "call");
    alka_instance_drop(instance);
}

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void print(const char *what, double *ns) {
    qsort(ns, ROUNDS, sizeof *ns, by_value);
    (void)printf("%-40s best %9.1f ns, median %9.1f ns\n", what, ns[0], ns[ROUNDS / 2]);
}

int main(void) {
    struct alka_engine *engine;
    struct alka_image *image;
    struct alka_diag diag;
    double ns[ROUNDS];
    require(alka_engine_open(NULL, &engine) == ALKA_OK, "engine");
    struct alka_span bytes = {module, sizeof module};
    require(alka_engine_compile(engine, bytes, NULL, &image, &diag) == ALKA_OK, "compilation");

    for (unsigned round = 0; round < ROUNDS; round++) {
        double begin = now_ns();
        for (unsigned i = 0; i < LIVES; i++)
            live(engine, image);
        ns[round] = (now_ns() - begin) / LIVES;
    }
    print("instantiate, call once, drop", ns);

    struct alka_extern keep;
    struct alka_instance *instance = make(engine, image, &keep);
    struct alka_thread *thread;
    require(alka_engine_thread(engine, &thread) == ALKA_OK, "stacks");
    const struct alka_functype *type = alka_func_type(keep.func);
    for (unsigned round = 0; round < ROUNDS; round++) {
        double begin = now_ns();
        for (unsigned i = 0; i < CALLS; i++) {
            uint64_t values[2] = {8, i};
            require(alka_call(thread, keep.func, type, values) == ALKA_TRAP_NONE, "call");
        }
        ns[round] = (now_ns() - begin) / CALLS;
    }
    print("call from the host", ns);
    alka_instance_drop(instance);
    alka_image_release(image);
    alka_engine_close(engine);
    return 0;
}
