/* What supervision.c (what happens) and supervision_tree.c (the tree, and people) share. */
#ifndef ATHANOR_SUPERVISION_TREE_H
#define ATHANOR_SUPERVISION_TREE_H

#include "modules/supervision.h"
#include "sched/thread.h"

#define MS UINT64_C(1000000)
#define SUPERVISION_POLL_NS (MS / 5)

struct child {
    char name[BUNDLE_NAME_BYTES_MAX + 1];
    struct module *module;  /* NULL: a supervisor, */
    uint32_t before_module; /* which the manifest lists before this module */
    uint32_t pending;       /* commands: 1 << enum supervise_command; a module has one at most */
    bool is_queued;
    uint32_t next_queued;
    /* Grows with everything that happens to a module: who does something for it on a thread of its
     * own sees whether that is still wanted. */
    uint32_t epoch;
    uint64_t hangs;
};

struct supervision {
    struct supervise tree;
    struct child *children; /* by node */
    uint32_t child_count;   /* with the root */
    uint32_t first, last;   /* children with commands */
    struct wait_queue waiting;
    bool has_work;
    uint64_t armed_ns;          /* when the supervisor looks by itself */
    uint32_t calls, unexpected; /* of start functions, ever */
};

extern struct supervision supervision;

static inline struct child *supervision_child(uint32_t node) { return &supervision.children[node]; }
static inline struct supervise_node *supervision_node(uint32_t node) {
    return &supervision.tree.nodes[node];
}

/* The tree's host. */
void supervision_note(void *self, enum supervise_command command, uint32_t node);
/* After each event: wakes the supervisor's thread if there is something for it. */
void supervision_attend(void);
void supervision_exited(uint32_t node, bool normally);
/* The supervisor's thread. */
void supervision_main(void *arg);

#endif
