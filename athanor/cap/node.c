/*
 * Derivation trees: who is alive, and how somebody stops to be (cap.h has the algorithm).
 * In: nodes by number, from this room's tables and parcels. Out: yes or no; a counter more.
 * Must never: search for descendants, or follow a dead node's object.
 */
#include "cap/node.h"
#include <stddef.h>

void cap_space_init(struct cap_space *space, struct cap_node *nodes, uint32_t node_count,
                    uint32_t parcel_max, const struct cap_host *host) {
    *space = (struct cap_space){
        .nodes = nodes,
        .host = *host,
        .deaths = 1, /* above any node's `seen` */
        .node_count = node_count,
        .free_node = CAP_NO_NODE,
        .parcel_max = parcel_max,
    };
    for (uint32_t i = node_count; i-- > 0;) {
        nodes[i] = (struct cap_node){.parent = space->free_node};
        space->free_node = i;
    }
}

/* Looks at `node` alone: not whether its ancestors live. */
static bool node_alone_alive(const struct cap_space *space, const struct cap_node *node) {
    if (node->holder != NULL && node->holder->epoch != node->holder_epoch)
        return false;
    return node->parent == CAP_NO_NODE || node_at(space, node->parent)->brood == node->birth;
}

bool cap_node_lives(struct cap_space *space, uint32_t node) {
    /* Up to the root, or to somebody who is known to live; then mark the way that was walked. */
    uint32_t known = node;
    while (known != CAP_NO_NODE && node_at(space, known)->seen != space->deaths) {
        if (!node_alone_alive(space, node_at(space, known)))
            return false;
        known = node_at(space, known)->parent;
    }
    for (uint32_t at = node; at != known; at = node_at(space, at)->parent)
        node_at(space, at)->seen = space->deaths;
    return true;
}

static uint32_t node_take(struct cap_space *space) {
    uint32_t node = space->free_node;
    if (node == CAP_NO_NODE)
        return node;
    space->free_node = node_at(space, node)->parent;
    space->used++;
    return node;
}

uint32_t node_take_root(struct cap_space *space, const struct cap_object *object, uint32_t rights) {
    uint32_t taken = node_take(space);
    if (taken == CAP_NO_NODE)
        return taken;
    struct cap_node *node = node_at(space, taken);
    *node = (struct cap_node){
        .object = *object,
        .brood = node->brood,
        .seen = space->deaths,
        .parent = CAP_NO_NODE,
        .rights = (uint8_t)rights,
        .in_use = true,
    };
    return taken;
}

uint32_t node_take_child(struct cap_space *space, uint32_t parent, uint32_t rights) {
    struct cap_node *above = node_at(space, parent);
    uint32_t taken = node_take_root(space, &above->object, rights);
    if (taken == CAP_NO_NODE)
        return taken;
    struct cap_node *node = node_at(space, taken);
    node->parent = parent;
    node->birth = above->brood;
    node->depth = (uint8_t)(above->depth + 1);
    above->has_children = true;
    return taken;
}

void node_revoke(struct cap_space *space, uint32_t node) {
    struct cap_node *revoked = node_at(space, node);
    if (!revoked->has_children)
        return; /* nobody dies: what is known about the living stays true */
    revoked->has_children = false;
    revoked->brood++;
    space->deaths++;
}

void node_give(struct cap_space *space, uint32_t node) {
    struct cap_node *given = node_at(space, node);
    bool was_root = given->parent == CAP_NO_NODE;
    struct cap_object object = given->object;
    /* One more, so that the dead children of this tenant are not the next one's. */
    *given = (struct cap_node){.brood = given->brood + 1, .parent = space->free_node};
    space->free_node = node;
    space->used--;
    if (was_root)
        space->host.dropped(space->host.self, &object);
}

void node_hold(struct cap_space *space, uint32_t node, struct cap_table *holder) {
    struct cap_node *held = node_at(space, node);
    held->holder = holder;
    held->holder_epoch = holder == NULL ? 0 : holder->epoch;
}

void node_audit(const struct cap_space *space, enum cap_act act, const struct cap_table *from,
                const struct cap_table *to, const struct cap_node *node) {
    struct cap_audit record = {
        .act = act,
        .from = from == NULL ? CAP_NOBODY : from->id,
        .to = to == NULL ? CAP_NOBODY : to->id,
    };
    if (node != NULL) {
        record.rights = node->rights;
        record.depth = node->depth;
        record.object = node->object;
    }
    space->host.audit(space->host.self, &record);
}

const char *cap_kind_name(enum cap_kind kind) {
    static const char *const names[CAP_KIND_COUNT] = {
        "nothing",
#define KIND(id, name) name,
#include "cap/kinds.def"
#undef KIND
    };
    return kind < CAP_KIND_COUNT ? names[kind] : "unknown";
}

const char *cap_act_name(enum cap_act act) {
    static const char *const names[] = {"grant", "delegate", "move", "accept",
                                        "close", "revoke",   "kill"};
    return act < sizeof names / sizeof names[0] ? names[act] : "unknown";
}
