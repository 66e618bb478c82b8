/*
 * Supervision (supervision.h says what for). In: what happened to modules. Out: what the tree wants
 * done about it, done. Nobody here is stopped in the middle (threads of the kernel are not), so the
 * tree needs no lock; it is not touched across anything that waits. Must never: wait for a module
 * on the supervisor's thread.
 */
#include "console/log.h"
#include "modules/call.h"
#include "modules/evict.h"
#include "modules/postmortem.h"
#include "modules/supervision_tree.h"
#include "modules/swap.h"
#include "modules/workers.h"
#include "objects/events.h"
#include "time/clock.h"
#include <string.h>

struct supervision supervision = {.first = SUPERVISE_NONE, .last = SUPERVISE_NONE};

/* --- Commands of the tree. --- */

static void supervision_wake(void) {
    uint64_t flags = threads_lock();
    supervision.has_work = true;
    wait_wake(&supervision.waiting);
    threads_unlock(flags);
}

void supervision_note(void *self, enum supervise_command command, uint32_t node) {
    (void)self;
    struct child *child = supervision_child(node);
    if (child->module != NULL) {
        child->pending = 0;
        child->epoch++;
    }
    child->pending |= 1u << command;
    if (child->is_queued) {
        return;
    }
    child->is_queued = true;
    child->next_queued = SUPERVISE_NONE;
    if (supervision.first == SUPERVISE_NONE) {
        supervision.first = node;
    } else {
        supervision_child(supervision.last)->next_queued = node;
    }
    supervision.last = node;
}

/* After each event: is there something for the supervisor's thread? */
void supervision_attend(void) {
    if (supervision.first != SUPERVISE_NONE ||
        supervise_alarm(&supervision.tree) < supervision.armed_ns) {
        supervision_wake();
    }
}

void supervision_exited(uint32_t node, bool normally) {
    supervision_child(node)->epoch++;
    supervise_exited(&supervision.tree, node, normally, clock_ns());
    if (supervision_node(node)->state == SUPERVISE_IS_WAITING) {
        uint64_t at = supervision_node(node)->timer.key, now = clock_ns();
        log_info("%s: starts again in %lu ms", supervision_child(node)->name,
                 at > now ? (at - now) / MS : 0);
    }
}

/* --- Starting. --- */

/* Nothing of it can take long, and nothing was compiled or made anew. */
static bool supervision_is_quick(const struct module *module) {
    return module->instance != NULL && module->entry.start_count == 0 &&
           module->image->module.start_function == ALKA_NO_INDEX;
}

/* An instance as new; nobody is let in yet. */
static bool supervision_make(struct module *module) {
    while (module->is_making) { /* by somebody who is not wanted any more, and is about to see it */
        if (thread_sleep_until(clock_ns() + SUPERVISION_POLL_NS) != ALKA_OK) {
            return false;
        }
    }
    bool is_fresh = module->is_fresh && module->instance != NULL;
    module->is_fresh = false;
    if (is_fresh) {
        return true;
    }
    module->is_making = true;
    bool is_made = module->instance != NULL ? module_renew(module) : module_make(module);
    module->is_making = false;
    return is_made;
}

static bool supervision_run_starts(struct module *module, uint32_t epoch) {
    const struct child *child = supervision_child(module->node);
    for (uint32_t i = 0; i < module->entry.start_count && child->epoch == epoch; i++) {
        supervision.calls++;
        if (!module_run_start(module, i, MODULES_START_LIMIT_NS)) {
            supervision.unexpected++;
            return false;
        }
    }
    return true;
}

static void supervision_fail(struct module *module, bool refused) {
    module_suspend(module, NULL);
    if (refused) {
        supervise_refused(&supervision.tree, module->node, clock_ns());
    } else {
        supervision_exited(module->node, false);
    }
}

/* Whoever it is asked of may have stopped wanting it meanwhile: the epoch says so. */
static void supervision_bring_up(struct module *module, uint32_t epoch) {
    const struct child *child = supervision_child(module->node);
    bool is_made = supervision_make(module), is_good = is_made && child->epoch == epoch;
    if (is_good) {
        module->state = MODULE_READY; /* its start functions can be called; gates are still dead */
        is_good = supervision_run_starts(module, epoch);
    }
    if (child->epoch != epoch) {
        return;
    }
    if (!is_good) {
        supervision_fail(module, !is_made && module->state == MODULE_REFUSED &&
                                     module->why != ALKA_E_START_TRAPPED);
    } else {
        module_open(module);
        workers_add_all(module);
        supervise_started(&supervision.tree, module->node, clock_ns());
    }
    supervision_attend();
}

static void supervision_start_module(struct module *module) {
    uint32_t epoch = supervision_child(module->node)->epoch;
    if (supervision_is_quick(module) && !module->is_making) {
        supervision_bring_up(module, epoch);
        return;
    }
    if (workers_add_job(module, supervision_bring_up, epoch) != ALKA_OK) {
        log_error("%s: no memory for a thread to start it", module->name);
        supervision_exited(module->node, false);
    }
}

/* --- Stopping. --- */

static bool supervision_is_for_good(const struct supervise_node *node) {
    return node->state == SUPERVISE_IS_DOWN && (node->is_held || node->is_over);
}

/* The module is down; what it held is given back if it is meant to stay so. */
static void supervision_down(struct module *module, bool normally) {
    module_suspend(module, NULL);
    supervision_exited(module->node, normally);
    if (supervision_is_for_good(supervision_node(module->node))) {
        module_stop(module);
    }
}

static const struct bundle_text supervision_terminate = {SUPERVISION_TERMINATE,
                                                         sizeof SUPERVISION_TERMINATE - 1};

static bool supervision_has_terminate(const struct module *module) {
    struct alka_extern found;
    const struct alka_span name = {(const uint8_t *)supervision_terminate.data,
                                   supervision_terminate.size};
    return alka_instance_export(module->instance, name, &found);
}

/* Its threads were told, and still run: the end of the last one is the module's. */
static bool supervision_is_ending(const struct module *module) {
    return module->holder->own_event != NULL && workers_run(module);
}

static void supervision_ask(struct module *module, uint32_t epoch) {
    if (supervision_has_terminate(module)) {
        struct call_result result;
        uint64_t limit_ns = supervision_node(module->node)->spec.shutdown_ns;
        call_export(module, supervision_terminate, limit_ns, &result);
        call_log(module, supervision_terminate, &result, result.outcome == CALL_RETURNED);
    }
    if (supervision_child(module->node)->epoch == epoch && !supervision_is_ending(module)) {
        supervision_down(module, true);
        supervision_attend();
    }
}

static void supervision_stop_module(struct module *module) {
    bool can_be_asked =
        module->instance != NULL && module->state != MODULE_DOWN && !module->is_making;
    bool hears = can_be_asked && events_tell(module->holder, EVENT_STOP);
    bool is_asked =
        can_be_asked && (hears || supervision_has_terminate(module)) &&
        workers_add_job(module, supervision_ask, supervision_child(module->node)->epoch) == ALKA_OK;
    if (!is_asked) {
        supervision_down(module, true);
    }
}

/* The thread that was at work in it is the witness. */
static void supervision_hang(struct module *module) {
    static const char called[] = "(its heartbeat)";
    const struct supervise_node *node = supervision_node(module->node);
    struct evict_witness witness = {
        .report = {.kind = ALKA_TRAP_KILLED, .wasm_off = ALKA_DIAG_NONE}};
    supervision_child(module->node)->hangs++;
    log_error("%s: no heartbeat for %lu ms: killed", module->name, node->spec.heartbeat_ns / MS);
    module_suspend(module, &witness);
    postmortem_take(module, (struct bundle_text){called, sizeof called - 1}, &witness.report,
                    &witness.frame);
}

static void supervision_kill_module(struct module *module) {
    if (supervision_node(module->node)->is_hung) {
        supervision_hang(module);
    }
    supervision_down(module, true);
}

/* --- The supervisor's thread. --- */

static void supervision_tell(uint32_t node, uint32_t commands) {
    const struct child *child = supervision_child(node);
    const struct supervise_spec *spec = &supervision_node(node)->spec;
    if ((commands & 1u << SUPERVISE_GAVE_UP) != 0) {
        log_line(ALKA_LOG_WARNING, "%s: gave up: more than %u restarts in %lu ms", child->name,
                 spec->intensity, spec->period_ns / MS);
    }
    if ((commands & 1u << SUPERVISE_DOWN) != 0) {
        log_error("%s: everything that is supervised is down; `start %s` begins again", child->name,
                  child->name);
    }
}

static void supervision_do(uint32_t node) {
    struct child *child = supervision_child(node);
    uint32_t commands = child->pending;
    child->pending = 0;
    if (child->module == NULL) {
        supervision_tell(node, commands);
    } else if (commands == 1u << SUPERVISE_START) {
        supervision_start_module(child->module);
    } else if (commands == 1u << SUPERVISE_STOP) {
        supervision_stop_module(child->module);
    } else if (commands == 1u << SUPERVISE_KILL) {
        supervision_kill_module(child->module);
    }
}

static void supervision_do_all(void) {
    while (supervision.first != SUPERVISE_NONE) {
        uint32_t node = supervision.first;
        supervision.first = supervision_child(node)->next_queued;
        supervision_child(node)->is_queued = false;
        supervision_do(node);
    }
}

static void supervision_rest(void) {
    struct wait_entry *wait = &thread_this()->wait;
    uint64_t flags = threads_lock();
    supervision.armed_ns = supervise_alarm(&supervision.tree);
    alka_status status = ALKA_OK;
    while (!supervision.has_work && status == ALKA_OK) {
        wait_join(&supervision.waiting, wait);
        status = thread_block(supervision.armed_ns);
    }
    wait_served(wait);
    supervision.has_work = false;
    threads_unlock(flags);
}

void supervision_main(void *arg) {
    (void)arg;
    for (;;) {
        supervision_rest();
        supervise_tick(&supervision.tree, clock_ns());
        supervision_do_all();
    }
}

/* --- What happened to a module. --- */

/* True: the tree wants it back at once, and that can be done here. */
static bool supervision_takes_start(struct module *module) {
    struct child *child = supervision_child(module->node);
    if (child->pending != 1u << SUPERVISE_START || !supervision_is_quick(module)) {
        return false;
    }
    child->pending = 0; /* it may stay in the queue */
    return true;
}

void supervision_trapped(struct module *module, uint64_t since) {
    if (module->expects_trap) { /* its start function was to */
        bool is_up = supervision_node(module->node)->state == SUPERVISE_IS_UP;
        bool is_new = is_up ? module_reset(module, since) : module_renew(module);
        (void)is_new; /* else its start function has failed, and whoever called it sees that */
        return;
    }
    bool is_replaced = swap_after_trap(module);
    supervision_exited(module->node, false);
    if (!supervision_takes_start(module)) {
        module_suspend(module, NULL);
        if (supervision_is_for_good(supervision_node(module->node))) {
            module_stop(module);
            module->state = MODULE_TRAPPED;
        }
    } else if (is_replaced || module_reset(module, since)) {
        supervise_started(&supervision.tree, module->node, clock_ns());
    } else {
        supervision_exited(module->node, false);
    }
    module->is_recovering = false; /* who starts it calls it */
    supervision_attend();
}

void supervision_ended(struct module *module, bool normally) {
    bool was_asked = supervision_node(module->node)->state == SUPERVISE_IS_STOPPING;
    log_info("%s: its threads have ended%s", module->name, normally ? "" : ", not all well");
    supervision_down(module, normally);
    if (!was_asked && supervision_node(module->node)->state == SUPERVISE_IS_DOWN) {
        module_stop(module); /* nobody wants it back now */
    }
    supervision_attend();
}

const char *supervision_kill(uint32_t node) {
    struct module *module = supervision_child(node)->module;
    if (module == NULL || module->instance == NULL || module->state == MODULE_DOWN) {
        return "is down";
    }
    supervision_down(module, false);
    supervision_attend();
    return NULL;
}

void supervision_beat(const struct module *module) {
    if (module->node != SUPERVISION_NONE) {
        supervise_beat(&supervision.tree, module->node, clock_ns());
    }
}
