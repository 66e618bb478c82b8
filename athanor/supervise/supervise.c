/*
 * The tree: its making, what happens to it, and what people do to it. In: events. Out: what child.c
 * and supervisor.c make of them. Must never: believe an event about a node that cannot have it.
 */
#include "supervise/supervisor.h"
#include <stddef.h>

static uint32_t node_of_timer(const struct supervise *tree, struct order_node *timer) {
    char *node = (char *)timer - offsetof(struct supervise_node, timer);
    return (uint32_t)((struct supervise_node *)node - tree->nodes);
}

/* --- Making. --- */

static bool spec_is_possible(const struct supervise_spec *spec) {
    if (spec->restart > SUPERVISE_TEMPORARY)
        return false;
    if (!spec->is_supervisor)
        return true;
    return spec->strategy <= SUPERVISE_REST_FOR_ONE && spec->intensity <= SUPERVISE_INTENSITY_MAX &&
           spec->period_ns > 0;
}

static void node_make(struct supervise_node *node, const struct supervise_spec *spec,
                      uint32_t parent) {
    *node = (struct supervise_node){
        .spec = *spec,
        .in_use = true,
        .parent = parent,
        .older = SUPERVISE_NONE,
        .younger = SUPERVISE_NONE,
        .oldest = SUPERVISE_NONE,
        .youngest = SUPERVISE_NONE,
        .from = SUPERVISE_NONE,
        .at = SUPERVISE_NONE,
    };
}

alka_status supervise_init(struct supervise *tree, struct supervise_node *nodes,
                           uint32_t node_count, const struct supervise_spec *root,
                           const struct supervise_host *host) {
    if (node_count == 0 || !root->is_supervisor || !spec_is_possible(root))
        return ALKA_E_SERVICE_ARGUMENT;
    *tree = (struct supervise){.nodes = nodes,
                               .node_count = node_count,
                               .host = *host,
                               .queue_first = SUPERVISE_NONE,
                               .queue_last = SUPERVISE_NONE};
    for (uint32_t i = 0; i < node_count; i++)
        nodes[i].in_use = false;
    node_make(&nodes[SUPERVISE_ROOT], root, SUPERVISE_NONE);
    return ALKA_OK;
}

static bool tree_has(const struct supervise *tree, uint32_t node) {
    return node < tree->node_count && tree_node(tree, node)->in_use;
}

alka_status supervise_add(struct supervise *tree, uint32_t parent,
                          const struct supervise_spec *spec, uint32_t *out_node) {
    if (!tree_has(tree, parent) || !tree_node(tree, parent)->spec.is_supervisor ||
        !spec_is_possible(spec))
        return ALKA_E_SERVICE_ARGUMENT;
    uint32_t added = 0;
    while (added < tree->node_count && tree_node(tree, added)->in_use)
        added++;
    if (added == tree->node_count)
        return ALKA_E_SERVICE_LIMIT;
    struct supervise_node *node = tree_node(tree, added), *above = tree_node(tree, parent);
    node_make(node, spec, parent);
    node->older = above->youngest;
    if (node->older == SUPERVISE_NONE) {
        above->oldest = added;
    } else {
        tree_node(tree, node->older)->younger = added;
        node->position = tree_node(tree, node->older)->position + 1;
    }
    above->youngest = added;
    *out_node = added;
    return ALKA_OK;
}

alka_status supervise_remove(struct supervise *tree, uint32_t removed) {
    if (!tree_has(tree, removed) || removed == SUPERVISE_ROOT)
        return ALKA_E_SERVICE_ARGUMENT;
    struct supervise_node *node = tree_node(tree, removed);
    struct supervise_node *above = tree_node(tree, node->parent);
    if (node->state != SUPERVISE_IS_DOWN || node->oldest != SUPERVISE_NONE)
        return ALKA_E_SERVICE_ARGUMENT;
    if (above->phase != SUPERVISE_AT_REST)
        return ALKA_E_WOULD_BLOCK;
    if (node->older == SUPERVISE_NONE)
        above->oldest = node->younger;
    else
        tree_node(tree, node->older)->younger = node->younger;
    if (node->younger == SUPERVISE_NONE)
        above->youngest = node->older;
    else
        tree_node(tree, node->younger)->older = node->older;
    node->in_use = false;
    return ALKA_OK;
}

/* --- Events. --- */

static bool child_is_alive(const struct supervise_node *child) {
    return child->state != SUPERVISE_IS_DOWN && child->state != SUPERVISE_IS_WAITING;
}

/* A worker that runs, or may. */
static struct supervise_node *tree_living_worker(struct supervise *tree, uint32_t worker,
                                                 uint64_t now) {
    tree->now = now;
    if (!tree_has(tree, worker) || tree_node(tree, worker)->spec.is_supervisor ||
        !child_is_alive(tree_node(tree, worker)))
        return NULL;
    return tree_node(tree, worker);
}

void supervise_begin(struct supervise *tree, uint64_t now) {
    tree->now = now;
    if (tree_node(tree, SUPERVISE_ROOT)->state == SUPERVISE_IS_DOWN)
        child_start(tree, SUPERVISE_ROOT);
    tree_run(tree);
}

void supervise_end(struct supervise *tree, uint64_t now) {
    tree->now = now;
    child_stop(tree, SUPERVISE_ROOT);
    tree_run(tree);
}

void supervise_started(struct supervise *tree, uint32_t worker, uint64_t now) {
    const struct supervise_node *node = tree_living_worker(tree, worker, now);
    if (node == NULL || node->state != SUPERVISE_IS_STARTING)
        return;
    child_is_up(tree, worker);
    tree_queue(tree, node->parent);
    tree_run(tree);
}

void supervise_exited(struct supervise *tree, uint32_t worker, bool normally, uint64_t now) {
    struct supervise_node *node = tree_living_worker(tree, worker, now);
    if (node == NULL)
        return;
    child_is_down(tree, worker);
    supervisor_lost_child(tree, worker, !normally || node->is_hung);
    tree_run(tree);
}

void supervise_refused(struct supervise *tree, uint32_t worker, uint64_t now) {
    struct supervise_node *node = tree_living_worker(tree, worker, now);
    if (node == NULL)
        return;
    node->is_refused = true;
    child_is_down(tree, worker);
    tree_queue(tree, node->parent);
    tree_run(tree);
}

void supervise_beat(struct supervise *tree, uint32_t worker, uint64_t now) {
    const struct supervise_node *node = tree_living_worker(tree, worker, now);
    if (node != NULL && node->state == SUPERVISE_IS_UP && node->spec.heartbeat_ns != 0)
        timer_set(tree, worker, timer_after(tree, node->spec.heartbeat_ns));
}

static void tree_timer(struct supervise *tree, uint32_t expired) {
    struct supervise_node *node = tree_node(tree, expired);
    timer_clear(tree, expired);
    if (node->state == SUPERVISE_IS_WAITING) {
        child_start(tree, expired);
    } else if (node->spec.is_supervisor) {
        tree_queue(tree, expired); /* its delay is over */
    } else {
        node->is_hung = node->state == SUPERVISE_IS_UP;
        child_kill(tree, expired);
    }
}

void supervise_tick(struct supervise *tree, uint64_t now) {
    tree->now = now;
    while (tree->timers.first != NULL && tree->timers.first->key <= now) {
        tree_timer(tree, node_of_timer(tree, tree->timers.first));
        tree_run(tree);
    }
}

uint64_t supervise_alarm(const struct supervise *tree) {
    return tree->timers.first == NULL ? SUPERVISE_NEVER : tree->timers.first->key;
}

/* --- People. --- */

/* Starts it now, unless it cannot be, or will be anyway. */
static void tree_start_child(struct supervise *tree, uint32_t child) {
    struct supervise_node *node = tree_node(tree, child);
    const struct supervise_node *above = tree_node(tree, node->parent);
    bool is_up = above->state == SUPERVISE_IS_UP || above->state == SUPERVISE_IS_STARTING;
    if (is_up && !supervisor_will_start(tree, child))
        child_start(tree, child);
}

alka_status supervise_hold(struct supervise *tree, uint32_t child, uint64_t now) {
    if (!tree_has(tree, child) || child == SUPERVISE_ROOT)
        return ALKA_E_SERVICE_ARGUMENT;
    tree->now = now;
    tree_node(tree, child)->is_held = true;
    child_stop(tree, child);
    tree_run(tree);
    return ALKA_OK;
}

alka_status supervise_release(struct supervise *tree, uint32_t child, uint64_t now) {
    if (!tree_has(tree, child) || child == SUPERVISE_ROOT)
        return ALKA_E_SERVICE_ARGUMENT;
    tree->now = now;
    struct supervise_node *node = tree_node(tree, child);
    bool was_held = node->is_held;
    node->is_held = node->is_refused = node->is_over = false;
    node->streak = 0;
    if (!child_is_alive(node))
        tree_start_child(tree, child);
    else if (was_held) /* still on its way down */
        node->starts_again = true;
    tree_run(tree);
    return ALKA_OK;
}

alka_status supervise_restart(struct supervise *tree, uint32_t child, uint64_t now) {
    ALKA_TRY(supervise_release(tree, child, now));
    struct supervise_node *node = tree_node(tree, child);
    if (node->state == SUPERVISE_IS_UP) {
        node->starts_again = true;
        child_stop(tree, child);
    }
    tree_run(tree);
    return ALKA_OK;
}
