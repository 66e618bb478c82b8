/*
 * A supervisor's work: starting in order, stopping in reverse, and what to do when a child ends
 * (supervise.h has the rules). In: children that went up or down. Out: children to start and to
 * stop. Must never: recurse; what concerns another supervisor is queued for it.
 */
#include "supervise/supervisor.h"

/* --- The queue of supervisors that have something to do. --- */

void tree_queue(struct supervise *tree, uint32_t supervisor) {
    struct supervise_node *node = tree_node(tree, supervisor);
    if (node->is_queued)
        return;
    node->is_queued = true;
    node->next_queued = SUPERVISE_NONE;
    if (tree->queue_first == SUPERVISE_NONE)
        tree->queue_first = supervisor;
    else
        tree_node(tree, tree->queue_last)->next_queued = supervisor;
    tree->queue_last = supervisor;
}

/* --- Phases. --- */

static void supervisor_enter(struct supervise *tree, uint32_t supervisor,
                             enum supervise_phase phase, uint32_t from, uint32_t at) {
    struct supervise_node *node = tree_node(tree, supervisor);
    node->phase = phase;
    node->from = from;
    node->at = at;
    tree_queue(tree, supervisor);
}

void supervisor_begin(struct supervise *tree, uint32_t supervisor) {
    struct supervise_node *node = tree_node(tree, supervisor);
    node->shall_end = false;
    node->gave_up = false;
    node->restart_count = 0;
    for (uint32_t child = node->oldest; child != SUPERVISE_NONE;
         child = tree_node(tree, child)->younger)
        tree_node(tree, child)->is_over = false;
    supervisor_enter(tree, supervisor, SUPERVISE_STARTS, node->oldest, node->oldest);
}

void supervisor_end(struct supervise *tree, uint32_t supervisor) {
    struct supervise_node *node = tree_node(tree, supervisor);
    node->shall_end = true;
    supervisor_enter(tree, supervisor, SUPERVISE_STOPS, node->oldest, node->youngest);
}

static bool child_is_left_out(const struct supervise_node *child) {
    return child->is_held || child->is_refused || child->is_over;
}

/* Is the child one of those that the supervisor is stopping now? */
static bool supervisor_stops(const struct supervise *tree, const struct supervise_node *supervisor,
                             const struct supervise_node *child) {
    return supervisor->phase == SUPERVISE_STOPS &&
           child->position >= tree_node(tree, supervisor->from)->position;
}

/* True: all of them are down. */
static bool supervisor_stop_next(struct supervise *tree, struct supervise_node *node) {
    while (node->at != SUPERVISE_NONE && supervisor_stops(tree, node, tree_node(tree, node->at))) {
        child_stop(tree, node->at);
        if (tree_node(tree, node->at)->state != SUPERVISE_IS_DOWN)
            return false;
        node->at = tree_node(tree, node->at)->older;
    }
    return true;
}

/* True: all of them are up, or left out, or have their own troubles. */
static bool supervisor_start_next(struct supervise *tree, struct supervise_node *node) {
    for (; node->at != SUPERVISE_NONE; node->at = tree_node(tree, node->at)->younger) {
        const struct supervise_node *child = tree_node(tree, node->at);
        if (child->state == SUPERVISE_IS_DOWN && !child_is_left_out(child))
            child_start(tree, node->at);
        bool gives_up = child->state == SUPERVISE_IS_STOPPING && child->gave_up;
        if (child->state == SUPERVISE_IS_STARTING || gives_up)
            return false;
    }
    return true;
}

static void supervisor_is_down(struct supervise *tree, uint32_t supervisor) {
    child_is_down(tree, supervisor);
    if (supervisor == SUPERVISE_ROOT)
        tree->host.command(tree->host.self, SUPERVISE_DOWN, supervisor);
    else
        supervisor_lost_child(tree, supervisor, tree_node(tree, supervisor)->gave_up);
}

static void supervisor_is_up(struct supervise *tree, uint32_t supervisor) {
    struct supervise_node *node = tree_node(tree, supervisor);
    if (node->state != SUPERVISE_IS_STARTING)
        return;
    child_is_up(tree, supervisor);
    if (supervisor != SUPERVISE_ROOT)
        tree_queue(tree, node->parent);
}

/* As far as it goes without waiting. */
static void supervisor_step(struct supervise *tree, uint32_t supervisor) {
    struct supervise_node *node = tree_node(tree, supervisor);
    if (node->phase == SUPERVISE_STOPS && supervisor_stop_next(tree, node)) {
        node->phase = node->shall_end ? SUPERVISE_AT_REST : SUPERVISE_DELAYS;
        if (node->shall_end)
            supervisor_is_down(tree, supervisor);
    }
    if (node->phase == SUPERVISE_DELAYS) {
        if (tree->now < node->delay_until) {
            timer_set(tree, supervisor, node->delay_until);
            return;
        }
        node->phase = SUPERVISE_STARTS;
        node->at = node->from;
    }
    if (node->phase == SUPERVISE_STARTS && supervisor_start_next(tree, node)) {
        node->phase = SUPERVISE_AT_REST;
        supervisor_is_up(tree, supervisor);
    }
}

void tree_run(struct supervise *tree) {
    while (tree->queue_first != SUPERVISE_NONE) {
        uint32_t supervisor = tree->queue_first;
        tree->queue_first = tree_node(tree, supervisor)->next_queued;
        tree_node(tree, supervisor)->is_queued = false;
        supervisor_step(tree, supervisor);
    }
}

/* --- A child has ended. --- */

/* One restart more. False: that would be too many. */
static bool supervisor_may_restart(const struct supervise *tree, struct supervise_node *node) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < node->restart_count; i++) {
        if (tree->now - node->restart_times[i] <= node->spec.period_ns)
            node->restart_times[kept++] = node->restart_times[i];
    }
    node->restart_count = kept;
    if (kept == node->spec.intensity)
        return false;
    node->restart_times[node->restart_count++] = tree->now;
    node->restarts++;
    return true;
}

/* How long the restart of this child has to wait: nothing, first, twice that, … max. */
static uint64_t supervisor_backoff(const struct supervise *tree,
                                   const struct supervise_node *supervisor,
                                   struct supervise_node *child) {
    if (child->was_up && tree->now - child->up_since >= supervisor->spec.period_ns)
        child->streak = 0;
    child->was_up = false;
    child->streak++;
    child->restarts++;
    uint64_t delay = supervisor->spec.backoff_first_ns, max = supervisor->spec.backoff_max_ns;
    if (child->streak == 1 || delay == 0)
        return 0;
    for (uint32_t doubled = 2; doubled < child->streak && delay < max; doubled++)
        delay = delay > max / 2 ? max : delay * 2;
    return delay < max ? delay : max;
}

static void supervisor_restart_group(struct supervise *tree, uint32_t supervisor, uint32_t from,
                                     uint64_t at) {
    struct supervise_node *node = tree_node(tree, supervisor);
    bool is_under_way = node->phase == SUPERVISE_STOPS || node->phase == SUPERVISE_DELAYS;
    if (!is_under_way || node->delay_until < at)
        node->delay_until = at;
    supervisor_enter(tree, supervisor, SUPERVISE_STOPS, from, node->youngest);
}

static void supervisor_give_up(struct supervise *tree, uint32_t supervisor) {
    struct supervise_node *node = tree_node(tree, supervisor);
    node->gave_up = true;
    node->state = SUPERVISE_IS_STOPPING;
    tree->host.command(tree->host.self, SUPERVISE_GAVE_UP, supervisor);
    supervisor_end(tree, supervisor);
}

static void supervisor_recover(struct supervise *tree, uint32_t supervisor, uint32_t failed) {
    struct supervise_node *node = tree_node(tree, supervisor);
    if (!supervisor_may_restart(tree, node)) {
        supervisor_give_up(tree, supervisor);
        return;
    }
    uint64_t delay = supervisor_backoff(tree, node, tree_node(tree, failed));
    uint64_t at = timer_after(tree, delay);
    switch (node->spec.strategy) {
    case SUPERVISE_ONE_FOR_ALL:
        supervisor_restart_group(tree, supervisor, node->oldest, at);
        return;
    case SUPERVISE_REST_FOR_ONE:
        supervisor_restart_group(tree, supervisor, failed, at);
        return;
    case SUPERVISE_ONE_FOR_ONE:
        break;
    }
    if (delay == 0)
        child_start(tree, failed);
    else
        child_wait(tree, failed, at);
}

void supervisor_lost_child(struct supervise *tree, uint32_t child, bool abnormally) {
    struct supervise_node *lost = tree_node(tree, child);
    struct supervise_node *supervisor = tree_node(tree, lost->parent);
    tree_queue(tree, lost->parent); /* it may have waited for this */
    bool is_temporary = lost->spec.restart == SUPERVISE_TEMPORARY;
    if (supervisor_stops(tree, supervisor, lost)) {
        lost->is_over = is_temporary;
        return;
    }
    if (lost->is_held)
        return;
    if (lost->starts_again) {
        child_start(tree, child);
        return;
    }
    if (lost->spec.restart == SUPERVISE_PERMANENT || (abnormally && !is_temporary)) {
        supervisor_recover(tree, lost->parent, child);
        return;
    }
    lost->is_over = is_temporary;
    if (supervisor->phase == SUPERVISE_STARTS && supervisor->at == child)
        supervisor->at = lost->younger; /* it has been started, and that was it */
}

bool supervisor_will_start(const struct supervise *tree, uint32_t child) {
    const struct supervise_node *node = tree_node(tree, child);
    const struct supervise_node *supervisor = tree_node(tree, node->parent);
    uint32_t limit = supervisor->phase == SUPERVISE_STARTS ? supervisor->at : supervisor->from;
    return supervisor->phase != SUPERVISE_AT_REST &&
           node->position >= tree_node(tree, limit)->position;
}
