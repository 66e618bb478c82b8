/* The façade, end to end: bytes in, results and traps out. */
#include "whole_module.h"

#include <alkahest.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#include <cmocka.h>

static uint32_t host_add(uint32_t one, uint32_t other, struct alka_context *caller) {
    if (one == 1000)
        alka_trap_raise(ALKA_TRAP_HOST);
    if (one == 2000 && alka_guest_bytes(caller, 65536, 1))
        alka_trap_raise(ALKA_TRAP_EXIT);
    return one + other;
}

static const struct alka_vtable_row rows[] = {
    {"h",
     "add",
     ALKA_NO_CAPABILITY,
     {.params = "ii", .results = "i", .direct = ALKA_DIRECT(host_add)}},
};
static const struct alka_vtable vtable = {.rows = rows, .row_count = 1};

static uint32_t states_seen;
static void event(void *self, const struct alka_event *event_) {
    assert_ptr_equal(self, &states_seen);
    states_seen += event_->kind == ALKA_EVENT_STATE;
}

struct world {
    struct alka_engine *engine;
    struct alka_image *image;
    struct alka_instance *instance;
    struct alka_trap_report report;
};

static void world_open(struct world *world) {
    struct alka_engine_options options = {.event = event, .event_self = &states_seen};
    struct alka_diag diag;
    struct alka_instantiate_error error;
    assert_int_equal(alka_engine_open(&options, &world->engine), ALKA_OK);
    assert_int_equal(alka_engine_compile(world->engine,
                                         (struct alka_span){whole_wasm, sizeof whole_wasm}, NULL,
                                         &world->image, &diag),
                     ALKA_OK);
    assert_int_equal(alka_engine_instantiate(world->engine, world->image, &vtable, NULL,
                                             &world->instance, &error),
                     ALKA_OK);
}

static enum alka_trap invoke(struct world *world, const char *name, uint64_t *values) {
    struct alka_extern found;
    enum alka_trap trap;
    assert_true(alka_instance_export(world->instance, alka_name(name), &found));
    assert_int_equal(alka_engine_call(world->engine, found.func, values, &trap, &world->report),
                     ALKA_OK);
    return trap;
}

static uint64_t result_of(struct world *world, const char *name, uint64_t one, uint64_t other) {
    uint64_t values[2] = {one, other};
    assert_int_equal(invoke(world, name, values), ALKA_TRAP_NONE);
    return values[0];
}

static void modules_compute(void **state) {
    (void)state;
    struct world world;
    states_seen = 0;
    world_open(&world);
    assert_int_equal(states_seen, 4);
    assert_int_equal(result_of(&world, "twice", 21, 0), 42);
    assert_int_equal(result_of(&world, "twice", UINT64_C(0xFFFFFFFF80000000), 0), 0);
    assert_int_equal(result_of(&world, "fact", 10, 0), 3628800);
    assert_int_equal(result_of(&world, "indirect", 0, 8), 16);
    assert_int_equal(result_of(&world, "indirect", 1, 5), 120);
    assert_int_equal(result_of(&world, "read", 4, 0), 42);
    assert_int_equal(result_of(&world, "count", 0, 0), 6); /* 5, and the start function */
    assert_int_equal(result_of(&world, "grow", 2, 0), 1);
    assert_int_equal(result_of(&world, "read", 3 * 65536 - 4, 0), 0);
    assert_int_equal(result_of(&world, "grow", 2, 0), 0xFFFFFFFF);
    alka_engine_close(world.engine);
}

static void traps_are_reported_with_their_functions(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    uint64_t values[2] = {65533};
    assert_int_equal(invoke(&world, "read", values), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(world.report.frame_count, 1);
    assert_int_equal(world.report.frames[0].func_idx, 4);
    assert_int_not_equal(world.report.wasm_off, ALKA_DIAG_NONE);
    values[0] = 3;
    assert_int_equal(invoke(&world, "indirect", values), ALKA_TRAP_UNDEFINED_ELEMENT);
    values[0] = 2;
    assert_int_equal(invoke(&world, "indirect", values), ALKA_TRAP_UNINITIALIZED_ELEMENT);
    values[0] = 1, values[1] = UINT32_MAX;
    assert_int_equal(invoke(&world, "indirect", values), ALKA_TRAP_STACK_EXHAUSTED);
    assert_int_equal(world.report.frame_count, ALKA_REPORT_FRAMES);
    const struct alka_frame *frame = &world.report.frames[10];
    struct alka_span name = alka_image_function_name(frame->image, frame->func_idx);
    assert_int_equal(name.size, 4);
    assert_memory_equal(name.data, "fact", 4);
    values[0] = 1000;
    assert_int_equal(invoke(&world, "twice", values), ALKA_TRAP_HOST);
    assert_int_equal(world.report.frame_count, 1);
    assert_int_equal(world.report.frames[0].func_idx, 1);
    assert_int_equal(result_of(&world, "twice", 2000, 0), 4000);
    assert_int_equal(result_of(&world, "grow", 1, 0), 1);
    values[0] = 2000;
    assert_int_equal(invoke(&world, "twice", values), ALKA_TRAP_EXIT);
    alka_engine_close(world.engine);
}

/* (module (func $boom unreachable) (start $boom)) */
static const uint8_t start_traps[] = {0, 0x61, 0x73, 0x6D, 1, 0, 0, 0,  1, 4, 1, 0x60, 0, 0,
                                      3, 2,    1,    0,    8, 1, 0, 10, 5, 1, 3, 0,    0, 0x0B};

static void start_functions_may_trap(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct alka_image *image;
    struct alka_diag diag;
    struct alka_instantiate_error error;
    struct alka_instance *never = NULL;
    assert_int_equal(alka_engine_compile(world.engine,
                                         (struct alka_span){start_traps, sizeof start_traps}, NULL,
                                         &image, &diag),
                     ALKA_OK);
    assert_int_equal(alka_engine_instantiate(world.engine, image, NULL, NULL, &never, &error),
                     ALKA_E_START_TRAPPED);
    assert_null(never);
    assert_int_equal(error.trap, ALKA_TRAP_UNREACHABLE);
    assert_int_equal(error.diag.args[0], ALKA_E_TRAP_UNREACHABLE);
    assert_int_equal(error.report.frames[0].func_idx, 0);
    assert_int_equal(alka_engine_registry(world.engine)->instance_count, 1);
    alka_engine_close(world.engine);
}

/* (module (func $spin (export "spin") (loop (br 0)))
 *         (import "h" "wait" (func (param i32) (result i32)))
 *         (func (export "wait") (param i32) (result i32) (call 0 (local.get 0)))) */
static const uint8_t endless[] = {0,    0x61, 0x73, 0x6D, 1,    0,   0,    0,   1,    9, 2,   0x60,
                                  0,    0,    0x60, 1,    0x7F, 1,   0x7F, 2,   10,   1, 1,   'h',
                                  4,    'w',  'a',  'i',  't',  0,   1,    3,   3,    2, 0,   1,
                                  7,    15,   2,    4,    's',  'p', 'i',  'n', 0,    1, 4,   'w',
                                  'a',  'i',  't',  0,    2,    10,  16,   2,   7,    0, 3,   0x40,
                                  0x0C, 0,    0x0B, 0x0B, 6,    0,   0x20, 0,   0x10, 0, 0x0B};

static struct {
    const struct alka_registry *registry;
    struct alka_thread *thread;
    volatile sig_atomic_t outcomes[3];
} alarmed;

static void on_alarm(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    struct alka_fault_state state = {
        .pc = (uint64_t)registers[REG_RIP],
        .rsp = (uint64_t)registers[REG_RSP],
        .r15 = (uint64_t)registers[REG_R15],
    };
    struct alka_resume resume;
    enum alka_interruption outcome =
        alka_trap_interrupt(alarmed.registry, alarmed.thread, &state, ALKA_TRAP_KILLED, &resume);
    alarmed.outcomes[outcome]++;
    if (outcome != ALKA_INTERRUPTED_NOW)
        return;
    registers[REG_RIP] = (greg_t)resume.rip;
    registers[REG_RSP] = (greg_t)resume.rsp;
    registers[REG_RAX] = resume.kind;
}

static uint32_t host_wait(uint32_t value, struct alka_context *caller) {
    (void)caller;
    while (!alarmed.outcomes[ALKA_INTERRUPTED_LATER])
        continue;
    return value;
}

static const struct alka_vtable_row wait_rows[] = {
    {"h",
     "wait",
     ALKA_NO_CAPABILITY,
     {.params = "i", .results = "i", .direct = ALKA_DIRECT(host_wait)}},
};

static void endless_code_can_be_interrupted(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct alka_diag diag;
    struct alka_instantiate_error error;
    const struct alka_vtable waits = {.rows = wait_rows, .row_count = 1};
    assert_int_equal(alka_engine_compile(world.engine, (struct alka_span){endless, sizeof endless},
                                         NULL, &world.image, &diag),
                     ALKA_OK);
    assert_int_equal(
        alka_engine_instantiate(world.engine, world.image, &waits, NULL, &world.instance, &error),
        ALKA_OK);
    alarmed.registry = alka_engine_registry(world.engine);
    assert_int_equal(alka_engine_thread(world.engine, &alarmed.thread), ALKA_OK);
    struct sigaction before,
        action = {.sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    struct itimerval every = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
    assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);

    assert_int_equal(invoke(&world, "spin", NULL), ALKA_TRAP_KILLED);
    assert_int_equal(world.report.frame_count, 1);
    assert_int_equal(world.report.frames[0].func_idx, 1);
    assert_true(alarmed.outcomes[ALKA_INTERRUPTED_NOW] == 1);
    uint64_t values[1] = {3};
    assert_int_equal(invoke(&world, "wait", values), ALKA_TRAP_KILLED);
    assert_int_equal(world.report.frames[0].func_idx, 2);
    while (!alarmed.outcomes[ALKA_NOT_INTERRUPTED]) /* no module code runs */
        continue;

    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    alka_engine_close(world.engine);
}

static void imports_are_checked(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct alka_instantiate_error error;
    struct alka_instance *never;
    assert_int_equal(alka_engine_instantiate(world.engine, world.image, NULL, NULL, &never, &error),
                     ALKA_E_UNKNOWN_IMPORT);
    assert_int_equal(error.diag.code, ALKA_E_UNKNOWN_IMPORT);
    assert_int_equal(error.trap, ALKA_TRAP_NONE);
    alka_engine_close(world.engine);
}

static void engines_are_independent(void **state) {
    (void)state;
    struct world one, other;
    world_open(&one);
    world_open(&other);
    assert_int_equal(result_of(&one, "grow", 1, 0), 1);
    assert_int_equal(result_of(&other, "grow", 0, 0), 1);
    uint64_t values[2] = {UINT32_MAX};
    assert_int_equal(invoke(&other, "read", values), ALKA_TRAP_MEMORY_BOUNDS);
    alka_engine_close(one.engine);
    assert_int_equal(invoke(&other, "read", values), ALKA_TRAP_MEMORY_BOUNDS);
    alka_engine_close(other.engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_compute),
        cmocka_unit_test(traps_are_reported_with_their_functions),
        cmocka_unit_test(start_functions_may_trap),
        cmocka_unit_test(endless_code_can_be_interrupted),
        cmocka_unit_test(imports_are_checked),
        cmocka_unit_test(engines_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
