/* Several threads, each with an engine of its own, in one shared memory. */
#include <alkahest.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <ucontext.h>

#include <cmocka.h>

/* Made with wat2wasm --enable-threads from: */
/* clang-format off */

/*
 * (module
 *   (import "env" "memory" (memory 1 16 shared))
 *   (func (export "add") (param $times i32)
 *     (loop $again
 *       (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
 *       (drop (i64.atomic.rmw8.sub_u (i32.const 8) (i64.const 1)))
 *       (drop (i32.atomic.rmw16.xor_u (i32.const 12) (i32.const 0x101)))
 *       (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
 *   (func $lock
 *     (block $mine
 *       (br_if $mine (i32.eqz (i32.atomic.rmw.cmpxchg (i32.const 16) (i32.const 0) (i32.const 1))))
 *       (loop $again
 *         (br_if $mine (i32.eqz (i32.atomic.rmw.xchg (i32.const 16) (i32.const 2))))
 *         (drop (memory.atomic.wait32 (i32.const 16) (i32.const 2) (i64.const -1)))
 *         (br $again))))
 *   (func $unlock
 *     (if (i32.eq (i32.atomic.rmw.xchg (i32.const 16) (i32.const 0)) (i32.const 2))
 *       (then (drop (memory.atomic.notify (i32.const 16) (i32.const 1))))))
 *   (func (export "guarded") (param $times i32)
 *     (loop $again
 *       (call $lock)
 *       (i64.store (i32.const 24) (i64.add (i64.load (i32.const 24)) (i64.const 1)))
 *       (call $unlock)
 *       (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
 *   (func (export "grow") (result i32)
 *     (local $old i32)
 *     (local.set $old (memory.grow (i32.const 1)))
 *     (i32.store (i32.mul (local.get $old) (i32.const 65536)) (local.get $old))
 *     (local.get $old))
 *   (func (export "page") (param i32) (result i32)
 *     (i32.load (i32.mul (local.get 0) (i32.const 65536))))
 *   (func (export "size") (result i32) (memory.size))
 *   (func (export "wait") (param i64) (result i32)
 *     (drop (i32.atomic.rmw.add (i32.const 32) (i32.const 1)))
 *     (memory.atomic.wait64 (i32.const 40) (i64.const 0) (local.get 0)))
 *   (func (export "notify") (param i32) (result i32)
 *     (memory.atomic.notify (i32.const 40) (local.get 0))))
 */
static const uint8_t wasm_sharer[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x16, 0x05, 0x60, 0x01, 0x7f, 0x00, 0x60,
    0x00, 0x00, 0x60, 0x00, 0x01, 0x7f, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x60, 0x01, 0x7e, 0x01, 0x7f,
    0x02, 0x10, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x03,
    0x01, 0x10, 0x03, 0x0a, 0x09, 0x00, 0x01, 0x01, 0x00, 0x02, 0x03, 0x02, 0x04, 0x03, 0x07, 0x36,
    0x07, 0x03, 0x61, 0x64, 0x64, 0x00, 0x00, 0x07, 0x67, 0x75, 0x61, 0x72, 0x64, 0x65, 0x64, 0x00,
    0x03, 0x04, 0x67, 0x72, 0x6f, 0x77, 0x00, 0x04, 0x04, 0x70, 0x61, 0x67, 0x65, 0x00, 0x05, 0x04,
    0x73, 0x69, 0x7a, 0x65, 0x00, 0x06, 0x04, 0x77, 0x61, 0x69, 0x74, 0x00, 0x07, 0x06, 0x6e, 0x6f,
    0x74, 0x69, 0x66, 0x79, 0x00, 0x08, 0x0a, 0xe0, 0x01, 0x09, 0x2a, 0x00, 0x03, 0x40, 0x41, 0x00,
    0x41, 0x01, 0xfe, 0x1e, 0x02, 0x00, 0x1a, 0x41, 0x08, 0x42, 0x01, 0xfe, 0x29, 0x00, 0x00, 0x1a,
    0x41, 0x0c, 0x41, 0x81, 0x02, 0xfe, 0x3d, 0x01, 0x00, 0x1a, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22,
    0x00, 0x0d, 0x00, 0x0b, 0x0b, 0x2d, 0x00, 0x02, 0x40, 0x41, 0x10, 0x41, 0x00, 0x41, 0x01, 0xfe,
    0x48, 0x02, 0x00, 0x45, 0x0d, 0x00, 0x03, 0x40, 0x41, 0x10, 0x41, 0x02, 0xfe, 0x41, 0x02, 0x00,
    0x45, 0x0d, 0x01, 0x41, 0x10, 0x41, 0x02, 0x42, 0x7f, 0xfe, 0x01, 0x02, 0x00, 0x1a, 0x0c, 0x00,
    0x0b, 0x0b, 0x0b, 0x19, 0x00, 0x41, 0x10, 0x41, 0x00, 0xfe, 0x41, 0x02, 0x00, 0x41, 0x02, 0x46,
    0x04, 0x40, 0x41, 0x10, 0x41, 0x01, 0xfe, 0x00, 0x02, 0x00, 0x1a, 0x0b, 0x0b, 0x1f, 0x00, 0x03,
    0x40, 0x10, 0x01, 0x41, 0x18, 0x41, 0x18, 0x29, 0x03, 0x00, 0x42, 0x01, 0x7c, 0x37, 0x03, 0x00,
    0x10, 0x02, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b, 0x18, 0x01, 0x01,
    0x7f, 0x41, 0x01, 0x40, 0x00, 0x21, 0x00, 0x20, 0x00, 0x41, 0x80, 0x80, 0x04, 0x6c, 0x20, 0x00,
    0x36, 0x02, 0x00, 0x20, 0x00, 0x0b, 0x0c, 0x00, 0x20, 0x00, 0x41, 0x80, 0x80, 0x04, 0x6c, 0x28,
    0x02, 0x00, 0x0b, 0x04, 0x00, 0x3f, 0x00, 0x0b, 0x15, 0x00, 0x41, 0x20, 0x41, 0x01, 0xfe, 0x1e,
    0x02, 0x00, 0x1a, 0x41, 0x28, 0x42, 0x00, 0x20, 0x00, 0xfe, 0x02, 0x03, 0x00, 0x0b, 0x0a, 0x00,
    0x41, 0x28, 0x20, 0x00, 0xfe, 0x00, 0x02, 0x00, 0x0b,
};

/* clang-format on */

enum { THREADS = 4, TIMES = 20000, PAGES_MOST = 16, GROWS = 3 };

/* What the threads share, made by the test. */
static struct alka_memory memory;
static uint32_t failures;

static alka_status lookup(void *self, const struct alka_import *import,
                          struct alka_extern *out_extern) {
    (void)self;
    (void)import;
    *out_extern = (struct alka_extern){.kind = ALKA_EXTERN_MEMORY, .memory = &memory};
    return ALKA_OK;
}

/* One thread's own engine and instance. */
struct sharer {
    struct alka_engine *engine;
    struct alka_instance *instance;
};

static void note_failure(void) { (void)__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED); }

static struct sharer sharer_open(enum alka_memory_model model) {
    struct sharer sharer = {0};
    struct alka_session_options options = alka_engine_defaults();
    options.codegen.memory_model = model;
    const struct alka_vtable vtable = {.lookup = lookup};
    struct alka_image *image;
    struct alka_diag diag;
    struct alka_instantiate_error error;
    if (alka_engine_open(NULL, &sharer.engine) != ALKA_OK ||
        alka_engine_compile(sharer.engine, (struct alka_span){wasm_sharer, sizeof wasm_sharer},
                            &options, &image, &diag) != ALKA_OK ||
        alka_engine_instantiate(sharer.engine, image, &vtable, NULL, &sharer.instance, &error) !=
            ALKA_OK)
        note_failure();
    return sharer;
}

static uint64_t sharer_call(const struct sharer *sharer, const char *name, uint64_t argument) {
    struct alka_extern func;
    uint64_t values[1] = {argument};
    enum alka_trap trap = ALKA_TRAP_HOST;
    if (!alka_instance_export(sharer->instance, alka_name(name), &func) ||
        alka_engine_call(sharer->engine, func.func, values, &trap, NULL) != ALKA_OK ||
        trap != ALKA_TRAP_NONE)
        note_failure();
    return values[0];
}

static void run_threads(void *(*run)(void *), enum alka_memory_model model) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, &model), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(failures, 0);
}

static void with_memory(void (*test)(struct alka_engine *engine, enum alka_memory_model model),
                        enum alka_memory_model model) {
    struct alka_engine *engine;
    const struct alka_range range = {.min = 1, .max = PAGES_MOST, .has_max = true, .shared = true};
    assert_int_equal(alka_engine_open(NULL, &engine), ALKA_OK);
    assert_int_equal(
        alka_memory_make(&memory, alka_engine_crucible(engine), &range, PAGES_MOST, model),
        ALKA_OK);
    failures = 0;
    test(engine, model);
    assert_null(memory.uses);
    alka_memory_drop(&memory);
    alka_engine_close(engine);
}

static void in_each_model(void (*test)(struct alka_engine *engine, enum alka_memory_model model)) {
    with_memory(test, ALKA_MEMORY_GUARD);
    with_memory(test, ALKA_MEMORY_CHECKED);
    with_memory(test, ALKA_MEMORY_WRAP);
}

static uint64_t word_at(uint64_t at) {
    return __atomic_load_n((const uint64_t *)(memory.base.value + at), __ATOMIC_SEQ_CST);
}

/* --- Counting. --- */

static void *run_counting(void *model) {
    struct sharer sharer = sharer_open(*(const enum alka_memory_model *)model);
    (void)sharer_call(&sharer, "add", TIMES);
    (void)sharer_call(&sharer, "guarded", TIMES);
    alka_engine_close(sharer.engine);
    return NULL;
}

static void check_counting(struct alka_engine *engine, enum alka_memory_model model) {
    (void)engine;
    run_threads(run_counting, model);
    assert_int_equal(word_at(0), THREADS * TIMES);
    assert_int_equal(word_at(8), (uint8_t) - (THREADS * TIMES));
    assert_int_equal(word_at(12), 0); /* an even number of exclusive ors */
    assert_int_equal(word_at(24), THREADS * TIMES);
}

static void test_counting(void **state) {
    (void)state;
    in_each_model(check_counting);
}

/* --- Growing. --- */

static void *run_growing(void *model) {
    struct sharer sharer = sharer_open(*(const enum alka_memory_model *)model);
    for (int i = 0; i < GROWS; i++) {
        uint64_t old = sharer_call(&sharer, "grow", 0);
        /* Whoever grew it before wrote into the new page; seen without growing here. */
        uint64_t size = sharer_call(&sharer, "size", 0);
        if (old + 1 > size || sharer_call(&sharer, "page", old) != old)
            note_failure();
    }
    alka_engine_close(sharer.engine);
    return NULL;
}

static void check_growing(struct alka_engine *engine, enum alka_memory_model model) {
    (void)engine;
    struct sharer watcher = sharer_open(model); /* grows nothing */
    run_threads(run_growing, model);
    assert_int_equal(sharer_call(&watcher, "size", 0), 1 + THREADS * GROWS);
    for (uint64_t page = 1; page < 1 + THREADS * GROWS; page++)
        assert_int_equal(sharer_call(&watcher, "page", page), page); /* each grew by one, once */
    alka_engine_close(watcher.engine);
    assert_int_equal(failures, 0);
}

static void test_growing(void **state) {
    (void)state;
    in_each_model(check_growing);
}

/* --- Waiting. --- */

static void *run_waiting(void *model) {
    struct sharer sharer = sharer_open(*(const enum alka_memory_model *)model);
    if (sharer_call(&sharer, "wait", UINT64_MAX) != ALKA_WAKE_NOTIFIED)
        note_failure();
    alka_engine_close(sharer.engine);
    return NULL;
}

static void check_waiting(struct alka_engine *engine, enum alka_memory_model model) {
    (void)engine;
    pthread_t threads[THREADS];
    struct sharer sharer = sharer_open(model);
    assert_int_equal(sharer_call(&sharer, "notify", 5), 0);
    assert_int_equal(sharer_call(&sharer, "wait", 1000000), ALKA_WAKE_TIMED_OUT);
    assert_int_equal(sharer_call(&sharer, "wait", 0), ALKA_WAKE_TIMED_OUT);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_waiting, &model), 0);
    /* One by one: those that wait already are told, those that do not yet are not counted. */
    uint64_t told = 0;
    while (told < THREADS && failures == 0) {
        uint64_t now = sharer_call(&sharer, "notify", 1);
        assert_true(now <= 1);
        told += now;
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(sharer_call(&sharer, "notify", UINT32_MAX), 0);
    *(uint64_t *)(memory.base.value + 40) = 1;
    assert_int_equal(sharer_call(&sharer, "wait", UINT64_MAX), ALKA_WAKE_NOT_EQUAL);
    alka_engine_close(sharer.engine);
    assert_int_equal(failures, 0);
}

static void test_waiting(void **state) {
    (void)state;
    in_each_model(check_waiting);
}

/* --- A thread that waits can be stopped. --- */

static _Thread_local struct {
    const struct alka_registry *registry;
    struct alka_thread *thread;
} stopped;
static uint32_t stops_later;

/* Told in code of the host: the trap comes when that returns. */
static void on_stop(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const struct alka_fault_state state = {.pc = (uint64_t)registers[REG_RIP],
                                           .rsp = (uint64_t)registers[REG_RSP],
                                           .r15 = (uint64_t)registers[REG_R15]};
    struct alka_resume resume;
    if (stopped.registry &&
        alka_trap_interrupt(stopped.registry, stopped.thread, &state, ALKA_TRAP_KILLED, &resume) ==
            ALKA_INTERRUPTED_LATER)
        (void)__atomic_fetch_add(&stops_later, 1, __ATOMIC_RELAXED);
}

static void *run_stopped(void *model) {
    struct sharer sharer = sharer_open(*(const enum alka_memory_model *)model);
    struct alka_extern func;
    uint64_t values[1] = {UINT64_MAX};
    enum alka_trap trap = ALKA_TRAP_NONE;
    if (alka_engine_thread(sharer.engine, &stopped.thread) != ALKA_OK)
        note_failure();
    stopped.registry = alka_engine_registry(sharer.engine);
    if (!alka_instance_export(sharer.instance, alka_name("wait"), &func) ||
        alka_engine_call(sharer.engine, func.func, values, &trap, NULL) != ALKA_OK ||
        trap != ALKA_TRAP_KILLED)
        note_failure();
    stopped.registry = NULL;
    alka_engine_close(sharer.engine);
    return NULL;
}

static void check_stopping(struct alka_engine *engine, enum alka_memory_model model) {
    (void)engine;
    pthread_t thread;
    struct sigaction before,
        action = {.sa_sigaction = on_stop, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    stops_later = 0;
    assert_int_equal(pthread_create(&thread, NULL, run_stopped, &model), 0);
    while (word_at(32) == 0) /* it has come to wait, or is about to */
        sched_yield();
    while (__atomic_load_n(&stops_later, __ATOMIC_RELAXED) == 0) {
        assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
        sched_yield();
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    assert_int_equal(failures, 0);
}

static void test_stopping(void **state) {
    (void)state;
    in_each_model(check_stopping);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_growing),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_stopping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
