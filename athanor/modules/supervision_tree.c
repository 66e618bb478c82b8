/*
 * The tree of supervision: made from the manifest, started at the boot, changed by people, shown.
 * In: a checked bundle; names. Out: a tree that supervision.c keeps. Must never: wait for a module
 * without an end.
 */
#include "modules/supervision_tree.h"
#include "console/input.h"
#include "console/log.h"
#include "mm/memory.h"
#include "modules/call.h"
#include "modules/workers.h"
#include "time/clock.h"
#include <string.h>

#define SUPERVISION_PATIENCE_NS (3000 * MS) /* of people, beyond what stopping may take */

/* --- Making it. --- */

static struct supervise_spec supervision_spec(const struct bundle_supervisor *supervisor) {
    return (struct supervise_spec){
        .is_supervisor = true,
        .restart = (enum supervise_restart)supervisor->restart,
        .strategy = (enum supervise_strategy)supervisor->strategy,
        .intensity = supervisor->intensity,
        .period_ns = supervisor->period_ms * MS,
        .backoff_first_ns = supervisor->backoff_ms * MS,
        .backoff_max_ns = supervisor->backoff_max_ms * MS,
    };
}

static void supervision_name(struct child *child, struct bundle_text name) {
    memcpy(child->name, name.data, name.size);
}

static void supervision_add_module(uint32_t parent, struct module *module) {
    const struct supervise_spec spec = {
        .restart = (enum supervise_restart)module->entry.restart,
        .shutdown_ns = module->entry.shutdown_ms * MS,
        .heartbeat_ns = module->entry.heartbeat_ms * MS,
    };
    if (supervise_add(&supervision.tree, parent, &spec, &module->node) == ALKA_OK) {
        struct child *child = supervision_child(module->node);
        supervision_name(child, module->entry.name);
        child->module = module;
        supervision.child_count++;
    }
}

/* Its children, modules and supervisors, as the manifest lists them; those come behind it. */
static void supervision_add_children(const struct bundle *bundle, uint32_t idx, uint32_t *nodes) {
    uint32_t module = 0;
    for (uint32_t i = idx + 1; i <= bundle->supervisor_count; i++) {
        struct bundle_supervisor next = {.before_module = bundle->module_count};
        if (i < bundle->supervisor_count) {
            next = bundle_supervisor(bundle, i);
        }
        if (i < bundle->supervisor_count && next.parent_idx != idx) {
            continue;
        }
        for (; module < next.before_module; module++) {
            if (modules_at(module)->entry.supervisor_idx == idx) {
                supervision_add_module(nodes[idx], modules_at(module));
            }
        }
        const struct supervise_spec spec = supervision_spec(&next);
        if (i < bundle->supervisor_count &&
            supervise_add(&supervision.tree, nodes[idx], &spec, &nodes[i]) == ALKA_OK) {
            supervision_name(supervision_child(nodes[i]), next.name);
            supervision_child(nodes[i])->before_module = next.before_module;
            supervision.child_count++;
        }
    }
}

static bool supervision_is_late(const struct child *child) {
    return child->module != NULL && child->module->entry.loads_later;
}

/* Nothing under the root is started before its turn at the boot has come, nor who is to be loaded
 * later before somebody asks for it. */
static void supervision_begin(void) {
    uint64_t now = clock_ns();
    for (uint32_t node = 0; node < supervision.child_count; node++) {
        if (supervision_is_late(supervision_child(node))) {
            (void)!supervise_hold(&supervision.tree, node, now);
        }
    }
    for (uint32_t node = supervision_node(SUPERVISE_ROOT)->oldest; node != SUPERVISE_NONE;
         node = supervision_node(node)->younger) {
        (void)!supervise_hold(&supervision.tree, node, now);
    }
    supervise_begin(&supervision.tree, now);
}

alka_status supervision_start(const struct bundle *bundle) {
    if (bundle->supervisor_count == 0) {
        return ALKA_OK;
    }
    uint32_t count = bundle->supervisor_count + bundle->module_count;
    struct supervise_node *nodes = memory_take(count * sizeof *nodes);
    supervision.children = memory_take(count * sizeof *supervision.children);
    if (nodes == NULL || supervision.children == NULL) {
        return ALKA_E_OUT_OF_MEMORY;
    }
    const struct bundle_supervisor root = bundle_supervisor(bundle, 0);
    const struct supervise_spec spec = supervision_spec(&root);
    const struct supervise_host host = {supervision_note, NULL};
    ALKA_TRY(supervise_init(&supervision.tree, nodes, count, &spec, &host));
    supervision_name(supervision_child(SUPERVISE_ROOT), root.name);
    supervision.child_count = 1;
    uint32_t of_supervisor[BUNDLE_SUPERVISORS_MAX] = {SUPERVISE_ROOT};
    for (uint32_t i = 0; i < bundle->supervisor_count; i++) {
        supervision_add_children(bundle, i, of_supervisor);
    }
    struct thread *thread;
    ALKA_TRY(
        thread_make("supervisor", NULL, SCHED_PRIORITIES - 1, supervision_main, NULL, &thread));
    supervision_begin();
    thread_start(thread);
    return ALKA_OK;
}

/* --- The boot. --- */

static bool supervision_is_under_way(uint32_t node) {
    switch (supervision_node(node)->state) {
    case SUPERVISE_IS_STARTING:
    case SUPERVISE_IS_STOPPING:
    case SUPERVISE_IS_KILLED:
        return true;
    case SUPERVISE_IS_DOWN:
    case SUPERVISE_IS_UP:
    case SUPERVISE_IS_WAITING:
        break;
    }
    return supervision_node(node)->phase == SUPERVISE_STARTS ||
           supervision_node(node)->phase == SUPERVISE_STOPS;
}

/* False: it is still under way. ^C ends the calls that it waits for, if `ends_calls`. */
static bool supervision_settles(uint32_t node, uint64_t patience_ns, bool ends_calls) {
    uint64_t end_ns = clock_ns() + patience_ns;
    while (supervision_is_under_way(node)) {
        if (input_interrupted()) {
            input_drop();
            input_forget_interrupt();
            if (!ends_calls) {
                return false;
            }
            workers_end_jobs();
        }
        if (clock_ns() >= end_ns ||
            thread_sleep_until(clock_ns() + SUPERVISION_POLL_NS) != ALKA_OK) {
            return false;
        }
    }
    return true;
}

static void supervision_boot_child(uint32_t node) {
    (void)!supervise_release(&supervision.tree, node, clock_ns());
    supervision_attend();
    (void)supervision_settles(node, MODULES_START_LIMIT_NS, true);
    if (supervision_node(node)->state != SUPERVISE_IS_UP) {
        log_line(ALKA_LOG_WARNING, "%s: is %s", supervision_child(node)->name,
                 supervise_word(supervision_node(node)));
    }
}

uint32_t supervision_boot(uint32_t module_idx, uint32_t *calls) {
    if (supervision.child_count == 0) {
        return 0;
    }
    uint32_t calls_before = supervision.calls, unexpected_before = supervision.unexpected;
    for (uint32_t node = supervision_node(SUPERVISE_ROOT)->oldest; node != SUPERVISE_NONE;
         node = supervision_node(node)->younger) {
        const struct child *child = supervision_child(node);
        bool comes_now = child->module == NULL ? child->before_module <= module_idx
                                               : child->module == modules_at(module_idx);
        if (comes_now && supervision_node(node)->is_held && !supervision_is_late(child)) {
            supervision_boot_child(node);
        }
    }
    *calls += supervision.calls - calls_before;
    return supervision.unexpected - unexpected_before;
}

/* --- People. --- */

uint32_t supervision_find(const char *name) {
    for (uint32_t node = 0; node < supervision.child_count; node++) {
        if (strcmp(supervision_child(node)->name, name) == 0) {
            return node;
        }
    }
    return SUPERVISION_NONE;
}

static const char *supervision_done(uint32_t node, alka_status status) {
    if (status != ALKA_OK) {
        return "nobody supervises it";
    }
    supervision_attend();
    uint64_t patience_ns = SUPERVISION_PATIENCE_NS;
    if (supervision_node(node)->spec.shutdown_ns < MODULES_START_LIMIT_NS) {
        patience_ns += supervision_node(node)->spec.shutdown_ns;
    }
    return supervision_settles(node, patience_ns, false) ? NULL : "is still under way";
}

const char *supervision_hold(uint32_t node) {
    if (node == SUPERVISE_ROOT) {
        supervise_end(&supervision.tree, clock_ns());
        return supervision_done(node, ALKA_OK);
    }
    return supervision_done(node, supervise_hold(&supervision.tree, node, clock_ns()));
}

const char *supervision_release(uint32_t node) {
    if (node == SUPERVISE_ROOT) {
        supervise_begin(&supervision.tree, clock_ns());
        return supervision_done(node, ALKA_OK);
    }
    uint32_t parent = supervision_node(node)->parent;
    const char *error =
        supervision_done(node, supervise_release(&supervision.tree, node, clock_ns()));
    bool is_up = supervision_node(parent)->state == SUPERVISE_IS_UP ||
                 supervision_node(parent)->state == SUPERVISE_IS_STARTING;
    return error == NULL && !is_up ? "its supervisor is not up; start that" : error;
}

const char *supervision_restart(uint32_t node) {
    if (node == SUPERVISE_ROOT) {
        return "the root is started, or not";
    }
    return supervision_done(node, supervise_restart(&supervision.tree, node, clock_ns()));
}

/* --- Tables. --- */

static uint32_t supervision_depth(uint32_t node) {
    uint32_t depth = 0;
    for (; node != SUPERVISE_ROOT; node = supervision_node(node)->parent) {
        depth++;
    }
    return depth;
}

static uint32_t supervision_recent(const struct supervise_node *node, uint64_t now) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->restart_count; i++) {
        count += now - node->restart_times[i] <= node->spec.period_ns ? 1 : 0;
    }
    return count;
}

/* The next one in the order of starting. */
static uint32_t supervision_after(uint32_t node) {
    if (supervision_node(node)->oldest != SUPERVISE_NONE) {
        return supervision_node(node)->oldest;
    }
    while (node != SUPERVISE_ROOT && supervision_node(node)->younger == SUPERVISE_NONE) {
        node = supervision_node(node)->parent;
    }
    return node == SUPERVISE_ROOT ? SUPERVISE_NONE : supervision_node(node)->younger;
}

bool supervision_next(uint32_t *node, struct supervision_row *out) {
    if (supervision.child_count == 0 || *node == SUPERVISE_NONE) {
        return false;
    }
    const struct supervise_node *found = supervision_node(*node);
    uint64_t now = clock_ns();
    bool waits = found->state == SUPERVISE_IS_WAITING && found->timer.is_in;
    *out = (struct supervision_row){
        .name = supervision_child(*node)->name,
        .parent = *node == SUPERVISE_ROOT ? NULL : supervision_child(found->parent)->name,
        .depth = supervision_depth(*node),
        .node = found,
        .wait_ns = waits && found->timer.key > now ? found->timer.key - now : 0,
        .hangs = supervision_child(*node)->hangs,
        .recent = supervision_recent(found, now),
    };
    *node = supervision_after(*node);
    return true;
}
