/* The three parts of this room: a child's life (child.c), a supervisor's work (supervisor.c),
 * events and people (supervise.c). */
#ifndef ATHANOR_SUPERVISE_SUPERVISOR_H
#define ATHANOR_SUPERVISE_SUPERVISOR_H

#include "supervise/supervise.h"

static inline struct supervise_node *tree_node(const struct supervise *tree, uint32_t node) {
    return &tree->nodes[node];
}

/* --- child.c --- */

/* A child that is DOWN or WAITING is on its way up. */
void child_start(struct supervise *tree, uint32_t child);
/* Any child is on its way down, or is down. */
void child_stop(struct supervise *tree, uint32_t child);
void child_kill(struct supervise *tree, uint32_t child);
/* WAITING until `at`. */
void child_wait(struct supervise *tree, uint32_t child, uint64_t at);

void child_is_up(struct supervise *tree, uint32_t child);
void child_is_down(struct supervise *tree, uint32_t child);

/* A node's timer; SUPERVISE_NEVER: none. */
void timer_set(struct supervise *tree, uint32_t node, uint64_t at);
void timer_clear(struct supervise *tree, uint32_t node);
/* ns from now, or never. */
uint64_t timer_after(const struct supervise *tree, uint64_t ns);

/* --- supervisor.c --- */

/* The supervisor has something to do; tree_run lets it. */
void tree_queue(struct supervise *tree, uint32_t supervisor);
void tree_run(struct supervise *tree);

/* A supervisor begins to start, or to stop, all its children. */
void supervisor_begin(struct supervise *tree, uint32_t supervisor);
void supervisor_end(struct supervise *tree, uint32_t supervisor);

/* A child is down, which it was not: its supervisor decides. */
void supervisor_lost_child(struct supervise *tree, uint32_t child, bool abnormally);

/* Will what its supervisor is doing now come to this child by itself? */
bool supervisor_will_start(const struct supervise *tree, uint32_t child);

#endif
