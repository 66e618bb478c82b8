/* Trees in situations that can be followed by hand: what is commanded, in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <supervise/supervise.h>

enum { NODES = 16 };
#define MS UINT64_C(1000000)

static struct supervise tree;
static struct supervise_node nodes[NODES];
static char said[1024]; /* commands since the last look: "+1 -2 !3 ?0 .0" */
static uint64_t now;

static void on_command(void *self, enum supervise_command command, uint32_t node) {
    (void)self;
    size_t used = strlen(said);
    (void)snprintf(said + used, sizeof said - used, "%s%c%u", used == 0 ? "" : " ",
                   "+-!?."[command], node);
}

static void assert_said(const char *expected) {
    assert_string_equal(said, expected);
    said[0] = '\0';
}

static const struct supervise_host host = {on_command, NULL};

static struct supervise_spec supervisor(enum supervise_strategy strategy) {
    return (struct supervise_spec){
        .is_supervisor = true, .strategy = strategy, .intensity = 3, .period_ns = 1000 * MS};
}

static struct supervise_spec worker(enum supervise_restart restart) {
    return (struct supervise_spec){.restart = restart, .shutdown_ns = 100 * MS};
}

static void begin(enum supervise_strategy strategy) {
    struct supervise_spec root = supervisor(strategy);
    now = 5000 * MS;
    said[0] = '\0';
    assert_int_equal(supervise_init(&tree, nodes, NODES, &root, &host), ALKA_OK);
}

static uint32_t add(uint32_t parent, struct supervise_spec spec) {
    uint32_t node = 0;
    assert_int_equal(supervise_add(&tree, parent, &spec, &node), ALKA_OK);
    return node;
}

static void up(uint32_t node) { supervise_started(&tree, node, now); }
static void crash(uint32_t node) { supervise_exited(&tree, node, false, now); }
static void finish(uint32_t node) { supervise_exited(&tree, node, true, now); }

/* Root and three permanent workers, all up. */
static void begin_three(enum supervise_strategy strategy) {
    begin(strategy);
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT)), i);
    supervise_begin(&tree, now);
    for (uint32_t i = 1; i <= 3; i++)
        up(i);
    assert_said("+1 +2 +3");
    assert_int_equal(nodes[0].state, SUPERVISE_IS_UP);
}

static void children_start_in_order_and_stop_in_reverse(void **state) {
    (void)state;
    begin(SUPERVISE_ONE_FOR_ONE);
    add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    supervise_begin(&tree, now);
    assert_said("+1"); /* 2 waits for 1 */
    supervise_begin(&tree, now);
    assert_said("");
    up(2); /* was not started: ignored */
    assert_said("");
    up(1);
    assert_said("+2");
    assert_int_equal(nodes[0].state, SUPERVISE_IS_STARTING);
    up(2);
    assert_int_equal(nodes[0].state, SUPERVISE_IS_UP);
    supervise_end(&tree, now);
    assert_said("-2");
    finish(2);
    assert_said("-1");
    crash(1); /* how it ends does not matter any more */
    assert_said(".0");
    finish(1);
    assert_said("");
}

static void one_for_one_restarts_the_one(void **state) {
    (void)state;
    begin_three(SUPERVISE_ONE_FOR_ONE);
    crash(2);
    assert_said("+2");
    up(2);
    finish(1); /* permanent: normally or not */
    assert_said("+1");
}

static void one_for_all_restarts_all(void **state) {
    (void)state;
    begin_three(SUPERVISE_ONE_FOR_ALL);
    crash(2);
    assert_said("-3");
    finish(3);
    assert_said("-1");
    finish(1);
    assert_said("+1");
    up(1);
    assert_said("+2");
    up(2);
    assert_said("+3");
    up(3);
    assert_said("");
}

static void rest_for_one_restarts_the_younger(void **state) {
    (void)state;
    begin_three(SUPERVISE_REST_FOR_ONE);
    crash(2);
    assert_said("-3");
    finish(3);
    assert_said("+2");
    up(2);
    assert_said("+3");
    up(3);
    assert_said("");
}

static void an_older_failure_widens_a_restart_under_way(void **state) {
    (void)state;
    begin_three(SUPERVISE_REST_FOR_ONE);
    crash(3);
    assert_said("+3");
    crash(2); /* while 3 starts */
    assert_said("-3");
    crash(1); /* while 3 stops */
    assert_said("");
    finish(3);
    assert_said("+1");
    up(1);
    assert_said("+2");
    up(2);
    assert_said("+3");
    assert_int_equal(nodes[0].restarts, 3);
}

static void restart_types_decide(void **state) {
    (void)state;
    begin(SUPERVISE_ONE_FOR_ALL);
    add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    add(SUPERVISE_ROOT, worker(SUPERVISE_TRANSIENT));
    add(SUPERVISE_ROOT, worker(SUPERVISE_TEMPORARY));
    supervise_begin(&tree, now);
    up(1);
    finish(2); /* before it said that it is up: it was a short one */
    up(3);
    assert_said("+1 +2 +3");
    crash(3);
    assert_said(""); /* temporary: never */
    assert_string_equal(supervise_word(&nodes[3]), "out");
    crash(
        1); /* the group begins anew: the transient one belongs to it, the temporary one does not */
    assert_said("+1");
    up(1);
    assert_said("+2");
    up(2);
    assert_said("");
    crash(2);
    assert_said("-1");
}

static void a_temporary_child_stopped_for_others_stays_down(void **state) {
    (void)state;
    begin(SUPERVISE_ONE_FOR_ALL);
    add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    add(SUPERVISE_ROOT, worker(SUPERVISE_TEMPORARY));
    supervise_begin(&tree, now);
    up(1);
    up(2);
    crash(1);
    assert_said("+1 +2 -2");
    finish(2);
    assert_said("+1");
    up(1);
    assert_said("");
}

static void too_many_restarts_end_the_supervisor(void **state) {
    (void)state;
    begin_three(SUPERVISE_ONE_FOR_ONE);
    for (int i = 0; i < 3; i++) {
        crash(2);
        assert_said("+2");
        up(2);
    }
    crash(2);
    assert_said("?0 -3");
    finish(3);
    assert_said("-1");
    finish(1);
    assert_said(".0");
    assert_int_equal(nodes[0].state, SUPERVISE_IS_DOWN);
    supervise_begin(&tree, now); /* from the start, with a clean record */
    assert_said("+1");
}

static void the_period_forgets(void **state) {
    (void)state;
    begin_three(SUPERVISE_ONE_FOR_ONE);
    for (int i = 0; i < 20; i++) {
        crash(2);
        assert_said("+2");
        up(2);
        now += 334 * MS; /* 1002 ms for 3 */
    }
}

static void giving_up_is_a_failure_one_level_up(void **state) {
    (void)state;
    begin(SUPERVISE_ONE_FOR_ONE);
    struct supervise_spec strict = supervisor(SUPERVISE_ONE_FOR_ONE);
    strict.intensity = 0;
    add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    uint32_t inner = add(SUPERVISE_ROOT, strict);
    add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    uint32_t a = add(inner, worker(SUPERVISE_PERMANENT));
    uint32_t b = add(inner, worker(SUPERVISE_PERMANENT));
    supervise_begin(&tree, now);
    up(1);
    assert_said("+1 +4"); /* 3 waits until all of 2 is up */
    up(a);
    up(b);
    assert_said("+5 +3");
    up(3);
    crash(a);
    assert_said("?2 -5");
    assert_string_equal(supervise_word(&nodes[inner]), "stopping");
    finish(b);
    assert_said("+4"); /* the root has started it again */
    up(a);
    up(b);
    assert_said("+5");
    assert_int_equal(nodes[inner].state, SUPERVISE_IS_UP);
    assert_int_equal(nodes[0].restarts, 1);
}

static void a_supervisor_that_cannot_start_is_waited_for(void **state) {
    (void)state;
    begin(SUPERVISE_ONE_FOR_ONE);
    struct supervise_spec strict = supervisor(SUPERVISE_ONE_FOR_ALL);
    strict.intensity = 0;
    uint32_t first = add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    uint32_t inner = add(SUPERVISE_ROOT, strict);
    add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    uint32_t a = add(inner, worker(SUPERVISE_PERMANENT));
    uint32_t b = add(inner, worker(SUPERVISE_PERMANENT));
    supervise_begin(&tree, now);
    up(first);
    up(a);
    crash(b);
    assert_said("+1 +4 +5 ?2 -4");
    crash(first);
    assert_said("+1"); /* but the last one is not started meanwhile */
    finish(a);
    assert_said("+4");
    up(a);
    up(b);
    assert_said("+5 +3");
}

static void repeated_failures_wait_longer(void **state) {
    (void)state;
    begin(SUPERVISE_ONE_FOR_ONE);
    nodes[0].spec.intensity = 31;
    nodes[0].spec.backoff_first_ns = 10 * MS;
    nodes[0].spec.backoff_max_ns = 35 * MS;
    nodes[0].spec.period_ns = 60 * MS;
    add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    supervise_begin(&tree, now);
    up(1);
    up(2);
    assert_said("+1 +2");
    crash(1);
    assert_said("+1"); /* at once */
    static const uint64_t delays[] = {10 * MS, 20 * MS, 35 * MS, 35 * MS};
    for (uint32_t i = 0; i < 4; i++) {
        crash(1);
        assert_said("");
        assert_string_equal(supervise_word(&nodes[1]), "waiting");
        assert_int_equal(supervise_alarm(&tree), now + delays[i]);
        supervise_tick(&tree, now + delays[i] - 1);
        assert_said("");
        if (i == 0) {
            crash(2); /* others are not concerned */
            assert_said("+2");
            up(2);
        }
        now += delays[i];
        supervise_tick(&tree, now);
        assert_said("+1");
    }
    up(1);
    now += 60 * MS; /* a period without failure: all is forgiven */
    crash(1);
    assert_said("+1");
    crash(1);
    assert_said("");
    assert_int_equal(supervise_release(&tree, 1, now), ALKA_OK); /* somebody is impatient */
    assert_said("+1");
    assert_int_equal(supervise_alarm(&tree), SUPERVISE_NEVER);
    crash(1); /* and starts a new row of failures */
    assert_said("+1");
    crash(1);
    supervise_end(&tree, now); /* nobody waits for one that waits */
    assert_said("-2");
    finish(2);
    assert_said(".0");
    assert_int_equal(supervise_alarm(&tree), SUPERVISE_NEVER);
}

static void a_group_waits_together(void **state) {
    (void)state;
    begin(SUPERVISE_ONE_FOR_ALL);
    nodes[0].spec.backoff_first_ns = 10 * MS;
    nodes[0].spec.backoff_max_ns = 10 * MS;
    add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    supervise_begin(&tree, now);
    up(1);
    crash(2);
    assert_said("+1 +2 -1");
    finish(1);
    assert_said("+1"); /* the first restart: at once */
    up(1);
    crash(2);
    assert_said("+2 -1");
    finish(1);
    assert_said("");
    assert_int_equal(supervise_alarm(&tree), now + 10 * MS);
    now += 10 * MS;
    supervise_tick(&tree, now);
    assert_said("+1");
    crash(1);
    assert_said("+1");
    crash(1); /* the fourth within a second */
    assert_said("?0 .0");
    assert_int_equal(supervise_alarm(&tree), SUPERVISE_NEVER);
    supervise_begin(&tree, now);
    crash(1); /* its row of failures goes on: now it waits */
    assert_said("+1");
    supervise_end(&tree, now); /* nobody waits for that */
    assert_said(".0");
    assert_int_equal(supervise_alarm(&tree), SUPERVISE_NEVER);
}

static void the_longest_delay_counts(void **state) {
    (void)state;
    begin_three(SUPERVISE_REST_FOR_ONE);
    nodes[0].spec.backoff_first_ns = nodes[0].spec.backoff_max_ns = 10 * MS;
    crash(2);
    finish(3);
    assert_said("-3 +2");
    crash(2);
    assert_int_equal(supervise_alarm(&tree), now + 10 * MS);
    now += 4 * MS;
    crash(1); /* its first failure, without delay of its own */
    assert_said("");
    assert_int_equal(supervise_alarm(&tree), now + 6 * MS);
    now += 6 * MS;
    supervise_tick(&tree, now);
    assert_said("+1");
}

static void answers_that_come_late_are_ignored(void **state) {
    (void)state;
    begin(SUPERVISE_ONE_FOR_ONE);
    struct supervise_spec beating = worker(SUPERVISE_PERMANENT);
    beating.heartbeat_ns = 500 * MS;
    add(SUPERVISE_ROOT, beating);
    supervise_begin(&tree, now);
    supervise_end(&tree, now);
    up(1);
    supervise_beat(&tree, 1, now);
    assert_said("+1 -1");
    assert_string_equal(supervise_word(&nodes[1]), "stopping");
    assert_int_equal(supervise_alarm(&tree), now + 100 * MS);
    finish(1);
    up(1);
    supervise_beat(&tree, 1, now);
    supervise_refused(&tree, 1, now);
    supervise_exited(&tree, 99, false, now);
    supervise_exited(&tree, SUPERVISE_ROOT, false, now);
    assert_said(".0");
    assert_string_equal(supervise_word(&nodes[1]), "down");
}

static void what_people_ask_for_is_done_once(void **state) {
    (void)state;
    begin_three(SUPERVISE_ONE_FOR_ALL);
    assert_int_equal(supervise_restart(&tree, 2, now), ALKA_OK);
    crash(1);
    assert_said("-2 -3");
    finish(3);
    finish(2); /* the group has taken it over */
    for (uint32_t i = 1; i <= 3; i++)
        up(i);
    assert_said("+1 +2 +3");
    crash(2); /* a failure of its own */
    assert_said("-3");
    finish(3);
    finish(1);
    for (uint32_t i = 1; i <= 3; i++)
        up(i);
    assert_said("-1 +1 +2 +3");
    assert_int_equal(supervise_release(&tree, 2, now), ALKA_OK); /* is up: nothing to do */
    crash(2);
    assert_said("-3");
    assert_int_equal(nodes[0].restarts, 3);
}

static void stopping_does_not_wait_forever(void **state) {
    (void)state;
    begin(SUPERVISE_ONE_FOR_ONE);
    struct supervise_spec brutal = worker(SUPERVISE_PERMANENT), patient = brutal;
    brutal.shutdown_ns = 0;
    patient.shutdown_ns = SUPERVISE_NEVER;
    add(SUPERVISE_ROOT, patient);
    add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    add(SUPERVISE_ROOT, brutal);
    supervise_begin(&tree, now);
    for (uint32_t i = 1; i <= 3; i++)
        up(i);
    said[0] = '\0';
    supervise_end(&tree, now);
    assert_said("!3"); /* is not asked */
    crash(3);
    assert_said("-2");
    assert_int_equal(supervise_alarm(&tree), now + 100 * MS);
    now += 100 * MS;
    supervise_tick(&tree, now);
    assert_said("!2");
    supervise_tick(&tree, now + 1000 * MS);
    assert_said("");
    crash(2);
    assert_said("-1");
    assert_int_equal(supervise_alarm(&tree), SUPERVISE_NEVER);
    finish(1);
    assert_said(".0");
}

static void a_missing_heartbeat_is_a_failure(void **state) {
    (void)state;
    begin(SUPERVISE_ONE_FOR_ONE);
    struct supervise_spec beating = worker(SUPERVISE_TRANSIENT);
    beating.heartbeat_ns = 50 * MS;
    add(SUPERVISE_ROOT, beating);
    supervise_begin(&tree, now);
    assert_int_equal(supervise_alarm(&tree), SUPERVISE_NEVER); /* it may take its time to start */
    up(1);
    assert_said("+1");
    for (int i = 0; i < 5; i++) {
        now += 49 * MS;
        supervise_tick(&tree, now);
        supervise_beat(&tree, 1, now);
    }
    assert_said("");
    now += 50 * MS;
    supervise_tick(&tree, now);
    assert_said("!1");
    supervise_beat(&tree, 1, now); /* too late */
    finish(1);                     /* even so: a transient one is started again */
    assert_said("+1");
    up(1);
    finish(1);
    assert_said("");
}

static void refused_modules_are_left_out(void **state) {
    (void)state;
    begin(SUPERVISE_ONE_FOR_ALL);
    for (uint32_t i = 1; i <= 3; i++)
        add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    supervise_begin(&tree, now);
    up(1);
    supervise_refused(&tree, 2, now);
    assert_said("+1 +2 +3");
    up(3);
    assert_int_equal(nodes[0].state, SUPERVISE_IS_UP);
    crash(3);
    finish(1);
    assert_said("-1 +1");
    up(1);
    assert_said("+3");                                           /* not 2 */
    assert_int_equal(supervise_release(&tree, 2, now), ALKA_OK); /* the group will come to 3 … */
    assert_said("+2");                                           /* … but is beyond 2 already */
}

static void people_can_hold_release_and_restart(void **state) {
    (void)state;
    begin_three(SUPERVISE_ONE_FOR_ALL);
    assert_int_equal(supervise_hold(&tree, 2, now), ALKA_OK);
    assert_said("-2");
    finish(2);
    assert_said("");
    assert_string_equal(supervise_word(&nodes[2]), "held");
    crash(1);
    assert_said("-3");
    finish(3);
    assert_said("+1");
    up(1);
    assert_said("+3");
    up(3);
    assert_int_equal(supervise_release(&tree, 2, now), ALKA_OK);
    assert_said("+2");
    up(2);
    assert_int_equal(supervise_release(&tree, 2, now), ALKA_OK); /* is not held */
    assert_said("");
    assert_int_equal(supervise_restart(&tree, 2, now), ALKA_OK);
    assert_said("-2");
    crash(2); /* asked for: no failure of the group */
    assert_said("+2");
    assert_int_equal(nodes[0].restarts, 1);
    up(2);
    /* Changing one's mind while it stops. */
    assert_int_equal(supervise_hold(&tree, 2, now), ALKA_OK);
    assert_int_equal(supervise_release(&tree, 2, now), ALKA_OK);
    finish(2);
    assert_said("-2 +2");
    assert_int_equal(supervise_hold(&tree, SUPERVISE_ROOT, now), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(supervise_hold(&tree, 99, now), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(supervise_restart(&tree, 9, now), ALKA_E_SERVICE_ARGUMENT);
}

static void holding_a_supervisor_holds_its_children(void **state) {
    (void)state;
    begin(SUPERVISE_ONE_FOR_ONE);
    uint32_t inner = add(SUPERVISE_ROOT, supervisor(SUPERVISE_ONE_FOR_ONE));
    uint32_t a = add(inner, worker(SUPERVISE_PERMANENT));
    supervise_begin(&tree, now);
    up(a);
    assert_int_equal(supervise_hold(&tree, inner, now), ALKA_OK);
    assert_said("+2 -2");
    finish(a);
    assert_int_equal(supervise_release(&tree, a, now), ALKA_OK); /* its supervisor is down */
    assert_said("");
    assert_int_equal(supervise_release(&tree, inner, now), ALKA_OK);
    assert_said("+2");
    up(a);
    assert_int_equal(supervise_restart(&tree, inner, now), ALKA_OK);
    assert_said("-2");
    finish(a);
    assert_said("+2");
}

static void trees_change_while_they_live(void **state) {
    (void)state;
    begin_three(SUPERVISE_ONE_FOR_ONE);
    uint32_t late = add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT));
    assert_said("");
    assert_int_equal(supervise_release(&tree, late, now), ALKA_OK);
    assert_said("+4");
    assert_int_equal(supervise_remove(&tree, late), ALKA_E_SERVICE_ARGUMENT); /* not down */
    assert_int_equal(supervise_hold(&tree, late, now), ALKA_OK);
    finish(late);
    assert_int_equal(supervise_remove(&tree, late), ALKA_OK);
    assert_int_equal(supervise_remove(&tree, late), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(supervise_hold(&tree, 2, now), ALKA_OK);
    finish(2);
    assert_int_equal(supervise_remove(&tree, 2), ALKA_OK);                 /* from the middle */
    assert_int_equal(add(SUPERVISE_ROOT, worker(SUPERVISE_PERMANENT)), 2); /* its node again */
    said[0] = '\0';
    supervise_end(&tree, now);
    finish(3);
    finish(1);
    assert_said("-3 -1 .0");
    uint32_t node;
    struct supervise_spec bad = supervisor(SUPERVISE_ONE_FOR_ONE);
    bad.intensity = SUPERVISE_INTENSITY_MAX + 1;
    assert_int_equal(supervise_add(&tree, 0, &bad, &node), ALKA_E_SERVICE_ARGUMENT);
    bad = supervisor((enum supervise_strategy)3);
    assert_int_equal(supervise_add(&tree, 0, &bad, &node), ALKA_E_SERVICE_ARGUMENT);
    bad = supervisor(SUPERVISE_ONE_FOR_ONE);
    bad.period_ns = 0;
    assert_int_equal(supervise_add(&tree, 0, &bad, &node), ALKA_E_SERVICE_ARGUMENT);
    bad = worker((enum supervise_restart)3);
    assert_int_equal(supervise_add(&tree, 0, &bad, &node), ALKA_E_SERVICE_ARGUMENT);
    bad = worker(SUPERVISE_PERMANENT);
    assert_int_equal(supervise_add(&tree, 1, &bad, &node), ALKA_E_SERVICE_ARGUMENT);
    while (supervise_add(&tree, 0, &bad, &node) == ALKA_OK)
        ;
    assert_int_equal(supervise_add(&tree, 0, &bad, &node), ALKA_E_SERVICE_LIMIT);
    assert_int_equal(supervise_init(&tree, nodes, NODES, &bad, &host), ALKA_E_SERVICE_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_start_in_order_and_stop_in_reverse),
        cmocka_unit_test(one_for_one_restarts_the_one),
        cmocka_unit_test(one_for_all_restarts_all),
        cmocka_unit_test(rest_for_one_restarts_the_younger),
        cmocka_unit_test(an_older_failure_widens_a_restart_under_way),
        cmocka_unit_test(restart_types_decide),
        cmocka_unit_test(a_temporary_child_stopped_for_others_stays_down),
        cmocka_unit_test(too_many_restarts_end_the_supervisor),
        cmocka_unit_test(the_period_forgets),
        cmocka_unit_test(giving_up_is_a_failure_one_level_up),
        cmocka_unit_test(a_supervisor_that_cannot_start_is_waited_for),
        cmocka_unit_test(repeated_failures_wait_longer),
        cmocka_unit_test(a_group_waits_together),
        cmocka_unit_test(the_longest_delay_counts),
        cmocka_unit_test(stopping_does_not_wait_forever),
        cmocka_unit_test(answers_that_come_late_are_ignored),
        cmocka_unit_test(what_people_ask_for_is_done_once),
        cmocka_unit_test(a_missing_heartbeat_is_a_failure),
        cmocka_unit_test(refused_modules_are_left_out),
        cmocka_unit_test(people_can_hold_release_and_restart),
        cmocka_unit_test(holding_a_supervisor_holds_its_children),
        cmocka_unit_test(trees_change_while_they_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
