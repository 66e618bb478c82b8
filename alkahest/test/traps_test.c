/* Traps as they really happen: module code faults, the signal handler asks, the thread goes on at
 * the gate. With machine code written by hand, so that a failure here is no compiler's. */
#include "hand_image.h"
#include "host/host.h"
#include <alkahest/unwind.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Function indices of the basic module. */
enum {
    BASIC_UNREACHABLE = 2,
    BASIC_LOAD,
    BASIC_DIV,
    BASIC_RECURSE,
    BASIC_DATA,
    BASIC_LOG,
    BASIC_CALL,
    BASIC_GROW,
};

static struct world {
    struct alka_engine engine;
    struct host_thread *host;
    struct alka_image *image;
    struct alka_instance *front, *back; /* front's import `call` goes where the test says */
} world;

static void (*on_log)(struct alka_context *caller);
static uint64_t (*on_call)(uint64_t value, struct alka_context *caller);

static void host_log(uint32_t text, uint32_t bytes, struct alka_context *caller) {
    assert_int_equal(text, 11);
    assert_int_equal(bytes, 22);
    on_log(caller);
}
static uint64_t host_call(uint32_t value, struct alka_context *caller) {
    return on_call(value, caller);
}

static const struct alka_vtable_row rows[] = {
    {"h",
     "log",
     ALKA_NO_CAPABILITY,
     {.params = "ii", .results = "", .direct = ALKA_DIRECT(host_log)}},
    {"h",
     "call",
     ALKA_NO_CAPABILITY,
     {.params = "i", .results = "i", .direct = ALKA_DIRECT(host_call)}},
};

static struct alka_extern export_of(const struct alka_instance *instance, const char *name) {
    struct alka_extern found;
    assert_true(alka_instance_export(instance, alka_name(name), &found));
    return found;
}

static struct alka_instance *instantiate(const struct alka_vtable *vtable) {
    struct alka_instance *instance;
    struct alka_diag diag;
    assert_int_equal(alka_instance_make(world.image, vtable, NULL, &instance, &diag), ALKA_OK);
    return instance;
}

/* `call` of the front is this export of the back, through a gate of that policy. */
static struct alka_extern gated;
static alka_status lookup(void *self, const struct alka_import *import,
                          struct alka_extern *out_extern) {
    (void)self;
    if (import->name.size == 3) {
        *out_extern = (struct alka_extern){.kind = ALKA_EXTERN_FUNC, .host = rows[0].func};
        return ALKA_OK;
    }
    *out_extern = gated;
    return ALKA_OK;
}

static int world_open(void **state) {
    (void)state;
    memset(&world, 0, sizeof world);
    host_crucible_init(&world.engine.crucible, &world.engine);
    alka_registry_init(&world.engine.registry, &world.engine.crucible);
    assert_int_equal(host_signals_install(), ALKA_OK);
    assert_int_equal(host_thread_get(&world.engine, &world.host), ALKA_OK);
    assert_int_equal(
        hand_image_make(&world.engine.registry, HAND_BASIC, ALKA_MEMORY_GUARD, &world.image),
        ALKA_OK);
    struct alka_vtable hosts = {rows, 2, 0, NULL, NULL};
    world.back = instantiate(&hosts);
    world.front = instantiate(&hosts);
    return 0;
}

static int world_close(void **state) {
    (void)state;
    assert_null(world.host->thread->gate);
    assert_int_equal(world.host->thread->pending, ALKA_TRAP_NONE);
    assert_int_equal(world.host->thread->data_pointer, world.host->thread->data_top);
    alka_registry_drop(&world.engine.registry);
    host_threads_drop(&world.engine);
    return 0;
}

static enum alka_trap call(const struct alka_instance *instance, const char *name,
                           uint64_t *values) {
    const struct alka_func *func = export_of(instance, name).func;
    memset(&world.host->report, 0xAA, sizeof world.host->report);
    /* The test framework puts handlers of its own before each test. */
    assert_int_equal(host_signals_install(), ALKA_OK);
    return alka_call(world.host->thread, func, alka_func_type(func), values);
}

static const struct alka_trap_report *report(void) { return &world.host->report; }

static void assert_frames(const uint32_t *functions, uint32_t count) {
    assert_int_equal(report()->frame_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(report()->frames[i].func_idx, functions[i]);
}

static void unreachable_traps(void **state) {
    (void)state;
    assert_int_equal(call(world.front, "unreachable", NULL), ALKA_TRAP_UNREACHABLE);
    assert_int_equal(report()->kind, ALKA_TRAP_UNREACHABLE);
    assert_int_equal(report()->wasm_off, 100);
    assert_int_equal(report()->instance_id, world.front->id);
    assert_frames((uint32_t[]){BASIC_UNREACHABLE}, 1);
    assert_int_equal(report()->frames[0].code_off, 0);
    assert_false(report()->frames_cut);
}

static void loads_trap_exactly_behind_the_memory(void **state) {
    (void)state;
    uint8_t *bytes = (uint8_t *)world.front->base.value;
    memcpy(bytes + 65532, "\x78\x56\x34\x12", 4);
    uint64_t values[1] = {65532};
    assert_int_equal(call(world.front, "load", values), ALKA_TRAP_NONE);
    assert_int_equal(values[0], 0x12345678);
    static const uint32_t outside[] = {65533, 65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        values[0] = outside[i];
        assert_int_equal(call(world.front, "load", values), ALKA_TRAP_MEMORY_BOUNDS);
        assert_int_equal(report()->wasm_off, 200);
        assert_true(report()->address - world.front->base.value - outside[i] < 4);
    }
    values[0] = 1;
    assert_int_equal(call(world.front, "grow", values), ALKA_TRAP_NONE);
    assert_int_equal(values[0], 1);
    values[0] = 131068;
    assert_int_equal(call(world.front, "load", values), ALKA_TRAP_NONE);
    assert_int_equal(values[0], 0);
    values[0] = 131069;
    assert_int_equal(call(world.front, "load", values), ALKA_TRAP_MEMORY_BOUNDS);
    values[0] = 1;
    assert_int_equal(call(world.front, "grow", values), ALKA_TRAP_NONE);
    assert_int_equal(values[0], 0xFFFFFFFF);
}

static void division_by_zero_traps(void **state) {
    (void)state;
    uint64_t values[2] = {10, 3};
    assert_int_equal(call(world.front, "div", values), ALKA_TRAP_NONE);
    assert_int_equal(values[0], 3);
    values[1] = 0;
    assert_int_equal(call(world.front, "div", values), ALKA_TRAP_INTEGER_DIVIDE_BY_ZERO);
    assert_int_equal(report()->wasm_off, 300);
}

static void both_stacks_end_in_a_trap(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(call(world.front, "recurse", NULL), ALKA_TRAP_STACK_EXHAUSTED);
        assert_int_equal(report()->frame_count, ALKA_REPORT_FRAMES);
        assert_true(report()->frames_cut);
        assert_int_equal(report()->frames[0].func_idx, BASIC_RECURSE);
        assert_int_equal(report()->frames[9].func_idx, BASIC_RECURSE);
        assert_int_equal(report()->wasm_off, ALKA_DIAG_NONE);
        assert_int_equal(call(world.front, "data", NULL), ALKA_TRAP_STACK_EXHAUSTED);
        assert_int_equal(report()->frames[1].func_idx, BASIC_DATA);
    }
}

static void raise_host(struct alka_context *caller) {
    assert_ptr_equal(caller, world.front->context);
    alka_trap_raise(ALKA_TRAP_EXIT);
    alka_trap_raise(ALKA_TRAP_HOST); /* the first one counts */
}

static void host_functions_trap_their_caller(void **state) {
    (void)state;
    on_log = raise_host;
    uint64_t values[2] = {11, 22};
    assert_int_equal(call(world.front, "log", values), ALKA_TRAP_EXIT);
    assert_int_equal(report()->kind, ALKA_TRAP_EXIT);
    assert_frames((uint32_t[]){BASIC_LOG}, 1);
}

static uint64_t trap_inside(uint64_t value, struct alka_context *caller) {
    (void)caller;
    uint64_t nested[1] = {0xFFFF0000};
    /* The inner call traps; the outer one goes on. */
    assert_int_equal(alka_call(world.host->thread, export_of(world.back, "load").func,
                               alka_func_type(export_of(world.back, "load").func), nested),
                     ALKA_TRAP_MEMORY_BOUNDS);
    assert_frames((uint32_t[]){BASIC_LOAD}, 1);
    return value * 2 | UINT64_C(0xFFFFFFFF00000000);
}

static void nested_traps_stop_at_the_innermost_entry(void **state) {
    (void)state;
    on_call = trap_inside;
    uint64_t values[1] = {50};
    assert_int_equal(call(world.front, "call", values), ALKA_TRAP_NONE);
    assert_int_equal(values[0], 101);
}

static uint64_t recurse_through_host(uint64_t value, struct alka_context *caller) {
    (void)caller;
    uint64_t nested[1] = {value};
    const struct alka_func *func = export_of(world.front, "call").func;
    enum alka_trap trap = alka_call(world.host->thread, func, alka_func_type(func), nested);
    if (trap != ALKA_TRAP_NONE)
        alka_trap_raise(trap);
    return nested[0];
}

static void endless_recursion_through_the_host_traps(void **state) {
    (void)state;
    on_call = recurse_through_host;
    uint64_t values[1] = {1};
    assert_int_equal(call(world.front, "call", values), ALKA_TRAP_STACK_EXHAUSTED);
}

/* front.call → gate → back's export → … */
static void gate_to(const char *name, enum alka_gate_policy policy) {
    gated = export_of(world.back, name);
    gated.gate_policy = policy;
    gated.gate_error = 0xFFFFFF9C; /* -100 */
    struct alka_vtable vtable = {NULL, 0, 0, lookup, NULL};
    world.front = instantiate(&vtable);
}

static void traps_pass_through_gates(void **state) {
    (void)state;
    gate_to("load", ALKA_GATE_TRAPS);
    uint64_t values[1] = {8};
    assert_int_equal(call(world.front, "call", values), ALKA_TRAP_NONE);
    assert_int_equal(values[0], 0x6C6C6568 + 1); /* "hell" */
    values[0] = 0xFFFF0000;
    assert_int_equal(call(world.front, "call", values), ALKA_TRAP_MEMORY_BOUNDS);
    assert_frames((uint32_t[]){BASIC_LOAD, BASIC_CALL}, 2);
    assert_int_equal(report()->instance_id, world.back->id);
}

static void gates_can_answer_for_a_callee_that_traps(void **state) {
    (void)state;
    gate_to("load", ALKA_GATE_RETURNS);
    uint64_t values[1] = {8};
    assert_int_equal(call(world.front, "call", values), ALKA_TRAP_NONE);
    assert_int_equal(values[0], 0x6C6C6568 + 1);
    for (int i = 0; i < 3; i++) {
        values[0] = 0xFFFF0000;
        assert_int_equal(call(world.front, "call", values), ALKA_TRAP_NONE);
        assert_int_equal(values[0], 0xFFFFFF9D); /* and the caller went on: plus 1 */
        assert_frames((uint32_t[]){BASIC_LOAD, BASIC_CALL}, 2);
    }
}

static void a_dropped_callee_is_gone(void **state) {
    (void)state;
    gate_to("load", ALKA_GATE_TRAPS);
    const struct alka_instance *traps = world.front;
    gate_to("load", ALKA_GATE_RETURNS);
    alka_instance_drop(world.back);
    uint64_t values[1] = {8};
    assert_int_equal(call(traps, "call", values), ALKA_TRAP_CALLEE_GONE);
    assert_frames((uint32_t[]){BASIC_CALL}, 1);
    values[0] = 8;
    assert_int_equal(call(world.front, "call", values), ALKA_TRAP_NONE);
    assert_int_equal(values[0], 0xFFFFFF9D);
}

/* front → gate → back → host: the host's trap goes out through both. */
static void raise_in_chain(struct alka_context *caller) {
    assert_ptr_equal(caller, world.back->context);
    alka_trap_raise(ALKA_TRAP_HOST);
}
static uint64_t raise_from_call(uint64_t value, struct alka_context *caller) {
    raise_in_chain(caller);
    return value;
}
static void host_traps_pass_through_gates(void **state) {
    (void)state;
    on_call = raise_from_call;
    gate_to("call", ALKA_GATE_TRAPS);
    uint64_t values[1] = {8};
    assert_int_equal(call(world.front, "call", values), ALKA_TRAP_HOST);
    assert_frames((uint32_t[]){BASIC_CALL, BASIC_CALL}, 2);
    gate_to("call", ALKA_GATE_RETURNS);
    assert_int_equal(call(world.front, "call", values), ALKA_TRAP_NONE);
    assert_int_equal(values[0], 0xFFFFFF9D);
}

static alka_status lookup_back(void *self, const struct alka_import *import,
                               struct alka_extern *out_extern) {
    return alka_instance_export(self, import->name, out_extern) ? ALKA_OK : ALKA_E_UNKNOWN_IMPORT;
}

static void shared_memory_is_reached_through_r14(void **state) {
    (void)state;
    struct alka_image *image;
    assert_int_equal(hand_image_make(&world.engine.registry, HAND_USER, ALKA_MEMORY_GUARD, &image),
                     ALKA_OK);
    struct alka_vtable vtable = {NULL, 0, 0, lookup_back, world.back};
    struct alka_instance *user;
    struct alka_diag diag;
    assert_int_equal(alka_instance_make(image, &vtable, NULL, &user, &diag), ALKA_OK);
    assert_int_equal(call(user, "mine", NULL), ALKA_TRAP_NONE);
    /* Imported and exported again: through the user's thunk and a gate. */
    uint64_t values[1] = {8};
    assert_int_equal(call(user, "load", values), ALKA_TRAP_NONE);
    assert_int_equal(values[0], 0x6C6C4568); /* "hEll" */
    values[0] = 0xFFFF0000;
    assert_int_equal(call(user, "load", values), ALKA_TRAP_MEMORY_BOUNDS);
    assert_int_equal(report()->instance_id, world.back->id);
}

static void *call_in_thread(void *argument) {
    struct host_thread *host;
    if (host_thread_get(&world.engine, &host) != ALKA_OK || host == world.host)
        return NULL;
    const struct alka_func *func = export_of(world.front, "load").func;
    for (int i = 0; i < 1000; i++) {
        uint64_t values[1] = {0xFFFF0000};
        if (alka_call(host->thread, func, alka_func_type(func), values) != ALKA_TRAP_MEMORY_BOUNDS)
            return NULL;
    }
    return argument;
}

static void threads_have_stacks_of_their_own(void **state) {
    (void)state;
    pthread_t threads[3];
    assert_int_equal(host_signals_install(), ALKA_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_in_thread, &world), 0);
    for (int i = 0; i < 3; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, &world);
    }
    /* Each took its stacks along. */
    assert_ptr_equal(world.engine.threads, world.host);
    assert_null(world.host->next_of_engine);
}

/* What is no module's fault must not look like one. */
static void foreign_faults_are_left_alone(void **state) {
    (void)state;
    const struct alka_registry *registry = &world.engine.registry;
    struct alka_thread *thread = world.host->thread;
    struct {
        uint64_t back;
        struct alka_gate gate;
    } entry = {.back = (uint64_t)alka_return_enter};
    struct alka_resume resume;
    uint64_t text = (uint64_t)world.image->code.text;
    uint64_t load = export_of(world.front, "load").func->code;
    uint64_t base = world.front->base.value;
    struct alka_fault_state fault = {.fault = ALKA_FAULT_MEMORY,
                                     .pc = load,
                                     .address = base + 70000,
                                     .rsp = (uint64_t)thread - 64,
                                     .r15 = base};
    struct alka_fault_state now = fault;
    assert_false(alka_trap_decide(registry, thread, &now, &resume)); /* no gate */
    thread->gate = &entry.gate;
    thread->report = NULL;
    assert_true(alka_trap_decide(registry, thread, &now, &resume));
    now.pc = load + 1; /* in the code, but no site */
    assert_false(alka_trap_decide(registry, thread, &now, &resume));
    now = fault;
    now.address = base + ALKA_SLOT_BYTES; /* a site, but not its slot */
    assert_false(alka_trap_decide(registry, thread, &now, &resume));
    now.address = base - 8; /* the context */
    assert_false(alka_trap_decide(registry, thread, &now, &resume));
    now = fault;
    now.fault = ALKA_FAULT_INSTRUCTION;
    now.pc = text + 1;
    assert_false(alka_trap_decide(registry, thread, &now, &resume));
    now = fault;
    now.fault = ALKA_FAULT_DIVIDE; /* a site, but not one that divides */
    assert_false(alka_trap_decide(registry, thread, &now, &resume));
    now = fault;
    now.fault = ALKA_FAULT_OTHER;
    assert_false(alka_trap_decide(registry, thread, &now, &resume));
    now = fault;
    now.pc = (uint64_t)host_log; /* not in a module */
    assert_false(alka_trap_decide(registry, thread, &now, &resume));
    now = fault;
    now.pc = load + 1;
    now.address = thread->control_limit - 1;
    assert_true(alka_trap_decide(registry, thread, &now, &resume));
    assert_int_equal(resume.kind, ALKA_TRAP_STACK_EXHAUSTED);
    now.address = thread->control_limit;
    assert_false(alka_trap_decide(registry, thread, &now, &resume));
    now.address = thread->data_limit - 1;
    assert_true(alka_trap_decide(registry, thread, &now, &resume));
    now.address = thread->data_limit - thread->data_guard_bytes - 1;
    assert_false(alka_trap_decide(registry, thread, &now, &resume));
    thread->gate = NULL;
    thread->report = &world.host->report;
}

static volatile sig_atomic_t previous_seen;
static sigjmp_buf previous_out;
static void previous_handler(int number, siginfo_t *info, void *context) {
    (void)context;
    previous_seen = number;
    assert_int_equal((uintptr_t)info->si_addr, 0x1238);
    siglongjmp(previous_out, 1);
}

/* In a process of its own: handlers are installed once. */
static int chain_child(void) {
    struct sigaction action = {.sa_sigaction = previous_handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    if (host_signals_install() != ALKA_OK)
        return 1;
    if (sigsetjmp(previous_out, 1) == 0)
        *(volatile int *)0x1238 = 1;
    return previous_seen == SIGSEGV ? 0 : 2;
}

static int default_child(void) {
    (void)signal(SIGSEGV, SIG_DFL);
    if (host_signals_install() != ALKA_OK)
        return 1;
    *(volatile int *)0x1238 = 1;
    return 3;
}

static int child_status(char *self, const char *what) {
    pid_t child = fork();
    if (child == 0) {
        execl(self, self, what, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

static char *test_self;
static void other_handlers_get_other_faults(void **state) {
    (void)state;
    int status = child_status(test_self, "chain");
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    status = child_status(test_self, "default");
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(int argc, char **argv) {
    test_self = argv[0];
    if (argc > 1)
        return strcmp(argv[1], "chain") == 0 ? chain_child() : default_child();
#define WORLD_TEST(function) cmocka_unit_test_setup_teardown(function, world_open, world_close)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_handlers_get_other_faults),
        WORLD_TEST(unreachable_traps),
        WORLD_TEST(loads_trap_exactly_behind_the_memory),
        WORLD_TEST(division_by_zero_traps),
        WORLD_TEST(both_stacks_end_in_a_trap),
        WORLD_TEST(host_functions_trap_their_caller),
        WORLD_TEST(nested_traps_stop_at_the_innermost_entry),
        WORLD_TEST(endless_recursion_through_the_host_traps),
        WORLD_TEST(traps_pass_through_gates),
        WORLD_TEST(gates_can_answer_for_a_callee_that_traps),
        WORLD_TEST(a_dropped_callee_is_gone),
        WORLD_TEST(host_traps_pass_through_gates),
        WORLD_TEST(shared_memory_is_reached_through_r14),
        WORLD_TEST(threads_have_stacks_of_their_own),
        WORLD_TEST(foreign_faults_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
