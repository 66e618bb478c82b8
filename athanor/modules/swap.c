/*
 * Hot swap (swap.h says how). In: two versions of a module. Out: their places exchanged, or not.
 * Between closing and turning the gates this thread goes before all others. It must never leave a
 * gate closed.
 */
#include "modules/swap.h"
#include "console/log.h"
#include "cpu/x86.h"
#include "modules/call.h"
#include "modules/evict.h"
#include "modules/recover.h"
#include "modules/state.h"
#include "objects/buffers.h"
#include "objects/objects.h"
#include "sched/thread.h"
#include "time/clock.h"
#include "trace/trace.h"
#include <string.h>

struct module *swap_next(const struct module *module) {
    for (uint32_t i = 0; modules_at(i) != NULL; i++) {
        if (modules_at(i)->of == module && modules_at(i)->state != MODULE_WARM) {
            return modules_at(i);
        }
    }
    return NULL;
}

/* --- Gates. --- */

enum swap_gates { SWAP_CLOSE, SWAP_OPEN, SWAP_TURN };

/* Under the lock: of everybody who imports from `from`, whether they serve now or are kept warm. */
static void swap_gates(enum swap_gates what, struct alka_instance *from, struct alka_instance *to) {
    for (uint32_t i = 0; modules_at(i) != NULL; i++) {
        struct alka_instance *importer = modules_at(i)->instance;
        if (importer == NULL) {
            continue;
        }
        switch (what) {
        case SWAP_CLOSE:
            alka_instance_close_gates(importer, from);
            break;
        case SWAP_OPEN:
            alka_instance_open_gates(importer, from);
            break;
        case SWAP_TURN:
            alka_instance_rebind(importer, from, to);
            break;
        }
    }
}

static const char *swap_check(const struct alka_instance *from, const struct alka_instance *to) {
    if (from->is_pinned) {
        return "its functions are in other modules' tables, where they cannot be replaced";
    }
    for (uint32_t i = 0; modules_at(i) != NULL; i++) {
        const struct alka_instance *importer = modules_at(i)->instance;
        uint32_t import_idx;
        if (importer != NULL && !alka_instance_can_rebind(importer, from, to, &import_idx)) {
            const struct alka_import *import = &importer->image->module.imports[import_idx];
            log_error("%s: import %u, %.*s.%.*s, cannot come from %s", modules_at(i)->name,
                      import_idx, (int)import->module.size, (const char *)import->module.data,
                      (int)import->name.size, (const char *)import->name.data, to->name);
            return "the new version does not have all that others import";
        }
    }
    return NULL;
}

static void swap_close(struct module *module) {
    evict_hurry(true);
    uint64_t flags = threads_lock();
    module->is_held = true;
    swap_gates(SWAP_CLOSE, module->instance, NULL);
    threads_unlock(flags);
}

/* Whether the instance still is, or went with a trap: gates to that one stay dead. */
static void swap_open(struct module *module, struct alka_instance *from) {
    uint64_t flags = threads_lock();
    swap_gates(SWAP_OPEN, from, NULL);
    module->is_held = false;
    threads_unlock(flags);
    evict_hurry(false);
}

static void swap_exchange(struct module *module, struct module *next) {
    const struct module was = *module;
    module->entry = next->entry;
    module->limits = next->limits;
    module->image = next->image;
    module->instance = next->instance;
    module->pristine = next->pristine;
    module->load_ns = next->load_ns;
    module->native_code_bytes = next->native_code_bytes;
    next->entry = was.entry;
    next->limits = was.limits;
    next->image = was.image;
    next->instance = was.instance;
    next->pristine = was.pristine;
    next->load_ns = was.load_ns;
    next->native_code_bytes = was.native_code_bytes;
}

/* The one step: nobody runs meanwhile. */
static void swap_turn(struct module *module, struct module *next) {
    buffers_leave(module->instance);
    uint64_t flags = threads_lock();
    swap_gates(SWAP_TURN, module->instance, next->instance);
    swap_exchange(module, next);
    module->instance->context->user = (uint64_t)module;
    next->instance->context->user = (uint64_t)next;
    module->state = MODULE_READY;
    next->state = MODULE_WARM;
    module->replaced = next;
    module->trap_count = 0;
    module->is_held = false;
    threads_unlock(flags);
}

/* --- Hooks. --- */

static const struct alka_func *swap_hook(const struct alka_instance *instance, const char *name) {
    struct alka_extern found;
    const struct alka_span text = {(const uint8_t *)name, strlen(name)};
    if (!alka_instance_export(instance, text, &found) || found.kind != ALKA_EXTERN_FUNC) {
        return NULL;
    }
    return found.func;
}

/* NULL: it returned 0, or is not there. */
static const char *swap_call(const struct module *module, const char *name, const char *failed) {
    const struct alka_func *func = swap_hook(module->instance, name);
    struct call_result result; /* cleared as far as it is looked at: its report is large */
    result.outcome = CALL_RETURNED;
    result.report.kind = ALKA_TRAP_NONE;
    result.report.frame_count = 0;
    if (func == NULL) {
        return NULL;
    }
    const struct bundle_text called = {name, (uint32_t)strlen(name)};
    const struct alka_functype *type = alka_func_type(func);
    if (type->param_count != 0 || type->result_count > 1 ||
        (type->result_count == 1 && type->results[0] != ALKA_I32)) {
        return failed;
    }
    struct call call;
    uint64_t start_ns = clock_ns(), value = 0;
    call_begin(&call, SWAP_HOOK_NS, &result.report);
    result.trap = alka_call(alka_thread_here(), func, type, &value);
    call_end(&call);
    result.ns = clock_ns() - start_ns;
    result.code = result.trap == ALKA_TRAP_EXIT ? call.exit_code : (uint32_t)value;
    if (result.trap != ALKA_TRAP_NONE && result.trap != ALKA_TRAP_EXIT) {
        result.outcome = CALL_TRAPPED;
        call_keep(&call, &result.report);
    }
    if (result.outcome == CALL_RETURNED && result.code == 0) {
        return NULL;
    }
    call_log(module, called, &result, false);
    call_recover(called, &result.report, &call.fault);
    return failed;
}

/* Whatever becomes of that, the module goes on with what it has. */
static const char *swap_export(struct module *module) {
    uint64_t generation = module->instance->generation;
    module->is_exporting = true;
    const char *error = swap_call(module, "export_state", "export_state failed");
    module->is_exporting = false;
    if (module->instance != NULL && module->instance->generation != generation) { /* it trapped */
        module_open(module);
    }
    return error;
}

static const char *swap_transfer(struct module *module, const struct module *next, bool is_back,
                                 struct swap_report *out) {
    bool exports = swap_hook(module->instance, "export_state") != NULL;
    bool imports = swap_hook(next->instance, "import_state") != NULL;
    if (exports && !imports && !is_back) {
        return "the new version has no import_state: it would lose what the old one knows";
    }
    if (!exports || !imports) {
        return NULL;
    }
    state_begin(module->instance, next->instance);
    const char *error = swap_export(module);
    if (error == NULL) {
        error = swap_call(next, "import_state", "import_state failed");
    }
    out->state_bytes = state_end();
    return error;
}

/* --- The way. --- */

static const char *swap_closed(struct module *module, struct module *next, bool is_back,
                               struct swap_report *out) {
    struct alka_instance *from = module->instance;
    uint64_t start_ns = clock_ns();
    swap_close(module);
    const char *error = NULL;
    if (!evict_drained(from, start_ns + SWAP_DRAIN_NS)) {
        error = "calls in it did not end in time";
    }
    out->drain_ns = clock_ns() - start_ns;
    if (error == NULL) {
        error = swap_transfer(module, next, is_back, out);
    }
    if (error == NULL) {
        error = swap_call(next, "health", "the new version says that it is not well");
    }
    if (error == NULL) {
        swap_turn(module, next);
        evict_hurry(false);
    } else {
        swap_open(module, from);
    }
    out->closed_ns = clock_ns() - start_ns;
    return error;
}

static const char *swap_do(struct module *module, struct module *next, bool is_back,
                           struct swap_report *out) {
    *out = (struct swap_report){0};
    if (module->instance == NULL) {
        return "it has no instance; `start` makes one";
    }
    if (module->is_held || module->of != NULL || next->of != module ||
        module->state == MODULE_DOWN) {
        return "this cannot be exchanged with that now";
    }
    uint64_t start_ns = clock_ns();
    bool was_warm = next->instance != NULL;
    if (!was_warm && !module_revive(next)) {
        return "the new version was refused; the log says why";
    }
    out->load_ns = clock_ns() - start_ns;
    const char *error = swap_check(module->instance, next->instance);
    if (error == NULL) {
        error = swap_closed(module, next, is_back, out);
        thread_yield(); /* those who waited at the gates go first */
    }
    if (error != NULL && was_warm && next->instance != NULL) {
        next->state = MODULE_WARM;
    } else if (error != NULL) {
        module_unload(next);
        next->state = MODULE_SPARE;
    }
    trace(TRACE_SWAP, module, error == NULL, out->closed_ns);
    return error;
}

const char *swap(struct module *module, struct module *next, struct swap_report *out) {
    return swap_do(module, next, false, out);
}

const char *swap_back(struct module *module, struct swap_report *out) {
    struct module *before = module->replaced;
    if (before == NULL || before->instance == NULL) {
        return "no version before it is kept";
    }
    return swap_do(module, before, true, out);
}

/* --- After traps. --- */

static bool swap_traps_too_often(struct module *module) {
    uint64_t now = clock_ns();
    module->trap_ns[module->trap_count++ % SWAP_TRAPS] = now;
    uint64_t oldest = module->trap_ns[module->trap_count % SWAP_TRAPS];
    return module->trap_count >= SWAP_TRAPS && now - oldest <= SWAP_TRAPS_NS;
}

bool swap_after_trap(struct module *module) {
    struct module *before = module->replaced;
    if (before == NULL || before->instance == NULL || !swap_traps_too_often(module) ||
        swap_check(module->instance, before->instance) != NULL) {
        return false;
    }
    log_line(ALKA_LOG_WARNING, "%s: trapped %u times in %lu s: back to the version before",
             module->name, SWAP_TRAPS, SWAP_TRAPS_NS / 1000000000);
    alka_instance_disown(module->instance);
    (void)evict(module->instance, NULL);
    swap_turn(module, before);
    holder_renew(module); /* what the one that trapped held is dead */
    module->replaced = NULL;
    module_stop(before); /* its code stays: the trap's report names functions in it */
    before->state = MODULE_SPARE;
    return true;
}
