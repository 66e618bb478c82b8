/* Handles one by one: what each call promises, at its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <cap/cap.h>

enum { NODES = 64, PARCELS = 4, HANDLES = 8, TABLES = 4, RECORDS = 256 };

struct world {
    struct cap_space space;
    struct cap_node nodes[NODES];
    struct cap_table tables[TABLES];
    struct cap_entry entries[TABLES][HANDLES];
    struct cap_audit records[RECORDS];
    uint32_t record_count, dropped_count;
    void *last_dropped;
};

static void on_audit(void *self, const struct cap_audit *record) {
    struct world *world = self;
    assert_true(world->record_count < RECORDS);
    world->records[world->record_count++] = *record;
}

static void on_dropped(void *self, const struct cap_object *object) {
    struct world *world = self;
    world->dropped_count++;
    world->last_dropped = object->object;
}

static struct world the_world;
static int thing;
static const struct cap_object channel = {CAP_CHANNEL, &thing, 77};

static struct world *world_make(void) {
    struct world *world = &the_world;
    memset(world, 0, sizeof *world);
    struct cap_host host = {on_audit, on_dropped, world};
    cap_space_init(&world->space, world->nodes, NODES, PARCELS, &host);
    for (uint32_t i = 0; i < TABLES; i++)
        assert_int_equal(
            cap_table_init(&world->tables[i], &world->space, 100 + i, world->entries[i], HANDLES),
            ALKA_OK);
    return world;
}

static uint64_t grant(struct world *world, uint32_t table, uint32_t rights) {
    uint64_t handle = 0;
    assert_int_equal(cap_grant(&world->tables[table], &channel, rights, &handle), ALKA_OK);
    return handle;
}

static alka_status look(struct world *world, uint32_t table, uint64_t handle) {
    struct cap_object object = {.kind = CAP_NOTHING};
    return cap_look(&world->tables[table], handle, CAP_CHANNEL, CAP_READ, &object);
}

static uint64_t derive(struct world *world, uint32_t from, uint64_t handle, uint32_t rights,
                       uint32_t to) {
    uint64_t derived = 0;
    assert_int_equal(cap_derive(&world->tables[from], handle, rights, &world->tables[to], &derived),
                     ALKA_OK);
    return derived;
}

static void a_granted_handle_finds_its_object(void **state) {
    (void)state;
    struct world *world = world_make();
    uint64_t handle = grant(world, 0, CAP_READ | CAP_WRITE);
    struct cap_object object = {.kind = CAP_NOTHING};
    assert_int_equal(cap_look(&world->tables[0], handle, CAP_CHANNEL, CAP_WRITE, &object), ALKA_OK);
    assert_ptr_equal(object.object, &thing);
    assert_int_equal(object.detail, 77);
    assert_int_equal(cap_look(&world->tables[0], handle, CAP_TOPIC, CAP_WRITE, &object),
                     ALKA_E_HANDLE_KIND);
    assert_int_equal(cap_look(&world->tables[0], handle, CAP_CHANNEL, CAP_CONTROL, &object),
                     ALKA_E_HANDLE_RIGHTS);
    assert_int_equal(look(world, 1, handle), ALKA_E_HANDLE_STALE);
}

static void made_up_handles_find_nothing(void **state) {
    (void)state;
    struct world *world = world_make();
    uint64_t handle = grant(world, 0, CAP_ALL_RIGHTS);
    for (uint32_t bit = 0; bit < 64; bit++)
        assert_int_equal(look(world, 0, handle ^ UINT64_C(1) << bit), ALKA_E_HANDLE_STALE);
    assert_int_equal(look(world, 0, CAP_NO_HANDLE), ALKA_E_HANDLE_STALE);
    assert_int_equal(look(world, 0, UINT64_MAX), ALKA_E_HANDLE_STALE);
    assert_int_equal(look(world, 0, handle), ALKA_OK);
}

static void a_closed_handle_stays_closed_when_its_entry_is_used_again(void **state) {
    (void)state;
    struct world *world = world_make();
    uint64_t old = grant(world, 0, CAP_ALL_RIGHTS);
    assert_int_equal(cap_close(&world->tables[0], old), ALKA_OK);
    assert_int_equal(cap_close(&world->tables[0], old), ALKA_E_HANDLE_STALE);
    assert_int_equal(world->dropped_count, 1);
    assert_ptr_equal(world->last_dropped, &thing);
    for (uint32_t i = 0; i < 3 * HANDLES; i++) {
        uint64_t handle = grant(world, 0, CAP_ALL_RIGHTS);
        assert_int_equal(look(world, 0, old), ALKA_E_HANDLE_STALE);
        assert_int_equal(cap_close(&world->tables[0], handle), ALKA_OK);
    }
}

static void delegation_can_only_lose_rights(void **state) {
    (void)state;
    struct world *world = world_make();
    uint64_t root = grant(world, 0, CAP_READ | CAP_DELEGATE);
    uint64_t out = 5;
    struct cap_table *from = &world->tables[0], *to = &world->tables[1];
    assert_int_equal(cap_derive(from, root, CAP_READ | CAP_WRITE, to, &out), ALKA_E_HANDLE_RIGHTS);
    assert_int_equal(cap_derive(from, root, UINT32_MAX, to, &out), ALKA_E_HANDLE_RIGHTS);
    assert_int_equal(cap_derive(from, root, CAP_READ | 1u << 8, to, &out), ALKA_E_HANDLE_RIGHTS);
    assert_int_equal(out, 5);
    uint64_t child = derive(world, 0, root, CAP_READ, 1);
    assert_int_equal(cap_derive(to, child, CAP_READ, from, &out), ALKA_E_HANDLE_RIGHTS);
    assert_int_equal(cap_move(to, child, from, &out), ALKA_E_HANDLE_RIGHTS);
    assert_int_equal(look(world, 1, child), ALKA_OK);
}

static void revoking_reaches_everything_below_and_nothing_else(void **state) {
    (void)state;
    struct world *world = world_make();
    uint64_t root = grant(world, 0, CAP_ALL_RIGHTS);
    uint64_t caretaker = derive(world, 0, root, CAP_ALL_RIGHTS, 0);
    uint64_t one = derive(world, 0, caretaker, CAP_ALL_RIGHTS, 1);
    uint64_t two = derive(world, 1, one, CAP_ALL_RIGHTS, 2);
    uint64_t three = derive(world, 2, two, CAP_READ, 3);
    uint64_t sibling = derive(world, 0, root, CAP_READ, 3);
    assert_int_equal(look(world, 3, three), ALKA_OK);

    assert_int_equal(cap_revoke(&world->tables[0], caretaker), ALKA_OK);
    assert_int_equal(look(world, 1, one), ALKA_E_HANDLE_STALE);
    assert_int_equal(look(world, 2, two), ALKA_E_HANDLE_STALE);
    assert_int_equal(look(world, 3, three), ALKA_E_HANDLE_STALE);
    assert_int_equal(look(world, 0, caretaker), ALKA_OK);
    assert_int_equal(look(world, 3, sibling), ALKA_OK);
    assert_int_equal(world->dropped_count, 0);

    uint64_t again = derive(world, 0, caretaker, CAP_READ, 1);
    assert_int_equal(look(world, 1, again), ALKA_OK);
    assert_int_equal(look(world, 1, one), ALKA_E_HANDLE_STALE);
}

static void a_moved_capability_does_not_depend_on_its_giver(void **state) {
    (void)state;
    struct world *world = world_make();
    uint64_t root = grant(world, 0, CAP_ALL_RIGHTS);
    uint64_t child = derive(world, 0, root, CAP_READ, 2);
    uint64_t moved = 0;
    assert_int_equal(cap_move(&world->tables[0], root, &world->tables[1], &moved), ALKA_OK);
    assert_int_equal(look(world, 0, root), ALKA_E_HANDLE_STALE);
    cap_table_clear(&world->tables[0]);
    assert_int_equal(look(world, 1, moved), ALKA_OK);
    assert_int_equal(look(world, 2, child), ALKA_OK);
    cap_table_kill(&world->tables[1]);
    assert_int_equal(look(world, 1, moved), ALKA_E_HANDLE_STALE);
    assert_int_equal(look(world, 2, child), ALKA_E_HANDLE_STALE);
}

static void a_killed_holder_can_be_given_new_handles_at_once(void **state) {
    (void)state;
    struct world *world = world_make();
    for (uint32_t i = 0; i < HANDLES; i++)
        grant(world, 0, CAP_ALL_RIGHTS);
    uint64_t out;
    assert_int_equal(cap_grant(&world->tables[0], &channel, CAP_READ, &out), ALKA_E_HANDLE_LIMIT);
    cap_table_kill(&world->tables[0]);
    assert_int_equal(world->dropped_count, 0);
    uint64_t fresh = grant(world, 0, CAP_READ);
    assert_int_equal(look(world, 0, fresh), ALKA_OK);
    assert_int_equal(world->dropped_count, HANDLES);
}

static void a_full_table_is_refused_until_something_in_it_dies(void **state) {
    (void)state;
    struct world *world = world_make();
    uint64_t root = grant(world, 0, CAP_ALL_RIGHTS), out = 9;
    for (uint32_t i = 0; i < HANDLES; i++)
        derive(world, 0, root, CAP_READ, 1);
    assert_int_equal(cap_derive(&world->tables[0], root, CAP_READ, &world->tables[1], &out),
                     ALKA_E_HANDLE_LIMIT);
    assert_int_equal(out, 9);
    assert_int_equal(cap_revoke(&world->tables[0], root), ALKA_OK);
    derive(world, 0, root, CAP_READ, 1);
}

static void delegation_ends_at_its_depth(void **state) {
    (void)state;
    struct world *world = world_make();
    static struct cap_node nodes[CAP_DEPTH_MAX + 2];
    static struct cap_entry entries[CAP_DEPTH_MAX + 2];
    struct cap_space space;
    struct cap_table table;
    struct cap_host host = {on_audit, on_dropped, world};
    cap_space_init(&space, nodes, CAP_DEPTH_MAX + 2, 0, &host);
    assert_int_equal(cap_table_init(&table, &space, 1, entries, CAP_DEPTH_MAX + 2), ALKA_OK);
    uint64_t handle, out;
    assert_int_equal(cap_grant(&table, &channel, CAP_ALL_RIGHTS, &handle), ALKA_OK);
    for (uint32_t depth = 0; depth < CAP_DEPTH_MAX; depth++) {
        assert_int_equal(cap_derive(&table, handle, CAP_ALL_RIGHTS, &table, &out), ALKA_OK);
        handle = out;
    }
    assert_int_equal(cap_derive(&table, handle, CAP_ALL_RIGHTS, &table, &out), ALKA_E_HANDLE_DEPTH);
}

static void parcels_carry_and_can_be_revoked_on_their_way(void **state) {
    (void)state;
    struct world *world = world_make();
    struct cap_table *from = &world->tables[0], *to = &world->tables[1];
    uint64_t root = grant(world, 0, CAP_ALL_RIGHTS), received;
    struct cap_parcel lent, given, revoked;
    assert_int_equal(cap_send(from, root, CAP_TRANSFER_DERIVE, CAP_READ, &lent), ALKA_OK);
    assert_int_equal(cap_accept(&world->space, lent, to, &received), ALKA_OK);
    assert_int_equal(look(world, 1, received), ALKA_OK);

    assert_int_equal(cap_send(from, root, CAP_TRANSFER_DERIVE, CAP_READ, &revoked), ALKA_OK);
    assert_int_equal(cap_revoke(from, root), ALKA_OK);
    assert_int_equal(look(world, 1, received), ALKA_E_HANDLE_STALE);
    assert_int_equal(cap_accept(&world->space, revoked, to, &received), ALKA_E_HANDLE_STALE);
    cap_discard(&world->space, revoked);

    assert_int_equal(cap_send(from, root, CAP_TRANSFER_MOVE, 0, &given), ALKA_OK);
    assert_int_equal(look(world, 0, root), ALKA_E_HANDLE_STALE);
    cap_table_clear(from);
    assert_int_equal(cap_accept(&world->space, given, to, &received), ALKA_OK);
    assert_int_equal(look(world, 1, received), ALKA_OK);
    assert_int_equal(world->dropped_count, 0);
    assert_int_equal(world->space.parcel_count, 0);
}

static void several_are_sent_or_none(void **state) {
    (void)state;
    struct world *world = world_make();
    struct cap_table *from = &world->tables[0], *to = &world->tables[1];
    uint64_t kept = grant(world, 0, CAP_ALL_RIGHTS), moved = grant(world, 0, CAP_ALL_RIGHTS);
    uint64_t weak = grant(world, 0, CAP_READ), handle;
    struct cap_parcel parcels[PARCELS + 1];
    struct cap_sending sendings[PARCELS + 1] = {{moved, CAP_TRANSFER_MOVE, 0},
                                                {kept, CAP_TRANSFER_DERIVE, CAP_READ}};
    const struct {
        struct cap_sending last;
        alka_status expected;
    } bad[] = {
        {{weak, CAP_TRANSFER_MOVE, 0}, ALKA_E_HANDLE_RIGHTS},
        {{weak, CAP_TRANSFER_DERIVE, CAP_READ}, ALKA_E_HANDLE_RIGHTS},
        {{weak + 1, CAP_TRANSFER_DERIVE, CAP_READ}, ALKA_E_HANDLE_STALE},
        {{moved, CAP_TRANSFER_MOVE, 0}, ALKA_E_SERVICE_ARGUMENT},
        {{moved, CAP_TRANSFER_DERIVE, CAP_READ}, ALKA_E_SERVICE_ARGUMENT},
        {{kept, (enum cap_transfer)7, 0}, ALKA_E_SERVICE_ARGUMENT},
    };
    uint32_t records = world->record_count;
    for (uint32_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sendings[2] = bad[i].last;
        assert_int_equal(cap_send_all(from, sendings, 3, parcels), bad[i].expected);
    }
    for (uint32_t i = 2; i <= PARCELS; i++)
        sendings[i] = sendings[1];
    assert_int_equal(cap_send_all(from, sendings, PARCELS + 1, parcels), ALKA_E_SERVICE_LIMIT);
    assert_int_equal(world->record_count, records); /* nothing happened */
    assert_int_equal(look(world, 0, moved), ALKA_OK);
    assert_int_equal(cap_send_all(from, sendings, 2, parcels), ALKA_OK);
    assert_int_equal(look(world, 0, moved), ALKA_E_HANDLE_STALE);
    assert_ptr_equal(cap_parcel_root(&world->space, parcels[0])->object, &thing);
    assert_null(cap_parcel_root(&world->space, parcels[1])); /* a derived one */
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(cap_accept(&world->space, parcels[i], to, &handle), ALKA_OK);
    assert_null(cap_root(to, handle));
    assert_ptr_equal(cap_root(from, kept)->object, &thing);
    assert_int_equal(cap_room(to, 1), HANDLES - 2);
    assert_int_equal(cap_revoke(from, kept),
                     ALKA_OK); /* the second one's entry can be used again */
    assert_int_equal(cap_room(to, HANDLES - 2), HANDLES - 2);
    assert_int_equal(cap_room(to, HANDLES - 1), HANDLES - 1);
}

static void parcels_are_limited_and_a_discarded_root_is_dropped(void **state) {
    (void)state;
    struct world *world = world_make();
    struct cap_table *from = &world->tables[0];
    uint64_t root = grant(world, 0, CAP_ALL_RIGHTS);
    struct cap_parcel parcels[PARCELS], more;
    assert_int_equal(cap_send(from, root, CAP_TRANSFER_MOVE, 0, &parcels[0]), ALKA_OK);
    root = grant(world, 0, CAP_ALL_RIGHTS);
    for (uint32_t i = 1; i < PARCELS; i++)
        assert_int_equal(cap_send(from, root, CAP_TRANSFER_DERIVE, CAP_READ, &parcels[i]), ALKA_OK);
    assert_int_equal(cap_send(from, root, CAP_TRANSFER_MOVE, 0, &more), ALKA_E_SERVICE_LIMIT);
    assert_int_equal(look(world, 0, root), ALKA_OK);
    for (uint32_t i = 0; i < PARCELS; i++)
        cap_discard(&world->space, parcels[i]);
    assert_int_equal(world->dropped_count, 1);
}

static void tables_reserve_what_they_may_need(void **state) {
    (void)state;
    struct world *world = world_make();
    struct cap_table more;
    struct cap_entry entries[NODES];
    uint32_t left = NODES - PARCELS - TABLES * HANDLES;
    assert_int_equal(cap_table_init(&more, &world->space, 9, entries, left + 1),
                     ALKA_E_SERVICE_LIMIT);
    assert_int_equal(cap_table_init(&more, &world->space, 9, entries, 0), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(cap_table_init(&more, &world->space, 9, entries, CAP_HANDLES_MAX + 1),
                     ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(cap_table_init(&more, &world->space, 9, entries, left), ALKA_OK);
    cap_table_drop(&world->tables[0]);
    struct cap_table small;
    assert_int_equal(cap_table_init(&small, &world->space, 9, world->entries[0], HANDLES), ALKA_OK);
}

static void grants_and_revocations_are_audited(void **state) {
    (void)state;
    struct world *world = world_make();
    uint64_t root = grant(world, 0, CAP_ALL_RIGHTS), moved;
    uint64_t child = derive(world, 0, root, CAP_READ | CAP_MOVE, 1);
    assert_int_equal(cap_move(&world->tables[1], child, &world->tables[2], &moved), ALKA_OK);
    assert_int_equal(cap_revoke(&world->tables[0], root), ALKA_OK);
    assert_int_equal(cap_close(&world->tables[0], root), ALKA_OK);
    cap_table_kill(&world->tables[1]);
    assert_int_equal(cap_close(&world->tables[0], root), ALKA_E_HANDLE_STALE); /* says nothing */

    static const struct cap_audit expected[] = {
        {CAP_ACT_GRANT, CAP_NOBODY, 100, CAP_ALL_RIGHTS, 0, {CAP_CHANNEL, &thing, 77}},
        {CAP_ACT_DELEGATE, 100, 101, CAP_READ | CAP_MOVE, 1, {CAP_CHANNEL, &thing, 77}},
        {CAP_ACT_MOVE, 101, 102, CAP_READ | CAP_MOVE, 1, {CAP_CHANNEL, &thing, 77}},
        {CAP_ACT_REVOKE, 100, CAP_NOBODY, CAP_ALL_RIGHTS, 0, {CAP_CHANNEL, &thing, 77}},
        {CAP_ACT_CLOSE, 100, CAP_NOBODY, CAP_ALL_RIGHTS, 0, {CAP_CHANNEL, &thing, 77}},
        {CAP_ACT_KILL, 101, CAP_NOBODY, 0, 0, {CAP_NOTHING, NULL, 0}},
    };
    assert_int_equal(world->record_count, sizeof expected / sizeof expected[0]);
    for (uint32_t i = 0; i < world->record_count; i++) {
        const struct cap_audit *is = &world->records[i], *should = &expected[i];
        assert_int_equal(is->act, should->act);
        assert_int_equal(is->from, should->from);
        assert_int_equal(is->to, should->to);
        assert_int_equal(is->rights, should->rights);
        assert_int_equal(is->depth, should->depth);
        assert_int_equal(is->object.kind, should->object.kind);
        assert_ptr_equal(is->object.object, should->object.object);
    }
    assert_string_equal(cap_act_name(CAP_ACT_KILL), "kill");
    assert_string_equal(cap_kind_name(CAP_DEVICE), "device");
    assert_string_equal(cap_kind_name(CAP_KIND_COUNT), "unknown");
}

/* 2^48 handles are too many to make: the entry is aged by hand. */
static void an_entry_without_serial_numbers_is_retired(void **state) {
    (void)state;
    struct world *world = world_make();
    uint64_t last_serial = (UINT64_C(1) << 48) - 1;
    for (uint32_t i = 0; i < HANDLES; i++)
        world->entries[0][i].serial = last_serial - 1;
    for (uint32_t i = 0; i < HANDLES; i++) {
        uint64_t handle = grant(world, 0, CAP_ALL_RIGHTS);
        assert_int_equal(handle >> 16, last_serial);
        if (i == HANDLES - 1) { /* moving the last one within the table finds no entry either */
            uint64_t out = 3;
            assert_int_equal(cap_move(&world->tables[0], handle, &world->tables[0], &out),
                             ALKA_E_HANDLE_LIMIT);
            assert_int_equal(out, 3);
        } else {
            assert_int_equal(cap_close(&world->tables[0], handle), ALKA_OK);
        }
    }
    uint64_t out;
    assert_int_equal(cap_grant(&world->tables[0], &channel, CAP_READ, &out), ALKA_E_HANDLE_LIMIT);
    assert_int_equal(world->dropped_count, HANDLES);
    assert_int_equal(world->tables[0].used, 0);
}

/* Only a death makes what is known about the living doubtful: a module cannot slow others down. */
static void ending_what_has_no_children_costs_others_nothing(void **state) {
    (void)state;
    struct world *world = world_make();
    uint64_t root = grant(world, 0, CAP_ALL_RIGHTS);
    uint64_t deaths = world->space.deaths;
    assert_int_equal(cap_revoke(&world->tables[0], root), ALKA_OK);
    assert_int_equal(cap_close(&world->tables[0], derive(world, 0, root, CAP_READ, 0)), ALKA_OK);
    assert_int_equal(world->space.deaths, deaths);
    assert_int_equal(cap_revoke(&world->tables[0], root), ALKA_OK);
    assert_int_equal(world->space.deaths, deaths + 1);
    assert_int_equal(cap_revoke(&world->tables[0], root), ALKA_OK);
    assert_int_equal(world->space.deaths, deaths + 1);
}

static void the_living_are_listed(void **state) {
    (void)state;
    struct world *world = world_make();
    uint64_t root = grant(world, 0, CAP_ALL_RIGHTS);
    uint64_t child = derive(world, 0, root, CAP_READ, 1);
    uint64_t own = grant(world, 1, CAP_WRITE);
    uint32_t cursor = 0;
    struct cap_view view;
    assert_true(cap_next(&world->tables[1], &cursor, &view));
    assert_int_equal(view.handle, child);
    assert_int_equal(view.depth, 1);
    assert_true(cap_next(&world->tables[1], &cursor, &view));
    assert_int_equal(view.handle, own);
    assert_false(cap_next(&world->tables[1], &cursor, &view));
    assert_int_equal(cap_revoke(&world->tables[0], root), ALKA_OK);
    cursor = 0;
    assert_true(cap_next(&world->tables[1], &cursor, &view));
    assert_int_equal(view.handle, own);
    assert_false(cap_next(&world->tables[1], &cursor, &view));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_granted_handle_finds_its_object),
        cmocka_unit_test(made_up_handles_find_nothing),
        cmocka_unit_test(a_closed_handle_stays_closed_when_its_entry_is_used_again),
        cmocka_unit_test(delegation_can_only_lose_rights),
        cmocka_unit_test(revoking_reaches_everything_below_and_nothing_else),
        cmocka_unit_test(a_moved_capability_does_not_depend_on_its_giver),
        cmocka_unit_test(a_killed_holder_can_be_given_new_handles_at_once),
        cmocka_unit_test(a_full_table_is_refused_until_something_in_it_dies),
        cmocka_unit_test(delegation_ends_at_its_depth),
        cmocka_unit_test(parcels_carry_and_can_be_revoked_on_their_way),
        cmocka_unit_test(several_are_sent_or_none),
        cmocka_unit_test(parcels_are_limited_and_a_discarded_root_is_dropped),
        cmocka_unit_test(tables_reserve_what_they_may_need),
        cmocka_unit_test(grants_and_revocations_are_audited),
        cmocka_unit_test(an_entry_without_serial_numbers_is_retired),
        cmocka_unit_test(ending_what_has_no_children_costs_others_nothing),
        cmocka_unit_test(the_living_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
