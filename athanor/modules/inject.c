/*
 * Injected faults. In: a module and the name of a fault. Out: the module, having failed. A small
 * module of the kernel's own runs in the victim's name, with its memory, its handles and its
 * places in queues; what follows its trap is what follows any.
 */
#include "modules/inject.h"
#include "console/log.h"
#include "cpu/random.h"
#include "modules/builtin.h"
#include "modules/inject_code.h"
#include "modules/workers.h"
#include "services/services.h"
#include "time/clock.h"
#include <string.h>

#define INJECT_LIMIT_NS (UINT64_C(1) * 1000 * 1000 * 1000)
#define INJECT_KILL_MOST_NS (UINT64_C(20) * 1000 * 1000)
#define INJECT_LATER_MOST_MS 1000u
#define INJECT_MS UINT64_C(1000000)

enum inject_how {
    INJECT_CALL,   /* an export of the injected faults, of the fault's name */
    INJECT_MEMORY, /* one that works on the victim's memory */
    INJECT_FLIP,
    INJECT_KILL,
    INJECT_LATER,
};

/* clang-format off */
static const struct {
    struct inject_fault fault;
    enum inject_how how;
} inject_faults[] = {
    {{"trap",       "executes unreachable code: ALKA_600"},                               INJECT_CALL},
    {{"bounds",     "reads past the end of a memory: ALKA_601"},                          INJECT_CALL},
    {{"divide",     "divides by zero: ALKA_602"},                                         INJECT_CALL},
    {{"integer",    "divides the least integer by -1: ALKA_603"},                         INJECT_CALL},
    {{"convert",    "makes an integer of what is not a number: ALKA_604"},                INJECT_CALL},
    {{"table",      "reads past the end of a table: ALKA_605"},                           INJECT_CALL},
    {{"undefined",  "calls through a table, past its end: ALKA_606"},                     INJECT_CALL},
    {{"empty",      "calls through an empty element: ALKA_607"},                          INJECT_CALL},
    {{"type",       "calls a function as one of another type: ALKA_608"},                 INJECT_CALL},
    {{"null",       "uses a null reference: ALKA_610"},                                   INJECT_CALL},
    {{"unaligned",  "an atomic access across words: ALKA_613"},                           INJECT_CALL},
    {{"exception",  "throws an exception that nobody catches: ALKA_615"},                 INJECT_CALL},
    {{"argument",   "gives the kernel a range that ends outside of memory: ALKA_601"},    INJECT_CALL},
    {{"loop",       "never ends, and is killed after a second: ALKA_618"},                INJECT_CALL},
    {{"overflow",   "endless recursion: ALKA_609"},                                       INJECT_CALL},
    {{"stack",      "endless recursion of a function that keeps values: ALKA_609"},       INJECT_CALL},
    {{"memory",     "takes all memory that it may, overwrites it, goes on: ALKA_601"},    INJECT_MEMORY},
    {{"handles",    "makes events until it may have no more handles, and traps: ALKA_600"}, INJECT_CALL},
    {{"queue",      "makes and fills channels until it may not, and traps: ALKA_600"},    INJECT_CALL},
    {{"bitflip",    "a random bit of its memory is another one; it goes on with that"},   INJECT_FLIP},
    {{"kill",       "at a random moment within 20 ms what runs in it is killed: ALKA_618"}, INJECT_KILL},
    {{"kill-later", "the same, at a random moment of the next second; others go on"},     INJECT_LATER},
};
/* clang-format on */

const struct inject_fault *inject_at(uint32_t index) {
    return index < sizeof inject_faults / sizeof inject_faults[0] ? &inject_faults[index].fault
                                                                  : NULL;
}

static alka_status inject_lookup(void *self, const struct alka_import *import,
                                 struct alka_extern *out_extern) {
    struct alka_instance *victim = ((struct module *)self)->instance;
    (void)import;
    *out_extern = (struct alka_extern){
        .kind = ALKA_EXTERN_MEMORY, .owner = victim, .memory = victim->memories[0]};
    return ALKA_OK;
}

/* A call into the victim, but for whose code it is. */
static void inject_call(struct module *module, const struct alka_instance *injector,
                        const char *fault, uint64_t limit_ns, uint64_t value,
                        struct call_result *out) {
    const struct bundle_text called = {fault, (uint32_t)strlen(fault)};
    uint64_t start_ns = clock_ns();
    *out = (struct call_result){.outcome = CALL_RETURNED};
    module->calls++;
    module->running++;
    module->state = MODULE_RUNNING;
    struct call call;
    call_begin(&call, limit_ns, &out->report);
    out->trap = builtin_call(injector, fault, value);
    call_end(&call);
    module->running--;
    if (out->trap != ALKA_TRAP_NONE) {
        out->outcome = CALL_TRAPPED;
        call_keep(&call, &out->report);
    }
    if (module->state == MODULE_RUNNING && module->running == 0) {
        module->state = out->outcome == CALL_TRAPPED ? MODULE_TRAPPED : MODULE_READY;
    }
    call_recover(called, &out->report, &call.fault);
    out->ns = clock_ns() - start_ns;
    /* While the injected code can still be named. */
    call_log(module, called, out, true);
}

static const char *inject_run(struct module *module, struct alka_span code, const char *fault,
                              uint64_t limit_ns, uint64_t value, struct call_result *out) {
    const struct alka_vtable vtable = {.rows = services_rows,
                                       .row_count = services_row_count,
                                       .granted = UINT64_MAX,
                                       .lookup = inject_lookup,
                                       .self = module};
    struct alka_instance *injector;
    if (builtin_load(code, "inject", &vtable, (uint64_t)module, &injector) != ALKA_OK) {
        return "the injected code cannot be loaded";
    }
    inject_call(module, injector, fault, limit_ns, value, out);
    alka_instance_drop(injector);
    return NULL;
}

static const char *inject_flip(struct module *module, struct call_result *out) {
    uint64_t bytes = module->instance->memories[0]->committed_bytes;
    if (bytes == 0) {
        return "the module's memory is empty";
    }
    uint64_t bit = random_u64() % (bytes * 8);
    const char *error =
        inject_run(module, inject_memory_code, "bitflip", INJECT_LIMIT_NS, bit, out);
    if (error == NULL && out->outcome == CALL_RETURNED) {
        log_info("%s: bit %lu of byte 0x%lx of its memory is another one now", module->name,
                 bit % 8, bit / 8);
    }
    return error;
}

static const char *inject_kill(struct module *module, struct call_result *out) {
    uint64_t limit_ns = 1 + random_u64() % INJECT_KILL_MOST_NS;
    return inject_run(module, inject_faults_code, "loop", limit_ns, 0, out);
}

/* On a thread of the module's: by then it may be stopped, or another instance. */
static void inject_after(struct module *module, uint32_t delay_ms) {
    struct call_result result;
    if (thread_sleep_until(clock_ns() + delay_ms * INJECT_MS) != ALKA_OK) {
        return;
    }
    call_wait(module);
    const char *error = module->instance == NULL || module->state == MODULE_DOWN
                            ? "it does not run any more"
                            : inject_kill(module, &result);
    if (error != NULL) {
        log_error("%s: not killed: %s", module->name, error);
    }
}

static const char *inject_later(struct module *module, struct call_result *out) {
    uint32_t delay_ms = 1 + (uint32_t)(random_u64() % INJECT_LATER_MOST_MS);
    if (workers_add_job(module, inject_after, delay_ms) != ALKA_OK) {
        return "there is no memory for a thread";
    }
    *out = (struct call_result){.outcome = CALL_RETURNED};
    log_info("%s: is killed in %u ms", module->name, delay_ms);
    return NULL;
}

static const char *inject_do(struct module *module, enum inject_how how, const char *fault,
                             struct call_result *out) {
    bool has_memory = module->instance->image->module.memory_count > 0;
    if ((how == INJECT_MEMORY || how == INJECT_FLIP) && !has_memory) {
        return "the module has no memory";
    }
    switch (how) {
    case INJECT_CALL:
        return inject_run(module, inject_faults_code, fault, INJECT_LIMIT_NS, 0, out);
    case INJECT_MEMORY:
        return inject_run(module, inject_memory_code, fault, INJECT_LIMIT_NS, 0, out);
    case INJECT_FLIP:
        return inject_flip(module, out);
    case INJECT_KILL:
        return inject_kill(module, out);
    case INJECT_LATER:
        return inject_later(module, out);
    }
    return NULL;
}

const char *inject(struct module *module, const char *fault, struct call_result *out) {
    uint32_t which = 0;
    while (inject_at(which) != NULL && strcmp(inject_at(which)->name, fault) != 0) {
        which++;
    }
    if (inject_at(which) == NULL) {
        return "no such fault; `inject` lists them";
    }
    call_wait(module);
    if (module->instance == NULL || module->state == MODULE_DOWN) {
        return "the module is down";
    }
    return inject_do(module, inject_faults[which].how, fault, out);
}
