/*
 * Random lives of four tables against a model that does everything the slow way: it keeps every
 * capability that was ever made in a list and, when something ends, searches the whole list for
 * what depended on it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cap/cap.h>

enum { TABLES = 4, PARCELS = 5, STEPS = 20000, CAPS = STEPS + 1, NOBODY = -1, TRANSIT = -2 };
static const uint32_t capacities[TABLES] = {3, 8, 20, 60};

struct model_cap {
    int parent, holder;
    uint32_t rights, depth, parcel;
    uint64_t handle;
    int tag; /* what its object points to */
    bool alive, is_root;
    bool dropped; /* roots: the room said so */
};

static struct model_cap caps[CAPS];
static int cap_count;
static struct cap_space space;
static struct cap_node nodes[3 + 8 + 20 + 60 + PARCELS];
static struct cap_table tables[TABLES];
static struct cap_entry entries[TABLES][64];
static char tags[CAPS];
static int parcel_count; /* dead ones, too: the room keeps those until they are discarded */
static uint32_t audits;

static uint64_t random_state;

static uint32_t random_below(uint32_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % bound;
}

static void on_audit(void *self, const struct cap_audit *record) {
    (void)self;
    (void)record;
    audits++;
}

static void on_dropped(void *self, const struct cap_object *object) {
    (void)self;
    struct model_cap *cap = &caps[(char *)object->object - tags];
    assert_true(cap->is_root);
    assert_false(cap->dropped);
    cap->dropped = true;
}

/* Ends a capability and, in passes over the list, all whose parent has ended. */
static void model_end(int ended) {
    caps[ended].alive = false;
    for (int i = ended + 1; i < cap_count; i++) /* children come after their parents */
        if (caps[i].alive && caps[i].parent != NOBODY && !caps[caps[i].parent].alive)
            caps[i].alive = false;
}

static void model_end_children(int parent) {
    for (int i = parent + 1; i < cap_count; i++)
        if (caps[i].alive && caps[i].parent == parent)
            model_end(i);
}

static void model_end_holder(int holder) {
    for (int i = 0; i < cap_count; i++)
        if (caps[i].alive && caps[i].holder == holder)
            model_end(i);
}

static uint32_t model_living(int holder) {
    uint32_t count = 0;
    for (int i = 0; i < cap_count; i++)
        count += caps[i].alive && caps[i].holder == holder;
    return count;
}

static bool model_full(int holder) { return model_living(holder) == capacities[holder]; }

static int model_add(int parent, int holder, uint32_t rights) {
    assert_true(cap_count < CAPS);
    caps[cap_count] = (struct model_cap){
        .parent = parent,
        .holder = holder,
        .rights = rights,
        .depth = parent == NOBODY ? 0 : caps[parent].depth + 1,
        .tag = parent == NOBODY ? cap_count : caps[parent].tag,
        .alive = true,
        .is_root = parent == NOBODY,
    };
    return cap_count++;
}

/* Any capability that was ever in some table, mostly a living one; -1 if there is none. */
static int model_any(void) {
    if (cap_count == 0)
        return NOBODY;
    int found = NOBODY;
    for (int tries = 0; tries < 12; tries++) {
        int at = cap_count - 1 - (int)random_below(cap_count < 200 ? (uint32_t)cap_count : 200);
        if (caps[at].holder < 0)
            continue;
        found = at;
        if (caps[at].alive)
            break;
    }
    return found;
}

static alka_status model_refuses(const struct model_cap *cap, uint32_t rights) {
    if (!cap->alive)
        return ALKA_E_HANDLE_STALE;
    if ((rights & ~cap->rights) != 0)
        return ALKA_E_HANDLE_RIGHTS;
    return ALKA_OK;
}

static uint32_t random_rights(void) {
    uint32_t rights = random_below(CAP_ALL_RIGHTS + 1);
    return random_below(3) != 0 ? rights | CAP_DELEGATE | CAP_MOVE : rights;
}

static void step_grant(void) {
    int holder = (int)random_below(TABLES);
    bool full = model_full(holder);
    uint32_t rights = random_rights();
    struct cap_object object = {CAP_EVENT, &tags[cap_count], 0};
    uint64_t handle;
    alka_status status = cap_grant(&tables[holder], &object, rights, &handle);
    assert_int_equal(status, full ? ALKA_E_HANDLE_LIMIT : ALKA_OK);
    if (status == ALKA_OK)
        caps[model_add(NOBODY, holder, rights)].handle = handle;
}

static void step_derive(int at) {
    uint32_t rights = random_below(2) ? caps[at].rights & random_rights() : random_rights();
    int to = (int)random_below(TABLES);
    alka_status expected = model_refuses(&caps[at], rights | CAP_DELEGATE);
    if (expected == ALKA_OK && caps[at].depth == CAP_DEPTH_MAX)
        expected = ALKA_E_HANDLE_DEPTH;
    if (expected == ALKA_OK && model_full(to))
        expected = ALKA_E_HANDLE_LIMIT;
    uint64_t handle;
    alka_status status =
        cap_derive(&tables[caps[at].holder], caps[at].handle, rights, &tables[to], &handle);
    assert_int_equal(status, expected);
    if (status == ALKA_OK)
        caps[model_add(at, to, rights)].handle = handle;
}

static void step_move(int at) {
    int to = (int)random_below(TABLES);
    alka_status expected = model_refuses(&caps[at], CAP_MOVE);
    if (expected == ALKA_OK && to != caps[at].holder && model_full(to))
        expected = ALKA_E_HANDLE_LIMIT;
    uint64_t handle;
    alka_status status = cap_move(&tables[caps[at].holder], caps[at].handle, &tables[to], &handle);
    assert_int_equal(status, expected);
    if (status == ALKA_OK) {
        caps[at].holder = to;
        caps[at].handle = handle;
    }
}

static void step_send(int at) {
    bool moves = random_below(2) != 0;
    uint32_t rights = caps[at].rights & random_rights();
    alka_status expected = model_refuses(&caps[at], moves ? CAP_MOVE : rights | CAP_DELEGATE);
    if (expected == ALKA_OK && !moves && caps[at].depth == CAP_DEPTH_MAX)
        expected = ALKA_E_HANDLE_DEPTH;
    if (expected == ALKA_OK && parcel_count == PARCELS)
        expected = ALKA_E_SERVICE_LIMIT;
    struct cap_parcel parcel;
    alka_status status = cap_send(&tables[caps[at].holder], caps[at].handle,
                                  moves ? CAP_TRANSFER_MOVE : CAP_TRANSFER_DERIVE, rights, &parcel);
    assert_int_equal(status, expected);
    if (status != ALKA_OK)
        return;
    int sent = moves ? at : model_add(at, TRANSIT, rights);
    caps[sent].holder = TRANSIT;
    caps[sent].parcel = parcel.node;
    parcel_count++;
}

static void step_receive(void) {
    for (int i = 0; i < cap_count; i++) {
        if (caps[i].holder != TRANSIT)
            continue;
        int to = (int)random_below(TABLES);
        struct cap_parcel parcel = {caps[i].parcel};
        alka_status expected = ALKA_OK;
        if (!caps[i].alive)
            expected = ALKA_E_HANDLE_STALE;
        else if (model_full(to))
            expected = ALKA_E_HANDLE_LIMIT;
        alka_status status = cap_accept(&space, parcel, &tables[to], &caps[i].handle);
        assert_int_equal(status, expected);
        caps[i].holder = to;
        parcel_count--;
        if (status != ALKA_OK) {
            cap_discard(&space, parcel);
            if (caps[i].alive)
                model_end(i);
            caps[i].holder = NOBODY; /* never had a handle there */
        }
        return;
    }
}

static void step_end(int at, uint32_t what) {
    struct cap_table *table = &tables[caps[at].holder];
    alka_status expected = caps[at].alive ? ALKA_OK : ALKA_E_HANDLE_STALE;
    switch (what) {
    case 0:
        assert_int_equal(cap_close(table, caps[at].handle), expected);
        if (caps[at].alive)
            model_end(at);
        break;
    case 1:
        assert_int_equal(cap_revoke(table, caps[at].handle), expected);
        if (caps[at].alive)
            model_end_children(at);
        break;
    case 2:
        cap_table_kill(table);
        model_end_holder(caps[at].holder);
        break;
    default:
        cap_table_clear(table);
        model_end_holder(caps[at].holder);
        assert_int_equal(table->used, 0);
        break;
    }
}

static void check_one(int at) {
    if (caps[at].holder < 0)
        return;
    struct cap_object object = {.kind = CAP_NOTHING};
    alka_status status = cap_look(&tables[caps[at].holder], caps[at].handle, CAP_EVENT, 0, &object);
    assert_int_equal(status, caps[at].alive ? ALKA_OK : ALKA_E_HANDLE_STALE);
    if (caps[at].alive) {
        assert_ptr_equal(object.object, &tags[caps[at].tag]);
        assert_false(caps[caps[at].tag].dropped); /* nobody can see an object that is gone */
    }
}

static void check_all(void) {
    for (int i = 0; i < cap_count; i++)
        check_one(i);
    for (int holder = 0; holder < TABLES; holder++) {
        uint32_t cursor = 0, listed = 0;
        struct cap_view view;
        while (cap_next(&tables[holder], &cursor, &view))
            listed++;
        assert_int_equal(listed, model_living(holder));
    }
    assert_int_equal(space.parcel_count, parcel_count);
}

static void world_start(uint64_t seed) {
    struct cap_host host = {on_audit, on_dropped, NULL};
    random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    cap_count = 0;
    parcel_count = 0;
    cap_space_init(&space, nodes, sizeof nodes / sizeof nodes[0], PARCELS, &host);
    for (uint32_t i = 0; i < TABLES; i++)
        assert_int_equal(cap_table_init(&tables[i], &space, i, entries[i], capacities[i]), ALKA_OK);
}

static void world_end(void) {
    for (int i = 0; i < cap_count; i++)
        if (caps[i].holder == TRANSIT)
            cap_discard(&space, (struct cap_parcel){caps[i].parcel});
    for (uint32_t i = 0; i < TABLES; i++)
        cap_table_drop(&tables[i]);
    for (int i = 0; i < cap_count; i++)
        assert_int_equal(caps[i].dropped, caps[i].is_root);
    assert_int_equal(space.reserved, 0);
    uint32_t free_nodes = 0;
    for (uint32_t at = space.free_node; at != CAP_NO_NODE; at = nodes[at].parent)
        free_nodes++;
    assert_int_equal(free_nodes, space.node_count);
}

static void step(void) {
    uint32_t dice = random_below(1000);
    int at = model_any();
    if (dice < 150 || at == NOBODY)
        step_grant();
    else if (dice < 600)
        step_derive(at);
    else if (dice < 700)
        step_move(at);
    else if (dice < 800)
        step_send(at);
    else if (dice < 880)
        step_receive();
    else if (dice < 990)
        step_end(at, dice % 2);
    else
        step_end(at, 2 + dice % 2);
    if (cap_count > 0)
        check_one((int)random_below((uint32_t)cap_count));
}

static void random_lives_match_the_model(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        world_start(seed);
        for (uint32_t i = 0; i < STEPS / 20; i++) {
            step();
            if (i % 16 == 0)
                check_all();
        }
        check_all();
        world_end();
    }
    assert_true(audits > STEPS / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lives_match_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
