/*
 * What modules may call, one function per row of services.def. In: integers
 * from module code, and the caller's context. Out: results, or a trap of the
 * caller. Every range is checked against the caller's memory, without overflow,
 * before it is used; bytes there may change at any time, so each is read once.
 * What waits touches nothing of the caller afterwards: that may be gone.
 */
#include "services/services.h"
#include "bundle/bundle.h"
#include "cpu/random.h"
#include "modules/call.h"
#include "modules/state.h"
#include "modules/supervision.h"
#include "objects/log_channel.h"
#include "sched/thread.h"
#include "services/argument.h"
#include "services/buffers.h"
#include "services/handles.h"
#include "services/ipc.h"
#include "services/modules.h"
#include "time/clock.h"
#include <alkahest/instance.h>

static void service_log(uint32_t text, uint32_t bytes, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_log, bytes);
    const void *range = service_range(caller, text, bytes);
    if (range != NULL) {
        log_module_line(holder_of(caller), caller->instance->name, range, bytes);
    }
}

/* What the manifest lets the caller tell apart. */
static uint64_t service_resolution_ns(const struct alka_context *caller) {
    return ((const struct module *)caller->user)->entry.clock_resolution_ns;
}

static uint64_t service_clock_ns(struct alka_context *caller) {
    uint64_t now_ns = clock_ns();
    return now_ns - now_ns % service_resolution_ns(caller);
}

static void service_yield(struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_yield, 0);
    thread_yield();
}

uint64_t service_deadline_of(uint64_t deadline_ns, const struct alka_context *caller) {
    uint64_t resolution_ns = service_resolution_ns(caller);
    uint64_t over_ns = deadline_ns % resolution_ns;
    uint64_t left_ns = over_ns == 0 ? 0 : resolution_ns - over_ns;
    return left_ns < SCHED_NEVER - deadline_ns ? deadline_ns + left_ns : SCHED_NEVER;
}

static uint32_t service_sleep_until(uint64_t deadline_ns, struct alka_context *caller) {
    deadline_ns = service_deadline(deadline_ns, caller);
    service_trace(caller, BUNDLE_CAP_sleep_until, deadline_ns);
    alka_status status = ALKA_OK;
    uint64_t flags = threads_lock();
    while (status == ALKA_OK) {
        status = call_block(deadline_ns);
    }
    threads_unlock(flags);
    return status == ALKA_E_TIMED_OUT ? ALKA_OK : status;
}

static void service_exit(uint32_t code, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_exit, code);
    call_set_exit_code(code);
    alka_trap_raise(ALKA_TRAP_EXIT);
}

static void service_random(uint32_t out, uint32_t bytes, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_random, bytes);
    uint8_t *range = service_range(caller, out, bytes);
    if (range != NULL) {
        random_fill(range, bytes);
    }
}

static void service_state_save(uint32_t state, uint32_t bytes, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_state_save, bytes);
    const void *range = service_range(caller, state, bytes);
    if (range != NULL && !state_save(caller->instance, range, bytes)) {
        alka_trap_raise(ALKA_TRAP_HOST);
    }
}

static uint32_t service_state_load(uint32_t out, uint32_t bytes, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_state_load, bytes);
    void *range = service_range(caller, out, bytes);
    uint32_t read = 0;
    if (range != NULL && !state_load(caller->instance, range, bytes, &read)) {
        alka_trap_raise(ALKA_TRAP_HOST);
    }
    return read;
}

static void service_heartbeat(struct alka_context *caller) {
    const struct module *module = (const struct module *)caller->user;
    if (module != NULL) {
        supervision_beat(module);
    }
}

static uint32_t service_call_error(struct alka_context *caller) {
    enum alka_trap error = alka_call_error(thread_this()->stacks, caller);
    return error != ALKA_TRAP_NONE ? call_trap_code(error) : 0;
}

const struct alka_vtable_row services_rows[] = {
#define SERVICE(name, params, results, meaning) \
    {SERVICES_MODULE,                           \
     #name,                                     \
     BUNDLE_CAP_##name,                         \
     {params, results, ALKA_DIRECT(service_##name), NULL}},
#include "services.def"
#undef SERVICE
};
const uint32_t services_row_count = sizeof services_rows / sizeof services_rows[0];
