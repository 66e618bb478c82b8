/*
 * Alkahest's side, by its public interface only. The modules are caller.wasm and callee.wasm of
 * calls.py.
 */
#include "meter.h"

#include <alkahest.h>
#include <stdio.h>
#include <string.h>

enum { CALLS = 20000, LIVES = 50 };

struct world {
    struct alka_engine *engine;
    struct alka_thread *thread;
    struct alka_image *callee_image;
    struct alka_instance *callee;
    struct alka_extern keep; /* of the callee */
};

struct loop {
    struct world *world;
    struct alka_extern function; /* of the caller */
};

static void nothing(struct alka_context *caller) { (void)caller; }

static alka_status lookup(void *self, const struct alka_import *import,
                          struct alka_extern *out_extern) {
    const struct world *world = self;
    if (import->module.size == strlen("callee") &&
        memcmp(import->module.data, "callee", import->module.size) == 0)
        return alka_instance_export(world->callee, import->name, out_extern)
                   ? ALKA_OK
                   : ALKA_E_UNKNOWN_IMPORT;
    *out_extern = (struct alka_extern){.kind = ALKA_EXTERN_FUNC,
                                       .host = {"", "", ALKA_DIRECT(nothing), NULL}};
    return ALKA_OK;
}

static struct alka_image *compile(struct world *world, const char *folder, const char *name) {
    struct alka_image *image;
    struct alka_diag diag;
    struct alka_span bytes;
    bytes.data = meter_file(folder, name, &bytes.size);
    meter_require(alka_engine_compile(world->engine, bytes, NULL, &image, &diag) == ALKA_OK, name);
    return image;
}

static struct alka_instance *make(struct world *world, struct alka_image *image) {
    const struct alka_vtable vtable = {.lookup = lookup, .self = world};
    struct alka_instance *instance;
    struct alka_instantiate_error error;
    meter_require(alka_engine_instantiate(world->engine, image, &vtable, NULL, &instance, &error) ==
                      ALKA_OK,
                  "instantiation");
    return instance;
}

static void call(const struct world *world, const struct alka_func *function, uint64_t *values) {
    meter_require(alka_call(world->thread, function, alka_func_type(function), values) ==
                      ALKA_TRAP_NONE,
                  "call");
}

static void run_host_calls(void *self, uint32_t count) {
    const struct world *world = self;
    const struct alka_functype *type = alka_func_type(world->keep.func);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t values[2] = {8, i};
        if (alka_call(world->thread, world->keep.func, type, values) != ALKA_TRAP_NONE)
            meter_require(false, "call");
    }
}

static void run_loop(void *self, uint32_t count) {
    const struct loop *loop = self;
    uint64_t values[1] = {count};
    call(loop->world, loop->function.func, values);
}

static void run_lives(void *self, uint32_t count) {
    struct world *world = self;
    for (uint32_t i = 0; i < count; i++) {
        struct alka_instance *instance = make(world, world->callee_image);
        struct alka_extern keep;
        meter_require(alka_instance_export(instance, alka_name("keep"), &keep), "export");
        uint64_t values[2] = {8, 3};
        call(world, keep.func, values);
        alka_instance_drop(instance);
    }
}

void measure_alkahest(const char *folder, struct meter_plan plan) {
    static const char *const names[] = {"empty", "near", "host", "gate"};
    enum { LOOPS = sizeof names / sizeof names[0] };
    struct world world;
    meter_require(alka_engine_open(NULL, &world.engine) == ALKA_OK, "engine");
    meter_require(alka_engine_thread(world.engine, &world.thread) == ALKA_OK, "stacks");
    world.callee_image = compile(&world, folder, "callee.wasm");
    world.callee = make(&world, world.callee_image);
    meter_require(alka_instance_export(world.callee, alka_name("keep"), &world.keep), "export");
    struct alka_image *caller_image = compile(&world, folder, "caller.wasm");
    struct alka_instance *caller = make(&world, caller_image);

    struct loop loops[LOOPS];
    struct meter_case cases[LOOPS + 2];
    for (size_t i = 0; i < LOOPS; i++) {
        loops[i].world = &world;
        meter_require(alka_instance_export(caller, alka_name(names[i]), &loops[i].function),
                      "export");
        cases[i] = (struct meter_case){names[i], run_loop, &loops[i], CALLS, true};
    }
    cases[LOOPS] = (struct meter_case){"enter", run_host_calls, &world, CALLS, true};
    cases[LOOPS + 1] = (struct meter_case){"instance", run_lives, &world, LIVES, true};
    meter_run(cases, LOOPS + 2, plan);
    alka_engine_close(world.engine);
}
