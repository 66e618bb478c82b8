/* Nodes of derivation trees, for this room's own files: the protocol is in cap.h. */
#ifndef ATHANOR_CAP_NODE_H
#define ATHANOR_CAP_NODE_H

#include "cap/cap.h"

static inline struct cap_node *node_at(const struct cap_space *space, uint32_t node) {
    return &space->nodes[node];
}

/* A root; CAP_NO_NODE if there is no free node. */
uint32_t node_take_root(struct cap_space *space, const struct cap_object *object, uint32_t rights);
/* A child of a living node. */
uint32_t node_take_child(struct cap_space *space, uint32_t parent, uint32_t rights);
/* All that was derived from it is dead. */
void node_revoke(struct cap_space *space, uint32_t node);
/* Gives it back, dead or revoked just now; if it was a root, the host is told. */
void node_give(struct cap_space *space, uint32_t node);

/* Who holds it from now on; NULL: a parcel. */
void node_hold(struct cap_space *space, uint32_t node, struct cap_table *holder);

void node_audit(const struct cap_space *space, enum cap_act act, const struct cap_table *from,
                const struct cap_table *to, const struct cap_node *node);

#endif
