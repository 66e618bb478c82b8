/*
 * Calls between instances and the host in every mixture: chains of random links, host functions
 * that call back, trap, are killed from outside, or whose callers die meanwhile. A model says how
 * each call must end.
 */
#include <alkahest.h>
#include <alkahest/call.h>
#include <alkahest/gate.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */

/*
 * (module
 *   (type $t (func (param i32) (result i32)))
 *   (import "n" "f" (func $f (type $t)))
 *   (memory (export "m") 1)
 *   (table 1 funcref) (elem (i32.const 0) $f)
 *   (func (export "call") (type $t)
 *     (local i32) (local.set 1 (i32.mul (local.get 0) (i32.const 3)))
 *     (i32.add (call $f (local.get 0)) (i32.add (local.get 1) (i32.load (i32.const 0)))))
 *   (func (export "tail") (type $t) (return_call $f (i32.add (local.get 0) (i32.const 1))))
 *   (func (export "table") (type $t)
 *     (i32.add (call_indirect (type $t) (local.get 0) (i32.const 0)) (i32.load (i32.const 0))))
 *   (func (export "tail_table") (type $t)
 *     (return_call_indirect (type $t) (i32.add (local.get 0) (i32.const 2)) (i32.const 0)))
 *   (func (export "trap") (type $t) unreachable))
 */
static const uint8_t wasm_own[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f,
    0x02, 0x07, 0x01, 0x01, 0x6e, 0x01, 0x66, 0x00, 0x00, 0x03, 0x06, 0x05, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x04, 0x04, 0x01, 0x70, 0x00, 0x01, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x2f, 0x06, 0x01,
    0x6d, 0x02, 0x00, 0x04, 0x63, 0x61, 0x6c, 0x6c, 0x00, 0x01, 0x04, 0x74, 0x61, 0x69, 0x6c, 0x00,
    0x02, 0x05, 0x74, 0x61, 0x62, 0x6c, 0x65, 0x00, 0x03, 0x0a, 0x74, 0x61, 0x69, 0x6c, 0x5f, 0x74,
    0x61, 0x62, 0x6c, 0x65, 0x00, 0x04, 0x04, 0x74, 0x72, 0x61, 0x70, 0x00, 0x05, 0x09, 0x07, 0x01,
    0x00, 0x41, 0x00, 0x0b, 0x01, 0x00, 0x0a, 0x45, 0x05, 0x18, 0x01, 0x01, 0x7f, 0x20, 0x00, 0x41,
    0x03, 0x6c, 0x21, 0x01, 0x20, 0x00, 0x10, 0x00, 0x20, 0x01, 0x41, 0x00, 0x28, 0x02, 0x00, 0x6a,
    0x6a, 0x0b, 0x09, 0x00, 0x20, 0x00, 0x41, 0x01, 0x6a, 0x12, 0x00, 0x0b, 0x0f, 0x00, 0x20, 0x00,
    0x41, 0x00, 0x11, 0x00, 0x00, 0x41, 0x00, 0x28, 0x02, 0x00, 0x6a, 0x0b, 0x0c, 0x00, 0x20, 0x00,
    0x41, 0x02, 0x6a, 0x41, 0x00, 0x13, 0x00, 0x00, 0x0b, 0x03, 0x00, 0x00, 0x0b,
};

/* The same with (import "n" "m" (memory 1)): calls into it need r14. */
static const uint8_t wasm_imported[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f,
    0x02, 0x0e, 0x02, 0x01, 0x6e, 0x01, 0x66, 0x00, 0x00, 0x01, 0x6e, 0x01, 0x6d, 0x02, 0x00, 0x01,
    0x03, 0x06, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x04, 0x01, 0x70, 0x00, 0x01, 0x07, 0x2b,
    0x05, 0x04, 0x63, 0x61, 0x6c, 0x6c, 0x00, 0x01, 0x04, 0x74, 0x61, 0x69, 0x6c, 0x00, 0x02, 0x05,
    0x74, 0x61, 0x62, 0x6c, 0x65, 0x00, 0x03, 0x0a, 0x74, 0x61, 0x69, 0x6c, 0x5f, 0x74, 0x61, 0x62,
    0x6c, 0x65, 0x00, 0x04, 0x04, 0x74, 0x72, 0x61, 0x70, 0x00, 0x05, 0x09, 0x07, 0x01, 0x00, 0x41,
    0x00, 0x0b, 0x01, 0x00, 0x0a, 0x45, 0x05, 0x18, 0x01, 0x01, 0x7f, 0x20, 0x00, 0x41, 0x03, 0x6c,
    0x21, 0x01, 0x20, 0x00, 0x10, 0x00, 0x20, 0x01, 0x41, 0x00, 0x28, 0x02, 0x00, 0x6a, 0x6a, 0x0b,
    0x09, 0x00, 0x20, 0x00, 0x41, 0x01, 0x6a, 0x12, 0x00, 0x0b, 0x0f, 0x00, 0x20, 0x00, 0x41, 0x00,
    0x11, 0x00, 0x00, 0x41, 0x00, 0x28, 0x02, 0x00, 0x6a, 0x0b, 0x0c, 0x00, 0x20, 0x00, 0x41, 0x02,
    0x6a, 0x41, 0x00, 0x13, 0x00, 0x00, 0x0b, 0x03, 0x00, 0x00, 0x0b,
};

/* clang-format on */

#define INSTANCES 24u
#define ROUNDS 100000u
#define NESTED_MOST 5u
#define DIRT UINT64_C(0xA5A5A5A500000000) /* what C may leave above an i32 */

enum how { HOW_CALL, HOW_TAIL, HOW_TABLE, HOW_TAIL_TABLE, HOW_TRAP, HOW_COUNT };
static const char *const how_names[] = {"call", "tail", "table", "tail_table", "trap"};

static uint64_t random_state = 0x9E3779B97F4A7C15;
static uint32_t random_below(uint32_t limit) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % limit;
}

/* An instance, and what it imports: a function of another one, or the host's. */
struct link {
    struct alka_instance *instance;
    uint32_t marker;         /* word 0 of its memory */
    const struct link *next; /* NULL: the host */
    enum how next_how;
    enum alka_gate_policy policy;
    uint32_t error; /* RETURNS */
    uint32_t depth_max;
    const struct alka_instance *memory_of;
};

static struct {
    struct alka_engine *engine;
    struct alka_thread *thread;
    struct alka_image *own, *imported;
    struct link links[INSTANCES];
    uint32_t count;
} world;

struct outcome {
    enum alka_trap trap;
    uint32_t value;
};

/* A call of a chain; the host function at its end fills it in. */
struct run {
    struct run *outer;
    uint32_t depth;
    bool is_quiet;               /* the host function just returns */
    bool has_come;               /* to it */
    uint32_t argument;           /* there */
    struct outcome host;         /* what it made of it */
    bool has_dead_caller;        /* who made the last gate has died */
    const struct link *answered; /* whose gate has answered last, and for what */
    enum alka_trap error;
    uint32_t gates; /* that its outcome has come through */
};

static struct run *now;
static uint64_t seen[ALKA_TRAP_COUNT], zombies, refusals;

/* --- The model. --- */

/* What comes through a gate. */
static struct outcome model_gate(struct run *run, const struct link *link, struct outcome inner) {
    bool is_first = run->gates++ == 0;
    if (is_first && run->has_dead_caller)
        return inner.trap ? inner : (struct outcome){ALKA_TRAP_KILLED, 0};
    if (!inner.trap || link->policy == ALKA_GATE_TRAPS)
        return inner;
    run->answered = link;
    run->error = inner.trap;
    return (struct outcome){ALKA_TRAP_NONE, link->error};
}

/* What a function adds to its argument, and what to its callee's result. */
static uint32_t model_argument(enum how how, uint32_t x) {
    return x + (how == HOW_TAIL ? 1 : how == HOW_TAIL_TABLE ? 2 : 0);
}

static uint32_t model_result(enum how how, const struct link *link, uint32_t x, uint32_t result) {
    uint32_t added = how == HOW_CALL ? x * 3 + link->marker : how == HOW_TABLE ? link->marker : 0;
    return result + added;
}

static struct outcome model(struct run *run, const struct link *link, enum how how, uint32_t x) {
    struct {
        const struct link *link;
        enum how how;
        uint32_t x;
    } steps[INSTANCES];
    uint32_t count = 0;
    for (; link && how != HOW_TRAP; how = link->next_how, link = link->next) {
        steps[count].link = link;
        steps[count].how = how;
        steps[count++].x = x;
        x = model_argument(how, x);
    }
    struct outcome outcome = {ALKA_TRAP_UNREACHABLE, 0};
    if (!link) {
        assert_true(run->has_come);
        assert_int_equal(run->argument, x);
        outcome = run->host;
    }
    while (count-- > 0) {
        link = steps[count].link;
        if (link->next)
            outcome = model_gate(run, link, outcome);
        outcome.value = model_result(steps[count].how, link, steps[count].x, outcome.value);
    }
    return outcome;
}

/* --- What really happens. --- */

static struct alka_extern export_of(const struct link *link, enum how how) {
    struct alka_extern found;
    assert_true(alka_instance_export(link->instance, alka_name(how_names[how]), &found));
    return found;
}

static void run_chain(void) {
    const struct link *link = &world.links[random_below(world.count)];
    enum how how = (enum how)random_below(HOW_COUNT);
    uint32_t x = random_below(1000);
    struct run run = {.outer = now, .depth = now ? now->depth + 1 : 0};
    enum alka_trap pending = (enum alka_trap)world.thread->pending;
    uint64_t values[1] = {x};
    struct alka_extern func = export_of(link, how);
    now = &run;
    enum alka_trap trap = alka_call(world.thread, func.func, alka_func_type(func.func), values);
    now = run.outer;
    if (pending) {
        refusals++;
        assert_false(run.has_come);
        assert_int_equal(trap, pending);
        return;
    }
    struct outcome expected = model(&run, link, how, x);
    assert_int_equal(trap, expected.trap);
    if (!trap)
        assert_int_equal(values[0], expected.value);
    if (run.answered) {
        const struct alka_context *context = run.answered->instance->context;
        assert_int_equal(alka_call_error(world.thread, &context[-1]), ALKA_TRAP_NONE);
        assert_int_equal(alka_call_error(world.thread, context), run.error);
        assert_int_equal(alka_call_error(world.thread, context), ALKA_TRAP_NONE);
    }
    seen[trap]++;
}

static void host_let_caller_die(struct run *run) {
    struct alka_gate *gate = world.thread->gate;
    if (run->has_dead_caller || !alka_trap_make_zombie(gate))
        return;
    run->has_dead_caller = true;
    zombies++;
}

static void host_trap(struct run *run) {
    static const enum alka_trap kinds[] = {ALKA_TRAP_HOST, ALKA_TRAP_EXIT, ALKA_TRAP_KILLED};
    enum alka_trap kind = kinds[random_below(3)];
    assert_int_equal(alka_trap_pend(world.thread, kind), run->host.trap == ALKA_TRAP_NONE);
    if (!run->host.trap)
        run->host.trap = kind;
    alka_trap_raise(ALKA_TRAP_HOST); /* the first one counts */
}

static uint64_t host_function(uint32_t x, struct alka_context *caller) {
    struct run *run = now;
    (void)caller;
    run->has_come = true;
    run->argument = x;
    run->host.value = random_below(1u << 30);
    for (uint32_t steps = run->is_quiet ? 0 : random_below(4); steps > 0; steps--) {
        switch (random_below(4)) {
        case 0:
            host_trap(run);
            break;
        case 1:
            host_let_caller_die(run);
            break;
        default:
            if (run->depth < NESTED_MOST)
                run_chain();
        }
    }
    return run->host.value | DIRT;
}

/* --- Instances. --- */

static alka_status lookup(void *self, const struct alka_import *import,
                          struct alka_extern *out_extern) {
    struct link *link = self;
    if (import->kind == ALKA_EXTERN_MEMORY)
        return alka_instance_export(link->memory_of, import->name, out_extern)
                   ? ALKA_OK
                   : ALKA_E_UNKNOWN_IMPORT;
    if (!link->next) {
        *out_extern = (struct alka_extern){
            .kind = ALKA_EXTERN_FUNC,
            .host = {.params = "i", .results = "i", .direct = ALKA_DIRECT(host_function)}};
        return ALKA_OK;
    }
    *out_extern = export_of(link->next, link->next_how);
    out_extern->gate_policy = link->policy;
    out_extern->gate_error = link->error;
    out_extern->gate_depth_max = link->depth_max;
    return ALKA_OK;
}

static void link_instantiate(struct link *link, bool has_memory) {
    struct alka_vtable vtable = {.lookup = lookup, .self = link};
    struct alka_instantiate_error error;
    assert_int_equal(alka_engine_instantiate(world.engine, has_memory ? world.own : world.imported,
                                             &vtable, NULL, &link->instance, &error),
                     ALKA_OK);
}

/* Imports from any of those that are there, mostly from one that leads to the host. */
static void link_make(void) {
    struct link *link = &world.links[world.count];
    bool has_memory = world.count == 0 || random_below(3) != 0;
    *link = (struct link){.next_how = (enum how)random_below(HOW_COUNT - (random_below(8) != 0)),
                          .policy = (enum alka_gate_policy)random_below(2),
                          .error = 1000000 + world.count};
    if (world.count > 0 && random_below(4) != 0)
        link->next = &world.links[random_below(world.count)];
    if (!has_memory) {
        const struct link *owner = link; /* the nearest with one of its own */
        while (owner->memory_of || owner == link)
            owner--;
        link->memory_of = owner->instance;
        link->marker = owner->marker;
    }
    link_instantiate(link, has_memory);
    if (has_memory) {
        link->marker = random_below(1u << 20);
        *(uint32_t *)link->instance->base.value = link->marker;
    }
    world.count++;
}

static void compile(const uint8_t *bytes, size_t size, struct alka_image **out_image) {
    struct alka_diag diag;
    assert_int_equal(
        alka_engine_compile(world.engine, (struct alka_span){bytes, size}, NULL, out_image, &diag),
        ALKA_OK);
}

static void world_open(void) {
    memset(&world, 0, sizeof world);
    assert_int_equal(alka_engine_open(NULL, &world.engine), ALKA_OK);
    assert_int_equal(alka_engine_thread(world.engine, &world.thread), ALKA_OK);
    compile(wasm_own, sizeof wasm_own, &world.own);
    compile(wasm_imported, sizeof wasm_imported, &world.imported);
}

static void world_close(void) {
    alka_image_release(world.own);
    alka_image_release(world.imported);
    alka_engine_close(world.engine);
}

static void calls_end_as_the_model_says(void **state) {
    (void)state;
    world_open();
    while (world.count < INSTANCES)
        link_make();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        run_chain();
        assert_null(world.thread->gate);
        assert_null(world.thread->host_call);
        assert_int_equal(world.thread->pending, ALKA_TRAP_NONE);
        assert_int_equal(world.thread->data_pointer, world.thread->data_top);
    }
    assert_true(seen[ALKA_TRAP_NONE] && seen[ALKA_TRAP_UNREACHABLE] && seen[ALKA_TRAP_HOST] &&
                seen[ALKA_TRAP_EXIT] && seen[ALKA_TRAP_KILLED] && zombies && refusals);
    world_close();
}

static enum alka_trap call_link(const struct link *link, uint64_t *values) {
    struct run run = {.is_quiet = true};
    struct alka_extern func = export_of(link, HOW_CALL);
    now = &run;
    enum alka_trap trap = alka_call(world.thread, func.func, alka_func_type(func.func), values);
    now = NULL;
    return trap;
}

/* A chain of six, of which one may not be so deep in it. */
static void limits_of_depth_refuse_the_call(void **state) {
    (void)state;
    for (uint32_t limited = 1; limited < 6; limited++)
        for (uint32_t most = 1; most < 7; most++) {
            enum alka_gate_policy policy = (enum alka_gate_policy)random_below(2);
            world_open();
            for (uint32_t i = 0; i < 6; i++) {
                struct link *link = &world.links[i];
                *link = (struct link){.next = i ? link - 1 : NULL,
                                      .policy = i == limited ? policy : ALKA_GATE_TRAPS,
                                      .depth_max = i == limited ? most : 0};
                link_instantiate(link, true);
            }
            uint64_t values[1] = {1};
            uint32_t depth = 5 - limited; /* gates around its call */
            bool is_refused = depth >= most;
            enum alka_trap trap = call_link(&world.links[5], values);
            assert_int_equal(trap, is_refused && policy == ALKA_GATE_TRAPS ? ALKA_TRAP_GATE_DEPTH
                                                                           : ALKA_TRAP_NONE);
            if (is_refused && policy == ALKA_GATE_RETURNS)
                assert_int_equal(
                    alka_call_error(world.thread, world.links[limited].instance->context),
                    ALKA_TRAP_GATE_DEPTH);
            assert_null(world.thread->gate);
            world_close();
        }
}

static void a_call_of_what_is_gone_is_answered(void **state) {
    (void)state;
    world_open();
    world.links[0] = (struct link){0};
    link_instantiate(&world.links[0], true);
    world.links[1] =
        (struct link){.next = &world.links[0], .policy = ALKA_GATE_RETURNS, .error = 500};
    link_instantiate(&world.links[1], true);
    alka_instance_disown(world.links[0].instance);
    uint64_t values[1] = {1};
    assert_int_equal(call_link(&world.links[1], values), ALKA_TRAP_NONE);
    assert_int_equal(values[0], 500 + 3); /* what `call` adds */
    assert_int_equal(alka_call_error(world.thread, world.links[1].instance->context),
                     ALKA_TRAP_CALLEE_GONE);
    world_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_end_as_the_model_says),
        cmocka_unit_test(limits_of_depth_refuse_the_call),
        cmocka_unit_test(a_call_of_what_is_gone_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
