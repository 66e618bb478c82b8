/*
 * For how long a module does not serve: after a trap, and while another version takes its place.
 * In: nothing. Out: times. In the second case a client notes when each of its calls was answered,
 * on a thread of its own; the shell's thread swaps.
 */
#include "cpu/x86.h"
#include "modules/bench_rows.h"
#include "modules/builtin.h"
#include "modules/call.h"
#include "modules/swap.h"
#include "sched/thread.h"
#include "services/services.h"
#include "time/clock.h"
#include <string.h>

#define BENCH_SWAP_AFTER_NS UINT64_C(200000)

/*
 * (module
 *   (import "athanor" "state_save" (func $save (param i32 i32)))
 *   (import "athanor" "state_load" (func $load (param i32 i32) (result i32)))
 *   (memory 1)
 *   (func (export "answer") (result i32) (i32.load (i32.const 0)))
 *   (func (export "export_state") (call $save (i32.const 0) (i32.const 4096)))
 *   (func (export "import_state")
 *     (drop (call $load (i32.const 0) (i32.const 4096)))
 *     (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))))
 *   (func (export "health") (result i32) (i32.const 0))
 *   (func (export "crash")
 *     (i32.store (i32.const 8192) (i32.const -1))
 *     unreachable))
 */
static const uint8_t bench_server_bytes[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x13, 0x04, 0x60, 0x02, 0x7f, 0x7f,
    0x00, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7f, 0x60, 0x00, 0x01, 0x7f, 0x60, 0x00, 0x00, 0x02,
    0x2b, 0x02, 0x07, 0x61, 0x74, 0x68, 0x61, 0x6e, 0x6f, 0x72, 0x0a, 0x73, 0x74, 0x61, 0x74,
    0x65, 0x5f, 0x73, 0x61, 0x76, 0x65, 0x00, 0x00, 0x07, 0x61, 0x74, 0x68, 0x61, 0x6e, 0x6f,
    0x72, 0x0a, 0x73, 0x74, 0x61, 0x74, 0x65, 0x5f, 0x6c, 0x6f, 0x61, 0x64, 0x00, 0x01, 0x03,
    0x06, 0x05, 0x02, 0x03, 0x03, 0x02, 0x03, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x39, 0x05,
    0x06, 0x61, 0x6e, 0x73, 0x77, 0x65, 0x72, 0x00, 0x02, 0x0c, 0x65, 0x78, 0x70, 0x6f, 0x72,
    0x74, 0x5f, 0x73, 0x74, 0x61, 0x74, 0x65, 0x00, 0x03, 0x0c, 0x69, 0x6d, 0x70, 0x6f, 0x72,
    0x74, 0x5f, 0x73, 0x74, 0x61, 0x74, 0x65, 0x00, 0x04, 0x06, 0x68, 0x65, 0x61, 0x6c, 0x74,
    0x68, 0x00, 0x05, 0x05, 0x63, 0x72, 0x61, 0x73, 0x68, 0x00, 0x06, 0x0a, 0x3d, 0x05, 0x07,
    0x00, 0x41, 0x00, 0x28, 0x02, 0x00, 0x0b, 0x09, 0x00, 0x41, 0x00, 0x41, 0x80, 0x20, 0x10,
    0x00, 0x0b, 0x17, 0x00, 0x41, 0x00, 0x41, 0x80, 0x20, 0x10, 0x01, 0x1a, 0x41, 0x00, 0x41,
    0x00, 0x28, 0x02, 0x00, 0x41, 0x01, 0x6a, 0x36, 0x02, 0x00, 0x0b, 0x04, 0x00, 0x41, 0x00,
    0x0b, 0x0c, 0x00, 0x41, 0x80, 0xc0, 0x00, 0x41, 0x7f, 0x36, 0x02, 0x00, 0x00, 0x0b};

/*
 * (module
 *   (import "server" "answer" (func $answer (result i32)))
 *   (import "kernel" "ticks" (func $ticks (result i64)))
 *   (memory 1)
 *   (func (export "watch") (param i32)
 *     (local $version i32) (local $then i64) (local $now i64)
 *     (local.set $version (call $answer))
 *     (local.set $now (call $ticks))
 *     (loop $again
 *       (local.set $then (local.get $now))
 *       (local.set 0 (call $answer))
 *       (local.set $now (call $ticks))
 *       (br_if $again (i32.eq (local.get 0) (local.get $version))))
 *     (i64.store (i32.const 0) (i64.sub (local.get $now) (local.get $then)))))
 */
static const uint8_t bench_client_bytes[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0d, 0x03, 0x60, 0x00, 0x01, 0x7f, 0x60,
    0x00, 0x01, 0x7e, 0x60, 0x01, 0x7f, 0x00, 0x02, 0x20, 0x02, 0x06, 0x73, 0x65, 0x72, 0x76, 0x65,
    0x72, 0x06, 0x61, 0x6e, 0x73, 0x77, 0x65, 0x72, 0x00, 0x00, 0x06, 0x6b, 0x65, 0x72, 0x6e, 0x65,
    0x6c, 0x05, 0x74, 0x69, 0x63, 0x6b, 0x73, 0x00, 0x01, 0x03, 0x02, 0x01, 0x02, 0x05, 0x03, 0x01,
    0x00, 0x01, 0x07, 0x09, 0x01, 0x05, 0x77, 0x61, 0x74, 0x63, 0x68, 0x00, 0x02, 0x0a, 0x30, 0x01,
    0x2e, 0x02, 0x01, 0x7f, 0x02, 0x7e, 0x10, 0x00, 0x21, 0x01, 0x10, 0x01, 0x21, 0x03, 0x03, 0x40,
    0x20, 0x03, 0x21, 0x02, 0x10, 0x00, 0x21, 0x00, 0x10, 0x01, 0x21, 0x03, 0x20, 0x00, 0x20, 0x01,
    0x46, 0x0d, 0x00, 0x0b, 0x41, 0x00, 0x20, 0x03, 0x20, 0x02, 0x7d, 0x37, 0x03, 0x00, 0x0b};

struct bench_swap {
    struct module *server, *next, *client;
    enum alka_trap trap; /* of the client */
};

static uint64_t bench_ticks(struct alka_context *caller) {
    (void)caller;
    return x86_time_stamp();
}

static alka_status bench_swap_lookup(void *self, const struct alka_import *import,
                                     struct alka_extern *out_extern) {
    const struct bench_swap *bench = self;
    if (import->module.size == strlen("server") &&
        memcmp(import->module.data, "server", import->module.size) == 0) {
        bool found = alka_instance_export(bench->server->instance, import->name, out_extern);
        out_extern->gate_policy = ALKA_GATE_TRAPS;
        return found ? ALKA_OK : ALKA_E_UNKNOWN_IMPORT;
    }
    *out_extern = (struct alka_extern){.kind = ALKA_EXTERN_FUNC,
                                       .host = {"", "I", ALKA_DIRECT(bench_ticks), NULL}};
    return ALKA_OK;
}

static void bench_watch(void *arg) {
    struct bench_swap *bench = arg;
    struct call call;
    struct alka_trap_report report;
    call_begin(&call, 0, &report);
    bench->trap = builtin_call(bench->client->instance, "watch", 0);
    call_end(&call);
}

static uint64_t bench_swap_once(void *self, uint64_t parameter) {
    (void)parameter;
    struct bench_swap *bench = self;
    struct thread *thread;
    struct swap_report report;
    if (thread_make("bench", NULL, SCHED_PRIORITY_NORMAL, bench_watch, bench, &thread) != ALKA_OK) {
        return UINT64_MAX;
    }
    thread_start(thread);
    alka_status slept = thread_sleep_until(clock_ns() + BENCH_SWAP_AFTER_NS);
    const char *error =
        slept == ALKA_OK ? swap(bench->server, bench->next, &report) : "interrupted";
    if (error != NULL) { /* it would watch for ever */
        thread_kill(thread);
    }
    while (thread_join(thread, SCHED_NEVER) != ALKA_OK) {
        thread_yield(); /* the shell's thread shall end, and cannot sleep any more */
    }
    return error == NULL && bench->trap == ALKA_TRAP_NONE
               ? *(const uint64_t *)bench->client->instance->base.value
               : UINT64_MAX;
}

static uint64_t bench_serve_again(void *self, uint64_t parameter) {
    (void)parameter;
    static const struct bundle_text crash = {"crash", sizeof "crash" - 1};
    const struct bench_swap *bench = self;
    struct call_result result;
    call_export(bench->server, crash, 0, &result);
    call_drop(&result);
    const struct module_recoveries *recoveries = &bench->server->recoveries;
    return result.outcome == CALL_TRAPPED && bench->server->instance != NULL
               ? recoveries->ticks[(recoveries->count - 1) % MODULE_RECOVERIES_KEPT]
               : UINT64_MAX;
}

static bool bench_swap_load(struct bench_swap *bench) {
    const struct alka_vtable services = {.rows = services_rows,
                                         .row_count = services_row_count,
                                         .granted = UINT64_C(1) << BUNDLE_CAP_state_save |
                                                    UINT64_C(1) << BUNDLE_CAP_state_load};
    const struct alka_vtable peers = {.lookup = bench_swap_lookup, .self = bench};
    const struct alka_span server = {bench_server_bytes, sizeof bench_server_bytes};
    const struct alka_span client = {bench_client_bytes, sizeof bench_client_bytes};
    bench->server = bench_lend("bench-server", server, &services);
    bench->next = bench_lend("bench-next", server, &services);
    if (bench->server == NULL || bench->next == NULL) {
        return false;
    }
    bench->next->of = bench->server;
    bench->next->state = MODULE_WARM;
    bench->client = bench_lend("bench-client", client, &peers);
    return bench->client != NULL;
}

const char *bench_serving(struct bench_figure *out) {
    static const struct bench_row rows[] = {
        {"serve_again", "trap to serving, all of it", bench_serve_again, 0, 1, BENCH_SERVE_AGAIN,
         false},
        {"hot_swap", "hot swap, unserved", bench_swap_once, 0, 1, BENCH_SWAP, false},
    };
    struct bench_swap bench = {0};
    const char *error = bench_swap_load(&bench) ? NULL : "its modules cannot be loaded";
    for (uint32_t i = 0; error == NULL && i < sizeof rows / sizeof rows[0]; i++) {
        error = bench_measure(&rows[i], &bench, out) ? NULL : rows[i].text;
    }
    modules_take_back();
    return error;
}
