/*
 * Messages of 64 bytes between threads of two modules. In: nothing. Out: what one costs, with all
 * of the services' checks. The shell's thread is one of the two, a thread of its own the other.
 */
#include "cpu/x86.h"
#include "modules/bench_rows.h"
#include "modules/builtin.h"
#include "modules/call.h"
#include "objects/channels.h"
#include "sched/thread.h"
#include "services/services.h"

#define BENCH_MESSAGES 256u
#define BENCH_MESSAGE_BYTES 64u
#define BENCH_STREAM_PLACES 64u

/*
 * (module
 *   (import "athanor" "channel_send" (func $send (param i64 i32 i32 i64) (result i32)))
 *   (import "athanor" "channel_receive" (func $receive (param i64 i32 i32 i32 i64) (result i32)))
 *   (memory 1)
 *   (func $say (result i32)
 *     (call $send (i64.load (i32.const 0)) (i32.const 64) (i32.const 64) (i64.const -1)))
 *   (func $hear (result i32)
 *     (call $receive (i64.load (i32.const 8)) (i32.const 128) (i32.const 64) (i32.const 256)
 *                    (i64.const -1)))
 *   (func (export "ask") (param i32)
 *     (loop $again
 *       (if (i32.or (call $say) (call $hear)) (then unreachable))
 *       (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
 *   (func (export "answer") (param i32)
 *     (loop $again
 *       (if (i32.or (call $hear) (call $say)) (then unreachable))
 *       (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
 *   (func (export "say") (param i32)
 *     (loop $again
 *       (if (call $say) (then unreachable))
 *       (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
 *   (func (export "hear") (param i32)
 *     (loop $again
 *       (if (call $hear) (then unreachable))
 *       (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))
 */
static const uint8_t bench_peer_bytes[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x1a, 0x04, 0x60, 0x04, 0x7e, 0x7f, 0x7f,
    0x7e, 0x01, 0x7f, 0x60, 0x05, 0x7e, 0x7f, 0x7f, 0x7f, 0x7e, 0x01, 0x7f, 0x60, 0x00, 0x01, 0x7f,
    0x60, 0x01, 0x7f, 0x00, 0x02, 0x32, 0x02, 0x07, 0x61, 0x74, 0x68, 0x61, 0x6e, 0x6f, 0x72, 0x0c,
    0x63, 0x68, 0x61, 0x6e, 0x6e, 0x65, 0x6c, 0x5f, 0x73, 0x65, 0x6e, 0x64, 0x00, 0x00, 0x07, 0x61,
    0x74, 0x68, 0x61, 0x6e, 0x6f, 0x72, 0x0f, 0x63, 0x68, 0x61, 0x6e, 0x6e, 0x65, 0x6c, 0x5f, 0x72,
    0x65, 0x63, 0x65, 0x69, 0x76, 0x65, 0x00, 0x01, 0x03, 0x07, 0x06, 0x02, 0x02, 0x03, 0x03, 0x03,
    0x03, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x1d, 0x04, 0x03, 0x61, 0x73, 0x6b, 0x00, 0x04, 0x06,
    0x61, 0x6e, 0x73, 0x77, 0x65, 0x72, 0x00, 0x05, 0x03, 0x73, 0x61, 0x79, 0x00, 0x06, 0x04, 0x68,
    0x65, 0x61, 0x72, 0x00, 0x07, 0x0a, 0x82, 0x01, 0x06, 0x11, 0x00, 0x41, 0x00, 0x29, 0x03, 0x00,
    0x41, 0xc0, 0x00, 0x41, 0xc0, 0x00, 0x42, 0x7f, 0x10, 0x00, 0x0b, 0x14, 0x00, 0x41, 0x08, 0x29,
    0x03, 0x00, 0x41, 0x80, 0x01, 0x41, 0xc0, 0x00, 0x41, 0x80, 0x02, 0x42, 0x7f, 0x10, 0x01, 0x0b,
    0x17, 0x00, 0x03, 0x40, 0x10, 0x02, 0x10, 0x03, 0x72, 0x04, 0x40, 0x00, 0x0b, 0x20, 0x00, 0x41,
    0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b, 0x17, 0x00, 0x03, 0x40, 0x10, 0x03, 0x10, 0x02,
    0x72, 0x04, 0x40, 0x00, 0x0b, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b,
    0x14, 0x00, 0x03, 0x40, 0x10, 0x02, 0x04, 0x40, 0x00, 0x0b, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22,
    0x00, 0x0d, 0x00, 0x0b, 0x0b, 0x14, 0x00, 0x03, 0x40, 0x10, 0x03, 0x04, 0x40, 0x00, 0x0b, 0x20,
    0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b};

struct bench_pair {
    struct module *here, *there;
    const char *function; /* of `there` */
    enum alka_trap trap;  /* how that ended */
};

static enum alka_trap bench_say(const struct module *module, const char *function) {
    struct call call;
    struct alka_trap_report report;
    call_begin(&call, 0, &report);
    enum alka_trap trap = builtin_call(module->instance, function, BENCH_MESSAGES);
    call_end(&call);
    return trap;
}

static void bench_there(void *arg) {
    struct bench_pair *pair = arg;
    pair->trap = bench_say(pair->there, pair->function);
}

static uint64_t bench_talk(struct bench_pair *pair, const char *here, const char *there) {
    struct thread *thread;
    pair->function = there;
    if (thread_make("bench", NULL, SCHED_PRIORITY_NORMAL, bench_there, pair, &thread) != ALKA_OK) {
        return UINT64_MAX;
    }
    thread_start(thread);
    uint64_t start = x86_time_stamp();
    enum alka_trap trap = bench_say(pair->here, here);
    uint64_t ticks = x86_time_stamp() - start;
    if (trap != ALKA_TRAP_NONE) { /* nobody answers the other one any more */
        thread_kill(thread);
    }
    while (thread_join(thread, SCHED_NEVER) != ALKA_OK) {
        thread_yield(); /* the shell's thread shall end, and cannot sleep any more */
    }
    return trap == ALKA_TRAP_NONE && pair->trap == ALKA_TRAP_NONE ? ticks : UINT64_MAX;
}

static uint64_t bench_round_trips(void *self, uint64_t parameter) {
    (void)parameter;
    return bench_talk(self, "ask", "answer");
}

static uint64_t bench_stream(void *self, uint64_t parameter) {
    (void)parameter;
    return bench_talk(self, "hear", "say");
}

/* From one to the other; the handles are where the module looks for them. */
static bool bench_connect(const struct module *from, const struct module *to) {
    static const struct bundle_text no_name = {"", 0};
    uint64_t *sends = (uint64_t *)from->instance->base.value;
    uint64_t *receives = (uint64_t *)to->instance->base.value + 1;
    struct channel_object *channel;
    if (channel_object_new(NULL, no_name, BENCH_MESSAGE_BYTES, BENCH_STREAM_PLACES, &channel) !=
        ALKA_OK) {
        return false;
    }
    struct object *object = &channel->ipc.object;
    bool is_granted = object_grant(from->holder, object, CAP_WRITE, sends) == ALKA_OK &&
                      object_grant(to->holder, object, CAP_READ, receives) == ALKA_OK;
    object_drop(object);
    return is_granted;
}

const char *bench_channels(struct bench_figure *out) {
    static const struct bench_row rows[] = {
        {"channel_message", "message, 64 bytes, and switch", bench_round_trips, 0,
         UINT64_C(2) * BENCH_MESSAGES, BENCH_MESSAGE, false},
        {"channel_stream", "message, 64 bytes, in a row", bench_stream, 0, BENCH_MESSAGES,
         BENCH_STREAM, false},
    };
    const struct alka_vtable vtable = {.rows = services_rows,
                                       .row_count = services_row_count,
                                       .granted = UINT64_C(1) << BUNDLE_CAP_channel_send |
                                                  UINT64_C(1) << BUNDLE_CAP_channel_receive};
    const struct alka_span bytes = {bench_peer_bytes, sizeof bench_peer_bytes};
    struct bench_pair pair = {bench_lend("bench-here", bytes, &vtable),
                              bench_lend("bench-there", bytes, &vtable), NULL, ALKA_TRAP_NONE};
    const char *error = "its modules cannot be loaded";
    if (pair.here != NULL && pair.there != NULL && bench_connect(pair.here, pair.there) &&
        bench_connect(pair.there, pair.here)) {
        error = NULL;
    }
    for (uint32_t i = 0; error == NULL && i < sizeof rows / sizeof rows[0]; i++) {
        error = bench_measure(&rows[i], &pair, out) ? NULL : rows[i].text;
    }
    modules_take_back();
    return error;
}
