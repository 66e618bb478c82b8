/*
 * Tables of handles. In: numbers that modules made up or were given. Out: objects, new handles, or
 * a refusal. Must never: let a handle reach an entry that was not given out under exactly that
 * number, or keep a serial number for a second use.
 */
#include "cap/node.h"
#include <stddef.h>

#define TABLE_SERIAL_MAX ((UINT64_C(1) << 48) - 1)

_Static_assert(CAP_HANDLES_MAX == 1u << CAP_INDEX_BITS, "an index has 16 bits");

/* --- Entries. --- */

/* At the end of the queue. An entry whose serial numbers are used up is never free again. */
static void entry_free(struct cap_table *table, uint32_t index) {
    struct cap_entry *entry = &table->entries[index];
    entry->node = CAP_NO_NODE;
    entry->next_free = CAP_NO_NODE;
    if (entry->serial == TABLE_SERIAL_MAX) {
        table->worn++;
        return;
    }
    if (table->free_first == CAP_NO_NODE)
        table->free_first = index;
    else
        table->entries[table->free_last].next_free = index;
    table->free_last = index;
}

static uint64_t entry_fill(struct cap_table *table, uint32_t node) {
    uint32_t index = table->free_first;
    struct cap_entry *entry = &table->entries[index];
    table->free_first = entry->next_free;
    table->used++;
    entry->serial++;
    entry->node = node;
    node_hold(table->space, node, table);
    return entry->serial << CAP_INDEX_BITS | index;
}

/* The node leaves the entry, and lives on or not, as the caller decides. */
static uint32_t entry_empty(struct cap_table *table, uint32_t index) {
    uint32_t node = table->entries[index].node;
    table->used--;
    entry_free(table, index);
    return node;
}

/* Gives back what is dead. */
static void table_sweep(struct cap_table *table) {
    for (uint32_t i = 0; i < table->capacity; i++) {
        uint32_t node = table->entries[i].node;
        if (node != CAP_NO_NODE && !cap_node_lives(table->space, node))
            node_give(table->space, entry_empty(table, i));
    }
    table->swept_at = table->space->deaths;
}

static bool table_has_room(struct cap_table *table) {
    if (table->free_first == CAP_NO_NODE && table->swept_at != table->space->deaths)
        table_sweep(table);
    return table->free_first != CAP_NO_NODE;
}

/* The entry of a living handle. */
static alka_status table_find(const struct cap_table *table, uint64_t handle, uint32_t *out_index) {
    if (cap_find(table, handle) == NULL)
        return ALKA_E_HANDLE_STALE;
    *out_index = (uint32_t)(handle & (CAP_HANDLES_MAX - 1));
    return ALKA_OK;
}

/* The same, and it carries `rights`. */
static alka_status table_find_node(struct cap_table *table, uint64_t handle, uint32_t rights,
                                   uint32_t *out_index, uint32_t *out_node) {
    uint32_t index;
    ALKA_TRY(table_find(table, handle, &index));
    uint32_t node = table->entries[index].node;
    if ((rights & ~(uint32_t)node_at(table->space, node)->rights) != 0)
        return ALKA_E_HANDLE_RIGHTS;
    *out_index = index;
    *out_node = node;
    return ALKA_OK;
}

/* --- Tables. --- */

alka_status cap_table_init(struct cap_table *table, struct cap_space *space, uint32_t id,
                           struct cap_entry *entries, uint32_t capacity) {
    if (capacity == 0 || capacity > CAP_HANDLES_MAX)
        return ALKA_E_SERVICE_ARGUMENT;
    if (capacity > space->node_count - space->parcel_max - space->reserved)
        return ALKA_E_SERVICE_LIMIT;
    space->reserved += capacity;
    *table = (struct cap_table){
        .space = space,
        .entries = entries,
        .id = id,
        .capacity = capacity,
        .free_first = CAP_NO_NODE,
    };
    for (uint32_t i = 0; i < capacity; i++) {
        entries[i].serial = 0;
        entry_free(table, i);
    }
    return ALKA_OK;
}

static void table_make_dead(struct cap_table *table) {
    table->epoch++;
    table->space->deaths++;
}

void cap_table_kill(struct cap_table *table) {
    table_make_dead(table);
    node_audit(table->space, CAP_ACT_KILL, table, NULL, NULL);
}

void cap_table_clear(struct cap_table *table) {
    cap_table_kill(table);
    table_sweep(table);
}

void cap_table_drop(struct cap_table *table) {
    cap_table_clear(table);
    table->space->reserved -= table->capacity;
    *table = (struct cap_table){.free_first = CAP_NO_NODE};
}

/* --- Handles. --- */

alka_status cap_grant(struct cap_table *table, const struct cap_object *object, uint32_t rights,
                      uint64_t *out_handle) {
    struct cap_space *space = table->space;
    if (!table_has_room(table))
        return ALKA_E_HANDLE_LIMIT;
    uint32_t node = node_take_root(space, object, rights & CAP_ALL_RIGHTS);
    if (node == CAP_NO_NODE)
        return ALKA_E_INTERNAL; /* the table's reservation was broken */
    *out_handle = entry_fill(table, node);
    node_audit(space, CAP_ACT_GRANT, NULL, table, node_at(space, node));
    return ALKA_OK;
}

/* A living node that may have a child with these rights. */
static alka_status table_find_parent(struct cap_table *from, uint64_t handle, uint32_t rights,
                                     uint32_t *out_node) {
    uint32_t index;
    ALKA_TRY(table_find_node(from, handle, rights | CAP_DELEGATE, &index, out_node));
    if (node_at(from->space, *out_node)->depth == CAP_DEPTH_MAX)
        return ALKA_E_HANDLE_DEPTH;
    return ALKA_OK;
}

alka_status cap_derive(struct cap_table *from, uint64_t handle, uint32_t rights,
                       struct cap_table *to, uint64_t *out_handle) {
    struct cap_space *space = from->space;
    uint32_t parent;
    ALKA_TRY(table_find_parent(from, handle, rights, &parent));
    if (!table_has_room(to))
        return ALKA_E_HANDLE_LIMIT;
    uint32_t node = node_take_child(space, parent, rights);
    if (node == CAP_NO_NODE)
        return ALKA_E_INTERNAL;
    *out_handle = entry_fill(to, node);
    node_audit(space, CAP_ACT_DELEGATE, from, to, node_at(space, node));
    return ALKA_OK;
}

alka_status cap_move(struct cap_table *from, uint64_t handle, struct cap_table *to,
                     uint64_t *out_handle) {
    struct cap_space *space = from->space;
    uint32_t index, node;
    ALKA_TRY(table_find_node(from, handle, CAP_MOVE, &index, &node));
    /* Moving within a full table needs no room but its own. */
    if (from != to && !table_has_room(to))
        return ALKA_E_HANDLE_LIMIT;
    entry_empty(from, index);
    if (to->free_first == CAP_NO_NODE) { /* its own entry just wore out */
        node_revoke(space, node);
        node_give(space, node);
        return ALKA_E_HANDLE_LIMIT;
    }
    *out_handle = entry_fill(to, node);
    node_audit(space, CAP_ACT_MOVE, from, to, node_at(space, node));
    return ALKA_OK;
}

alka_status cap_close(struct cap_table *table, uint64_t handle) {
    uint32_t index;
    ALKA_TRY(table_find(table, handle, &index));
    uint32_t node = entry_empty(table, index);
    node_audit(table->space, CAP_ACT_CLOSE, table, NULL, node_at(table->space, node));
    node_revoke(table->space, node);
    node_give(table->space, node);
    return ALKA_OK;
}

alka_status cap_revoke(struct cap_table *table, uint64_t handle) {
    uint32_t index;
    ALKA_TRY(table_find(table, handle, &index));
    uint32_t node = table->entries[index].node;
    node_revoke(table->space, node);
    node_audit(table->space, CAP_ACT_REVOKE, table, NULL, node_at(table->space, node));
    return ALKA_OK;
}

/* --- Parcels. --- */

alka_status cap_send(struct cap_table *from, uint64_t handle, enum cap_transfer transfer,
                     uint32_t rights, struct cap_parcel *out_parcel) {
    struct cap_space *space = from->space;
    bool moves = transfer == CAP_TRANSFER_MOVE;
    uint32_t index = 0, node;
    if (moves)
        ALKA_TRY(table_find_node(from, handle, CAP_MOVE, &index, &node));
    else
        ALKA_TRY(table_find_parent(from, handle, rights, &node));
    if (space->parcel_count == space->parcel_max)
        return ALKA_E_SERVICE_LIMIT;
    if (moves)
        entry_empty(from, index);
    else
        node = node_take_child(space, node, rights);
    if (node == CAP_NO_NODE)
        return ALKA_E_INTERNAL;
    space->parcel_count++;
    node_hold(space, node, NULL);
    node_audit(space, moves ? CAP_ACT_MOVE : CAP_ACT_DELEGATE, from, NULL, node_at(space, node));
    out_parcel->node = node;
    return ALKA_OK;
}

/* Would cap_send do it, if there is room for a parcel? */
static alka_status sending_check(struct cap_table *from, const struct cap_sending *sending) {
    uint32_t index, node;
    switch (sending->transfer) {
    case CAP_TRANSFER_DERIVE:
        return table_find_parent(from, sending->handle, sending->rights, &node);
    case CAP_TRANSFER_MOVE:
        return table_find_node(from, sending->handle, CAP_MOVE, &index, &node);
    }
    return ALKA_E_SERVICE_ARGUMENT;
}

static bool sending_conflicts(const struct cap_sending *one, const struct cap_sending *other) {
    return one->handle == other->handle &&
           (one->transfer == CAP_TRANSFER_MOVE || other->transfer == CAP_TRANSFER_MOVE);
}

alka_status cap_send_all(struct cap_table *from, const struct cap_sending *sendings, uint32_t count,
                         struct cap_parcel *out_parcels) {
    if (count > from->space->parcel_max - from->space->parcel_count)
        return ALKA_E_SERVICE_LIMIT;
    for (uint32_t i = 0; i < count; i++) {
        ALKA_TRY(sending_check(from, &sendings[i]));
        for (uint32_t j = 0; j < i; j++) {
            if (sending_conflicts(&sendings[i], &sendings[j]))
                return ALKA_E_SERVICE_ARGUMENT;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        alka_status status = cap_send(from, sendings[i].handle, sendings[i].transfer,
                                      sendings[i].rights, &out_parcels[i]);
        if (status == ALKA_OK)
            continue;
        while (i > 0) /* a reservation was broken */
            cap_discard(from->space, out_parcels[--i]);
        return status;
    }
    return ALKA_OK;
}

alka_status cap_accept(struct cap_space *space, struct cap_parcel parcel, struct cap_table *to,
                       uint64_t *out_handle) {
    if (!cap_node_lives(space, parcel.node))
        return ALKA_E_HANDLE_STALE;
    if (!table_has_room(to))
        return ALKA_E_HANDLE_LIMIT;
    space->parcel_count--;
    *out_handle = entry_fill(to, parcel.node);
    node_audit(space, CAP_ACT_ACCEPT, NULL, to, node_at(space, parcel.node));
    return ALKA_OK;
}

void cap_discard(struct cap_space *space, struct cap_parcel parcel) {
    space->parcel_count--;
    node_revoke(space, parcel.node);
    node_give(space, parcel.node);
}

uint32_t cap_room_made(struct cap_table *table) {
    if (table->swept_at != table->space->deaths)
        table_sweep(table);
    return table->capacity - table->used - table->worn;
}

const struct cap_object *cap_root(struct cap_table *table, uint64_t handle) {
    uint32_t index;
    if (table_find(table, handle, &index) != ALKA_OK)
        return NULL;
    return cap_parcel_root(table->space, (struct cap_parcel){table->entries[index].node});
}

const struct cap_object *cap_parcel_root(const struct cap_space *space, struct cap_parcel parcel) {
    const struct cap_node *node = node_at(space, parcel.node);
    return node->parent == CAP_NO_NODE ? &node->object : NULL;
}

static void table_view(const struct cap_table *table, uint32_t index, struct cap_view *out_view) {
    const struct cap_entry *entry = &table->entries[index];
    const struct cap_node *node = node_at(table->space, entry->node);
    out_view->handle = entry->serial << CAP_INDEX_BITS | index;
    out_view->rights = node->rights;
    out_view->depth = node->depth;
    out_view->object = node->object;
}

bool cap_next(struct cap_table *table, uint32_t *cursor, struct cap_view *out_view) {
    for (; *cursor < table->capacity; ++*cursor) {
        uint32_t node = table->entries[*cursor].node;
        if (node == CAP_NO_NODE || !cap_node_lives(table->space, node))
            continue;
        table_view(table, *cursor, out_view);
        ++*cursor;
        return true;
    }
    return false;
}

alka_status cap_info(struct cap_table *table, uint64_t handle, struct cap_view *out_view) {
    uint32_t index;
    ALKA_TRY(table_find(table, handle, &index));
    table_view(table, index, out_view);
    return ALKA_OK;
}
