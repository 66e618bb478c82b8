/*
 * A child's life: down, starting, up, stopping, and the timer that watches over it. In: what its
 * supervisor wants. Out: commands, or for supervisors: work for them. Must never: decide whether
 * something is started again.
 */
#include "supervise/supervisor.h"

uint64_t timer_after(const struct supervise *tree, uint64_t ns) {
    return ns > SUPERVISE_NEVER - tree->now ? SUPERVISE_NEVER : tree->now + ns;
}

void timer_clear(struct supervise *tree, uint32_t node) {
    struct order_node *timer = &tree_node(tree, node)->timer;
    if (timer->is_in)
        order_remove(&tree->timers, timer);
}

void timer_set(struct supervise *tree, uint32_t node, uint64_t at) {
    timer_clear(tree, node);
    if (at != SUPERVISE_NEVER)
        order_add(&tree->timers, &tree_node(tree, node)->timer, at);
}

static void child_command(const struct supervise *tree, enum supervise_command command,
                          uint32_t child) {
    tree->host.command(tree->host.self, command, child);
}

void child_start(struct supervise *tree, uint32_t child) {
    struct supervise_node *node = tree_node(tree, child);
    timer_clear(tree, child);
    node->state = SUPERVISE_IS_STARTING;
    node->is_hung = node->starts_again = false;
    if (node->spec.is_supervisor)
        supervisor_begin(tree, child);
    else
        child_command(tree, SUPERVISE_START, child);
}

void child_kill(struct supervise *tree, uint32_t child) {
    timer_clear(tree, child);
    tree_node(tree, child)->state = SUPERVISE_IS_KILLED;
    child_command(tree, SUPERVISE_KILL, child);
}

void child_stop(struct supervise *tree, uint32_t child) {
    struct supervise_node *node = tree_node(tree, child);
    switch (node->state) {
    case SUPERVISE_IS_WAITING:
        child_is_down(tree, child);
        return;
    case SUPERVISE_IS_STARTING:
    case SUPERVISE_IS_UP:
        break;
    case SUPERVISE_IS_DOWN:
    case SUPERVISE_IS_STOPPING:
    case SUPERVISE_IS_KILLED:
        return;
    }
    if (!node->spec.is_supervisor && node->spec.shutdown_ns == 0) {
        child_kill(tree, child);
        return;
    }
    node->state = SUPERVISE_IS_STOPPING;
    if (node->spec.is_supervisor) {
        supervisor_end(tree, child);
        return;
    }
    timer_set(tree, child, timer_after(tree, node->spec.shutdown_ns));
    child_command(tree, SUPERVISE_STOP, child);
}

void child_wait(struct supervise *tree, uint32_t child, uint64_t at) {
    tree_node(tree, child)->state = SUPERVISE_IS_WAITING;
    timer_set(tree, child, at);
}

void child_is_up(struct supervise *tree, uint32_t child) {
    struct supervise_node *node = tree_node(tree, child);
    node->state = SUPERVISE_IS_UP;
    node->up_since = tree->now;
    node->was_up = true;
    if (node->spec.heartbeat_ns != 0)
        timer_set(tree, child, timer_after(tree, node->spec.heartbeat_ns));
}

void child_is_down(struct supervise *tree, uint32_t child) {
    timer_clear(tree, child);
    tree_node(tree, child)->state = SUPERVISE_IS_DOWN;
}

const char *supervise_word(const struct supervise_node *node) {
    static const char *const words[] = {"down", "starting", "up", "stopping", "killed", "waiting"};
    if (node->state == SUPERVISE_IS_DOWN && node->is_held)
        return "held";
    if (node->state == SUPERVISE_IS_DOWN && (node->is_refused || node->is_over))
        return "out";
    return node->state < sizeof words / sizeof words[0] ? words[node->state] : "unknown";
}
