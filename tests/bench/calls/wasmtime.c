/*
 * wasmtime's side: the same modules by its C API, as its Python package brings it (engines.py): a
 * library without headers, so what is used of wasm.h and wasmtime.h is declared here. Functions are
 * called and defined unchecked, which is its fastest way.
 */
#include "meter.h"

#include <dlfcn.h>
#include <string.h>

enum { CALLS = 20000, LIVES = 50, STRATEGY_CRANELIFT = 1, STRATEGY_WINCH = 2 };

/* Opaque, or as large as theirs. */
typedef struct wasm_engine wasm_engine;
typedef struct wasm_config wasm_config;
typedef struct wasm_functype wasm_functype;
typedef struct wasm_trap wasm_trap;
typedef struct wasmtime_error wasmtime_error;
typedef struct wasmtime_store wasmtime_store;
typedef struct wasmtime_context wasmtime_context;
typedef struct wasmtime_module wasmtime_module;
typedef struct wasmtime_linker wasmtime_linker;
typedef struct wasmtime_instance_pre wasmtime_instance_pre;
typedef struct wasmtime_pooling wasmtime_pooling;
typedef struct {
    uint64_t store_id;
    void *private;
} wasmtime_func;
typedef struct {
    uint64_t store_id;
    size_t private;
} wasmtime_instance;
typedef struct {
    uint8_t kind;
    union {
        wasmtime_func func;
        uint64_t room[4];
    } of;
} wasmtime_extern;
typedef union {
    int32_t i32;
    uint64_t words[2];
} __attribute__((aligned(16))) wasmtime_value;
typedef struct {
    size_t size;
    void **data;
} wasm_types;
typedef wasm_trap *wasmtime_callback(void *self, void *caller, wasmtime_value *values,
                                     size_t count);

static struct {
    wasm_config *(*config_new)(void);
    void (*strategy_set)(wasm_config *, uint8_t);
    wasmtime_pooling *(*pooling_new)(void);
    void (*pooling_set)(wasm_config *, const wasmtime_pooling *);
    wasm_engine *(*engine_new)(wasm_config *);
    wasmtime_error *(*module_new)(wasm_engine *, const uint8_t *, size_t, wasmtime_module **);
    wasmtime_store *(*store_new)(wasm_engine *, void *, void (*)(void *));
    void (*store_delete)(wasmtime_store *);
    wasmtime_context *(*store_context)(wasmtime_store *);
    wasmtime_linker *(*linker_new)(wasm_engine *);
    wasm_functype *(*functype_new)(wasm_types *, wasm_types *);
    wasmtime_error *(*define_func)(wasmtime_linker *, const char *, size_t, const char *, size_t,
                                   const wasm_functype *, wasmtime_callback *, void *,
                                   void (*)(void *));
    wasmtime_error *(*define_instance)(wasmtime_linker *, wasmtime_context *, const char *, size_t,
                                       const wasmtime_instance *);
    wasmtime_error *(*instantiate)(const wasmtime_linker *, wasmtime_context *,
                                   const wasmtime_module *, wasmtime_instance *, wasm_trap **);
    wasmtime_error *(*prepare)(const wasmtime_linker *, const wasmtime_module *,
                               wasmtime_instance_pre **);
    wasmtime_error *(*instantiate_pre)(const wasmtime_instance_pre *, wasmtime_context *,
                                       wasmtime_instance *, wasm_trap **);
    bool (*export_get)(wasmtime_context *, const wasmtime_instance *, const char *, size_t,
                       wasmtime_extern *);
    wasmtime_error *(*call)(wasmtime_context *, const wasmtime_func *, wasmtime_value *, size_t,
                            wasm_trap **);
} api;

static void load(const char *library) {
    static const struct {
        const char *name;
        void *place;
    } names[] = {
        {"wasm_config_new", &api.config_new},
        {"wasmtime_config_strategy_set", &api.strategy_set},
        {"wasmtime_pooling_allocation_config_new", &api.pooling_new},
        {"wasmtime_pooling_allocation_strategy_set", &api.pooling_set},
        {"wasm_engine_new_with_config", &api.engine_new},
        {"wasmtime_module_new", &api.module_new},
        {"wasmtime_store_new", &api.store_new},
        {"wasmtime_store_delete", &api.store_delete},
        {"wasmtime_store_context", &api.store_context},
        {"wasmtime_linker_new", &api.linker_new},
        {"wasm_functype_new", &api.functype_new},
        {"wasmtime_linker_define_func_unchecked", &api.define_func},
        {"wasmtime_linker_define_instance", &api.define_instance},
        {"wasmtime_linker_instantiate", &api.instantiate},
        {"wasmtime_linker_instantiate_pre", &api.prepare},
        {"wasmtime_instance_pre_instantiate", &api.instantiate_pre},
        {"wasmtime_instance_export_get", &api.export_get},
        {"wasmtime_func_call_unchecked", &api.call},
    };
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    meter_require(handle != NULL, library);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        void *found = dlsym(handle, names[i].name);
        meter_require(found != NULL, names[i].name);
        memcpy(names[i].place, &found, sizeof found);
    }
}

struct world {
    wasm_engine *engine;
    wasmtime_context *context;
    wasmtime_instance_pre *prepared; /* the callee */
    wasmtime_func keep;              /* of the callee */
};

struct loop {
    struct world *world;
    wasmtime_func function; /* of the caller */
};

static wasm_trap *nothing(void *self, void *caller, wasmtime_value *values, size_t count) {
    (void)self;
    (void)caller;
    (void)values;
    (void)count;
    return NULL;
}

static wasmtime_module *compile(struct world *world, const char *folder, const char *name) {
    size_t bytes;
    const uint8_t *data = meter_file(folder, name, &bytes);
    wasmtime_module *module;
    meter_require(!api.module_new(world->engine, data, bytes, &module), name);
    return module;
}

static wasmtime_func export_of(wasmtime_context *context, const wasmtime_instance *instance,
                               const char *name) {
    wasmtime_extern found;
    meter_require(api.export_get(context, instance, name, strlen(name), &found), name);
    return found.of.func;
}

static void call(wasmtime_context *context, const wasmtime_func *function, int32_t first,
                 int32_t second, size_t count) {
    wasmtime_value values[2] = {{.i32 = first}, {.i32 = second}};
    wasm_trap *trap = NULL;
    meter_require(!api.call(context, function, values, count, &trap) && !trap, "call");
}

static void run_host_calls(void *self, uint32_t count) {
    const struct world *world = self;
    for (uint32_t i = 0; i < count; i++)
        call(world->context, &world->keep, 8, (int32_t)i, 2);
}

static void run_loop(void *self, uint32_t count) {
    const struct loop *loop = self;
    call(loop->world->context, &loop->function, (int32_t)count, 0, 1);
}

static void run_lives(void *self, uint32_t count) {
    const struct world *world = self;
    for (uint32_t i = 0; i < count; i++) {
        wasmtime_store *store = api.store_new(world->engine, NULL, NULL);
        wasmtime_context *context = api.store_context(store);
        wasmtime_instance instance;
        wasm_trap *trap = NULL;
        meter_require(!api.instantiate_pre(world->prepared, context, &instance, &trap) && !trap,
                      "instantiation");
        wasmtime_func keep = export_of(context, &instance, "keep");
        call(context, &keep, 8, 3, 2);
        api.store_delete(store);
    }
}

static wasm_engine *make_engine(const char *flavour) {
    wasm_config *config = api.config_new();
    bool is_winch = strcmp(flavour, "winch") == 0;
    api.strategy_set(config, is_winch ? STRATEGY_WINCH : STRATEGY_CRANELIFT);
    if (strcmp(flavour, "pooling") == 0)
        api.pooling_set(config, api.pooling_new());
    wasm_engine *engine = api.engine_new(config);
    meter_require(engine != NULL, "engine");
    return engine;
}

static wasmtime_instance link_modules(struct world *world, const char *folder) {
    wasm_types no_params = {0}, no_results = {0};
    wasmtime_linker *linker = api.linker_new(world->engine);
    wasm_functype *type = api.functype_new(&no_params, &no_results);
    meter_require(!api.define_func(linker, "kernel", 6, "nothing", 7, type, nothing, NULL, NULL),
                  "host function");
    wasmtime_module *callee_module = compile(world, folder, "callee.wasm");
    meter_require(!api.prepare(linker, callee_module, &world->prepared), "preparation");
    wasmtime_instance callee, caller;
    wasm_trap *trap = NULL;
    meter_require(!api.instantiate_pre(world->prepared, world->context, &callee, &trap) && !trap,
                  "callee");
    world->keep = export_of(world->context, &callee, "keep");
    meter_require(!api.define_instance(linker, world->context, "callee", 6, &callee), "linking");
    wasmtime_module *caller_module = compile(world, folder, "caller.wasm");
    meter_require(!api.instantiate(linker, world->context, caller_module, &caller, &trap) && !trap,
                  "caller");
    return caller;
}

void measure_wasmtime(const char *library, const char *flavour, const char *folder,
                      struct meter_plan plan) {
    static const char *const names[] = {"empty", "near", "host", "gate"};
    enum { LOOPS = sizeof names / sizeof names[0] };
    load(library);
    struct world world = {.engine = make_engine(flavour)};
    world.context = api.store_context(api.store_new(world.engine, NULL, NULL));
    wasmtime_instance caller = link_modules(&world, folder);

    struct loop loops[LOOPS];
    struct meter_case cases[LOOPS + 2];
    for (size_t i = 0; i < LOOPS; i++) {
        loops[i] = (struct loop){&world, export_of(world.context, &caller, names[i])};
        cases[i] = (struct meter_case){names[i], run_loop, &loops[i], CALLS, true};
    }
    cases[LOOPS] = (struct meter_case){"enter", run_host_calls, &world, CALLS, true};
    cases[LOOPS + 1] = (struct meter_case){"instance", run_lives, &world, LIVES, true};
    meter_run(cases, LOOPS + 2, plan);
}
