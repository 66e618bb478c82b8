/*
 * The in-kernel benchmark. In: nothing. Out: what crossings cost. Where no other thread is needed
 * interrupts are off while it measures, for some milliseconds at most; nothing of it stays.
 */
#include "cpu/x86.h"
#include "modules/bench_rows.h"
#include "modules/builtin.h"
#include "modules/call.h"
#include "modules/recover.h"
#include "time/clock.h"
#include <string.h>

#define BENCH_RUNS 101u /* odd: the median is one of them */
#define BENCH_CALLS 1000u

/*
 * (module
 *   (memory 1)
 *   (data (i32.const 4096) "pristine")
 *   (func (export "nothing"))
 *   (func (export "crash") (param i32)
 *     (loop $write
 *       (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
 *       (i32.store (i32.mul (local.get 0) (i32.const 4096)) (i32.const -1))
 *       (br_if $write (local.get 0)))
 *     unreachable))
 */
static const uint8_t bench_callee_bytes[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x60, 0x00, 0x00, 0x60,
    0x01, 0x7f, 0x00, 0x03, 0x03, 0x02, 0x00, 0x01, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x13,
    0x02, 0x07, 0x6e, 0x6f, 0x74, 0x68, 0x69, 0x6e, 0x67, 0x00, 0x00, 0x05, 0x63, 0x72, 0x61,
    0x73, 0x68, 0x00, 0x01, 0x0a, 0x21, 0x02, 0x02, 0x00, 0x0b, 0x1c, 0x00, 0x03, 0x40, 0x20,
    0x00, 0x41, 0x01, 0x6b, 0x21, 0x00, 0x20, 0x00, 0x41, 0x80, 0x20, 0x6c, 0x41, 0x7f, 0x36,
    0x02, 0x00, 0x20, 0x00, 0x0d, 0x00, 0x0b, 0x00, 0x0b, 0x0b, 0x0f, 0x01, 0x00, 0x41, 0x80,
    0x20, 0x0b, 0x08, 0x70, 0x72, 0x69, 0x73, 0x74, 0x69, 0x6e, 0x65};

/*
 * (module
 *   (import "kernel" "nothing" (func $kernel))
 *   (import "callee" "nothing" (func $callee))
 *   (func (export "empty") (param i32)
 *     (loop $again (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
 *   (func (export "direct") (param i32)
 *     (loop $again (call $kernel) (br_if $again (local.tee 0 (i32.sub …)))))
 *   (func (export "gate") (param i32)
 *     (loop $again (call $callee) (br_if $again (local.tee 0 (i32.sub …))))))
 */
static const uint8_t bench_caller_bytes[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x60, 0x00, 0x00, 0x60, 0x01,
    0x7f, 0x00, 0x02, 0x23, 0x02, 0x06, 0x6b, 0x65, 0x72, 0x6e, 0x65, 0x6c, 0x07, 0x6e, 0x6f, 0x74,
    0x68, 0x69, 0x6e, 0x67, 0x00, 0x00, 0x06, 0x63, 0x61, 0x6c, 0x6c, 0x65, 0x65, 0x07, 0x6e, 0x6f,
    0x74, 0x68, 0x69, 0x6e, 0x67, 0x00, 0x00, 0x03, 0x04, 0x03, 0x01, 0x01, 0x01, 0x07, 0x19, 0x03,
    0x05, 0x65, 0x6d, 0x70, 0x74, 0x79, 0x00, 0x02, 0x06, 0x64, 0x69, 0x72, 0x65, 0x63, 0x74, 0x00,
    0x03, 0x04, 0x67, 0x61, 0x74, 0x65, 0x00, 0x04, 0x0a, 0x32, 0x03, 0x0e, 0x00, 0x03, 0x40, 0x20,
    0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b, 0x10, 0x00, 0x03, 0x40, 0x10, 0x00,
    0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b, 0x10, 0x00, 0x03, 0x40, 0x10,
    0x01, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b};

struct bench {
    struct alka_instance *callee, *caller;
    struct pristine *pristine; /* of the callee */
};

static void bench_nothing(struct alka_context *caller) { (void)caller; }

static alka_status bench_lookup(void *self, const struct alka_import *import,
                                struct alka_extern *out_extern) {
    const struct bench *bench = self;
    if (import->module.size == strlen("callee") &&
        memcmp(import->module.data, "callee", import->module.size) == 0) {
        bool found = alka_instance_export(bench->callee, import->name, out_extern);
        out_extern->gate_policy = ALKA_GATE_TRAPS;
        return found ? ALKA_OK : ALKA_E_UNKNOWN_IMPORT;
    }
    *out_extern = (struct alka_extern){.kind = ALKA_EXTERN_FUNC,
                                       .host = {"", "", ALKA_DIRECT(bench_nothing), NULL}};
    return ALKA_OK;
}

static uint64_t bench_loop(struct bench *bench, const char *function) {
    uint64_t start = x86_time_stamp();
    enum alka_trap trap = builtin_call(bench->caller, function, BENCH_CALLS);
    uint64_t ticks = x86_time_stamp() - start;
    return trap == ALKA_TRAP_NONE ? ticks : UINT64_MAX;
}

static uint64_t bench_calls(void *self, uint64_t gate) {
    struct bench *bench = self;
    uint64_t empty = bench_loop(bench, "empty");
    uint64_t full = bench_loop(bench, gate != 0 ? "gate" : "direct");
    if (empty == UINT64_MAX || full == UINT64_MAX) {
        return UINT64_MAX;
    }
    return full > empty ? full - empty : 0; /* a busy machine */
}

static uint64_t bench_instantiate(void *self, uint64_t parameter) {
    const struct bench *bench = self;
    (void)parameter;
    struct alka_instance *instance;
    struct alka_diag diag;
    uint64_t start = x86_time_stamp();
    if (alka_instance_make(bench->callee->image, NULL, NULL, &instance, &diag) != ALKA_OK) {
        return UINT64_MAX;
    }
    uint64_t ticks = x86_time_stamp() - start;
    alka_instance_drop(instance);
    return ticks;
}

static uint64_t bench_recover(void *self, uint64_t pages) {
    struct bench *bench = self;
    struct call call;
    call_begin(&call, 0, NULL);
    enum alka_trap crash = builtin_call(bench->callee, "crash", pages);
    call_end(&call);
    if (crash != ALKA_TRAP_UNREACHABLE) {
        return UINT64_MAX;
    }
    uint64_t dirty = recover_reset(bench->callee, bench->pristine);
    enum alka_trap trap = alka_instance_start(bench->callee, alka_thread_here());
    recover_bind_importer(bench->caller, bench->callee);
    uint64_t ticks = x86_time_stamp() - call.fault.ticks;
    /* It serves again, and is what it was. */
    const uint8_t *memory = (const uint8_t *)bench->callee->base.value;
    bool good = trap == ALKA_TRAP_NONE && dirty == pages && memory[0] == 0 &&
                memcmp(memory + 4096, "pristine", 8) == 0 &&
                builtin_call(bench->caller, "gate", 1) == ALKA_TRAP_NONE;
    return good ? ticks : UINT64_MAX;
}

bool bench_measure(const struct bench_row *row, void *self, struct bench_figure *out) {
    uint64_t sorted[BENCH_RUNS];
    for (uint32_t i = 0; i < BENCH_RUNS; i++) {
        if (row->is_alone) {
            x86_interrupts_off();
        }
        uint64_t ticks = row->run(self, row->parameter);
        x86_interrupts_on();
        if (ticks == UINT64_MAX) {
            return false;
        }
        uint32_t at = i;
        for (; at > 0 && sorted[at - 1] > ticks; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = ticks;
    }
    out[row->what] = (struct bench_figure){
        .key = row->key,
        .what = row->text,
        .hundredths = sorted[BENCH_RUNS / 2] * 100 / row->per_run,
        .p99 = sorted[BENCH_RUNS * 99 / 100] / row->per_run,
        .worst = sorted[BENCH_RUNS - 1] / row->per_run,
    };
    return true;
}

struct module *bench_lend(const char *name, struct alka_span bytes,
                          const struct alka_vtable *vtable) {
    struct module *module = modules_lend(name);
    if (module == NULL ||
        builtin_load(bytes, name, vtable, (uint64_t)module, &module->instance) != ALKA_OK) {
        return NULL;
    }
    module->pristine = pristine_take(module->instance);
    return module->pristine != NULL ? module : NULL;
}

static const char *bench_all(struct bench *bench, struct bench_figure *out) {
    static const struct bench_row rows[] = {
        {"direct_call", "call of a kernel function", bench_calls, 0, BENCH_CALLS, BENCH_DIRECT,
         true},
        {"module_call", "call of another module", bench_calls, 1, BENCH_CALLS, BENCH_GATE, true},
        {"instantiate", "instance with 64 KiB", bench_instantiate, 0, 1, BENCH_INSTANTIATE, true},
        {"recover_1", "trap to serving, 1 page", bench_recover, 1, 1, BENCH_RECOVER_1, true},
        {"recover_8", "trap to serving, 8 pages", bench_recover, 8, 1, BENCH_RECOVER_8, true},
    };
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!bench_measure(&rows[i], bench, out)) {
            return rows[i].text;
        }
    }
    return NULL;
}

/* What happened once, at boot. */
static struct bench_figure bench_first(void) {
    uint64_t ticks = clock_ns_to_ticks(call_first_ns(), clock_hz());
    return (struct bench_figure){.key = "first_instruction",
                                 .what = "boot to the first module",
                                 .hundredths = ticks * 100,
                                 .p99 = ticks,
                                 .worst = ticks};
}

static const char *bench_crossings(struct bench_figure *out) {
    struct bench bench = {0};
    const struct alka_vtable vtable = {.lookup = bench_lookup, .self = &bench};
    const struct alka_span callee = {bench_callee_bytes, sizeof bench_callee_bytes};
    const struct alka_span caller = {bench_caller_bytes, sizeof bench_caller_bytes};
    const char *error = "its modules cannot be loaded";
    if (builtin_load(callee, "bench-callee", &vtable, 0, &bench.callee) == ALKA_OK &&
        builtin_load(caller, "bench-caller", &vtable, 0, &bench.caller) == ALKA_OK) {
        bench.pristine = pristine_take(bench.callee);
        error = bench.pristine != NULL ? bench_all(&bench, out) : "no memory";
    }
    pristine_give(bench.pristine);
    if (bench.caller != NULL) {
        alka_instance_drop(bench.caller);
    }
    if (bench.callee != NULL) {
        alka_instance_drop(bench.callee);
    }
    return error;
}

const char *bench_run(struct bench_figure *out) {
    out[BENCH_FIRST] = bench_first();
    const char *error = bench_crossings(out);
    if (error == NULL) {
        error = bench_serving(out);
    }
    return error == NULL ? bench_channels(out) : error;
}
