/*
 * Capabilities: which objects of the kernel an instance can name, and what it may do with them.
 *
 * An instance names an object by a handle, a number that means something in its own table only: the
 * index of an entry and that entry's serial number. The table is the kernel's, so no number that a
 * module makes up leads to an object it was not given; serial numbers are not used twice, so a
 * handle that was closed never comes back to life under another meaning.
 *
 * Behind each entry is one node. Nodes form trees: the kernel makes roots (cap_grant); a holder
 * makes children with the same or fewer rights (cap_derive, cap_send), for others or for itself. To
 * be able to take one delegation back and leave the rest, derive a handle for yourself first and
 * delegate from that one.
 *
 *   Revoking in O(1). A node has a counter, its brood, and remembers the brood its parent had when
 *   it was derived, its birth. A node is alive if its holder is, and, up to its root, each ancestor
 *   is alive and the births still equal the broods. Revoking all that was ever derived from a node,
 *   through however many hands, is therefore one increment of its brood; nothing is searched, and
 *   the next use of any descendant, anywhere, fails. A holder has such a counter, too (its epoch),
 *   so that killing an instance is one increment.
 *   Looking up. A walk to the root costs as many steps as there were delegations in a row, at most
 *   CAP_DEPTH_MAX. It is made once: the space counts how often anything was made dead, and a node
 *   remembers at which count it was last found alive; as long as nothing died, a look-up is O(1).
 *   Taking the memory back. Dead nodes keep their entry and their place until the table needs
 *   either (one sweep over the table, not repeated while nothing more died), or is cleared. Each
 *   table reserves nodes for all its entries when it is made, so that no instance can use up
 *   another's.
 *
 * A capability depends on the hands that it came through: it ends when one of them closes its
 * handle or dies. To leave nothing behind that depends on oneself, move a handle instead.
 *
 * In transit (in a message) a capability is a parcel, which belongs to the kernel.
 *
 * Nothing here allocates, waits or locks: whoever hosts it serializes all calls on one space.
 * Handles, kinds and rights given in are hostile; tables, spaces and parcels are not.
 */
#ifndef ATHANOR_CAP_H
#define ATHANOR_CAP_H

#include <alkahest/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAP_INDEX_BITS 16u     /* of a handle: which entry; above them its serial number */
#define CAP_HANDLES_MAX 65536u /* entries of one table */
#define CAP_DEPTH_MAX 32u      /* derivations in a row */
#define CAP_NO_HANDLE UINT64_C(0)
#define CAP_NO_NODE UINT32_MAX

enum cap_kind {
    CAP_NOTHING,
#define KIND(id, name) CAP_##id,
#include "kinds.def"
#undef KIND
    CAP_KIND_COUNT
};

enum cap_right {
    CAP_READ = 1,     /* receive, subscribe, wait, map for reading */
    CAP_WRITE = 2,    /* send, publish, signal, map for writing */
    CAP_CONTROL = 4,  /* close, configure, stop */
    CAP_DELEGATE = 8, /* derive for oneself or for others */
    CAP_MOVE = 16,    /* give away */
    CAP_ALL_RIGHTS = 31
};

/* What a capability is about. The room looks into none of it. */
struct cap_object {
    enum cap_kind kind;
    void *object;
    uint64_t detail; /* the kind's own: a clock's resolution, a sender's badge, … */
};

/* --- The space: all nodes, and who is told. --- */

enum cap_act {
    CAP_ACT_GRANT,    /* the kernel gave `to` a root */
    CAP_ACT_DELEGATE, /* `from` derived for `to`, or for a parcel */
    CAP_ACT_MOVE,     /* `from` gave its own to `to`, or into a parcel */
    CAP_ACT_ACCEPT,   /* `to` took it out of a parcel */
    CAP_ACT_CLOSE,    /* `from` closed its handle; what was derived from it is dead, too */
    CAP_ACT_REVOKE,   /* `from` made dead all that was derived from its handle */
    CAP_ACT_KILL,     /* all that `from` held and all derived from it is dead; no object */
};

#define CAP_NOBODY UINT32_MAX

struct cap_audit {
    enum cap_act act;
    uint32_t from, to; /* ids of tables; CAP_NOBODY: the kernel, or a parcel */
    uint32_t rights, depth;
    struct cap_object object; /* to be shown, not to be followed */
};

struct cap_host {
    /* Each grant, delegation, move and revocation that succeeded, after it has. */
    void (*audit)(void *self, const struct cap_audit *record);
    /*
     * A root is gone for good, so one reference to its object less. May be called from any function
     * here that changes something, and must not call back: it takes a note and returns.
     */
    void (*dropped)(void *self, const struct cap_object *object);
    void *self;
};

struct cap_table;

struct cap_node {
    struct cap_object object;
    uint64_t brood;           /* never reset, so that no birth fits a later tenant */
    uint64_t birth;           /* the parent's brood when this was derived */
    uint64_t holder_epoch;    /* the holder's epoch when it got this */
    uint64_t seen;            /* the space's count of deaths when last found alive */
    struct cap_table *holder; /* NULL: in a parcel */
    uint32_t parent;          /* CAP_NO_NODE: a root. Of a free node: the next one */
    uint8_t rights, depth;
    bool in_use, has_children; /* has_children: since the last revocation */
};

struct cap_space {
    struct cap_node *nodes;
    struct cap_host host;
    uint64_t deaths; /* how often something living was made dead */
    uint32_t node_count, free_node;
    uint32_t used;                     /* nodes that stand for something, dead or alive */
    uint32_t reserved;                 /* nodes promised to tables */
    uint32_t parcel_count, parcel_max; /* nodes in transit now, and at most */
};

/*
 * `nodes` stay with the space. `parcel_max` of them are kept for parcels, the rest is for tables:
 * parcel_max <= node_count.
 */
void cap_space_init(struct cap_space *space, struct cap_node *nodes, uint32_t node_count,
                    uint32_t parcel_max, const struct cap_host *host);

/* --- Tables: one per instance. --- */

struct cap_entry {
    uint64_t serial; /* 48 bits; of the handle that is out, or of the last one */
    uint32_t node;   /* CAP_NO_NODE: free */
    uint32_t next_free;
};

struct cap_table {
    struct cap_space *space;
    struct cap_entry *entries;
    uint64_t epoch;
    uint64_t swept_at; /* space->deaths at the last sweep; nothing to find until it changes */
    uint32_t id;       /* for audit records */
    uint32_t capacity, used;
    uint32_t worn;                  /* entries whose serial numbers are used up */
    uint32_t free_first, free_last; /* a queue: serial numbers wear evenly */
};

/*
 * A table of `capacity` handles at most (1 to CAP_HANDLES_MAX), which is the instance's limit.
 * `table` must not move, and `entries` stays with it, until cap_table_drop.
 * ALKA_E_SERVICE_LIMIT: the space has not so many nodes left to promise.
 */
ALKA_MUST_CHECK alka_status cap_table_init(struct cap_table *table, struct cap_space *space,
                                           uint32_t id, struct cap_entry *entries,
                                           uint32_t capacity);

/* All it holds is dead, and all derived from that, at once; it can be given new handles. O(1). */
void cap_table_kill(struct cap_table *table);

/* Kills and gives all its nodes back now. O(capacity). */
void cap_table_clear(struct cap_table *table);

/* Clears, and gives the reserved nodes back. `entries` is the caller's again. */
void cap_table_drop(struct cap_table *table);

/* --- Handles. *out is written on success only. --- */

/*
 * ALKA_E_HANDLE_STALE: no such handle, closed, revoked or dead.
 * ALKA_E_HANDLE_LIMIT: the table that should get a handle is full of living ones.
 * ALKA_E_HANDLE_RIGHTS: a right is asked for that the handle does not carry, or its holder lacks
 * CAP_DELEGATE or CAP_MOVE.
 */

/* A root, for `table`; rights within CAP_ALL_RIGHTS. */
ALKA_MUST_CHECK alka_status cap_grant(struct cap_table *table, const struct cap_object *object,
                                      uint32_t rights, uint64_t *out_handle);

/* Does the node stand for anything, up to its root? Remembers that it does. */
bool cap_node_lives(struct cap_space *space, uint32_t node);

/* The living node behind a handle; NULL: it is stale. Inline: each service begins with it. */
static inline const struct cap_node *cap_find(const struct cap_table *table, uint64_t handle) {
    struct cap_space *space = table->space;
    uint32_t index = (uint32_t)(handle & (CAP_HANDLES_MAX - 1));
    if (index >= table->capacity)
        return NULL;
    const struct cap_entry *entry = &table->entries[index];
    if (entry->serial != handle >> CAP_INDEX_BITS || entry->node == CAP_NO_NODE)
        return NULL;
    const struct cap_node *node = &space->nodes[entry->node];
    return node->seen == space->deaths || cap_node_lives(space, entry->node) ? node : NULL;
}

/* The object of a living handle of that kind with all these rights; also ALKA_E_HANDLE_KIND. */
ALKA_MUST_CHECK static inline alka_status cap_look(const struct cap_table *table, uint64_t handle,
                                                   enum cap_kind kind, uint32_t rights,
                                                   struct cap_object *out_object) {
    const struct cap_node *node = cap_find(table, handle);
    if (node == NULL)
        return ALKA_E_HANDLE_STALE;
    if (node->object.kind != kind)
        return ALKA_E_HANDLE_KIND;
    if ((rights & ~(uint32_t)node->rights) != 0)
        return ALKA_E_HANDLE_RIGHTS;
    *out_object = node->object;
    return ALKA_OK;
}

/*
 * A child with `rights`, which the handle must carry, for `to`; may be the same table.
 * ALKA_E_HANDLE_DEPTH.
 */
ALKA_MUST_CHECK alka_status cap_derive(struct cap_table *from, uint64_t handle, uint32_t rights,
                                       struct cap_table *to, uint64_t *out_handle);

/* The capability changes hands, with all that was derived from it; `handle` is closed. */
ALKA_MUST_CHECK alka_status cap_move(struct cap_table *from, uint64_t handle, struct cap_table *to,
                                     uint64_t *out_handle);

/* Closes the handle; all that was derived from it is dead. */
ALKA_MUST_CHECK alka_status cap_close(struct cap_table *table, uint64_t handle);

/* All that was derived from it is dead; the handle stays. Needs no right. */
ALKA_MUST_CHECK alka_status cap_revoke(struct cap_table *table, uint64_t handle);

/* --- Parcels: in transit. Each ends in exactly one cap_accept that succeeds, or cap_discard. ---
 */

struct cap_parcel {
    uint32_t node;
};

enum cap_transfer { CAP_TRANSFER_DERIVE, CAP_TRANSFER_MOVE };

/* As cap_derive with `rights`, or cap_move; ALKA_E_SERVICE_LIMIT: too many parcels. */
ALKA_MUST_CHECK alka_status cap_send(struct cap_table *from, uint64_t handle,
                                     enum cap_transfer transfer, uint32_t rights,
                                     struct cap_parcel *out_parcel);

/*
 * All of them, in order, or none. ALKA_E_SERVICE_ARGUMENT: no such transfer, or a handle that is
 * moved is there twice.
 */
struct cap_sending {
    uint64_t handle;
    enum cap_transfer transfer;
    uint32_t rights; /* ignored if it is moved */
};
ALKA_MUST_CHECK alka_status cap_send_all(struct cap_table *from, const struct cap_sending *sendings,
                                         uint32_t count, struct cap_parcel *out_parcels);

/* ALKA_E_HANDLE_STALE (it was revoked on its way), ALKA_E_HANDLE_LIMIT: the parcel stays. */
ALKA_MUST_CHECK alka_status cap_accept(struct cap_space *space, struct cap_parcel parcel,
                                       struct cap_table *to, uint64_t *out_handle);

void cap_discard(struct cap_space *space, struct cap_parcel parcel);

/* How many handles more the table can take now; it may say fewer from `wanted` on. */
uint32_t cap_room_made(struct cap_table *table);
static inline uint32_t cap_room(struct cap_table *table, uint32_t wanted) {
    uint32_t room = table->capacity - table->used - table->worn;
    return room >= wanted ? room : cap_room_made(table);
}

/*
 * Roots keep their objects: whoever puts one into an object must see to it that it does not end up
 * in itself. The object of a living root, or of one in a parcel; NULL: it is none.
 */
const struct cap_object *cap_root(struct cap_table *table, uint64_t handle);
const struct cap_object *cap_parcel_root(const struct cap_space *space, struct cap_parcel parcel);

/* --- For people. --- */

struct cap_view {
    uint64_t handle;
    uint32_t rights, depth;
    struct cap_object object;
};

/* The next living handle at or behind entry *cursor (start with 0); false: no more. */
bool cap_next(struct cap_table *table, uint32_t *cursor, struct cap_view *out_view);

/* What a living handle is. ALKA_E_HANDLE_STALE. */
ALKA_MUST_CHECK alka_status cap_info(struct cap_table *table, uint64_t handle,
                                     struct cap_view *out_view);

const char *cap_kind_name(enum cap_kind kind);
const char *cap_act_name(enum cap_act act);

#endif
