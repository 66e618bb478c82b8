/* The scheduler in situations that can be worked out by hand, on a machine that is made of a clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sched/policy.h>

enum { CPUS = 3, THREADS = 8 };
#define MS UINT64_C(1000000)
#define START (1000 * MS)

static struct sched sched;
static struct sched_round_robin round_robin;
static struct sched_fair fair;
static struct sched_account unlimited, limited;
static struct sched_thread threads[THREADS];
static uint32_t kicks[CPUS];
static uint64_t now;

static void on_kick(void *self, uint32_t cpu) {
    (void)self;
    assert_true(cpu < CPUS);
    kicks[cpu]++;
}

static void begin(struct sched_policy *policy, uint32_t cpu_count) {
    struct sched_host host = {on_kick, NULL};
    now = START;
    sched_init(&sched, policy, cpu_count, &host, now);
    sched_account_init(&unlimited, 0, 0);
    sched_account_init(&limited, 2 * MS, 10 * MS);
    memset(threads, 0, sizeof threads);
    memset(kicks, 0, sizeof kicks);
    for (uint32_t i = 0; i < THREADS; i++) {
        threads[i].account = &unlimited;
        threads[i].priority = SCHED_PRIORITY_NORMAL;
    }
}

static void begin_round_robin(void) { begin(sched_round_robin_init(&round_robin), 1); }

static void start(uint32_t i) { sched_start(&sched, &threads[i], now); }

static void assert_next(int expected) {
    struct sched_thread *next = sched_next(&sched, 0, now);
    assert_int_equal(next == NULL ? -1 : (int)(next - threads), expected);
}

/* Sleeps until the alarm, as the machine would. */
static void to_alarm(void) {
    uint64_t alarm = sched_alarm(&sched, 0);
    assert_int_not_equal(alarm, SCHED_NEVER);
    assert_true(alarm >= now);
    now = alarm;
    sched_expire(&sched, now);
}

static void a_thread_alone_is_never_interrupted(void **state) {
    (void)state;
    begin_round_robin();
    assert_next(-1);
    assert_int_equal(sched_alarm(&sched, 0), SCHED_NEVER);
    start(0);
    assert_int_equal(kicks[0], 1);
    assert_next(0);
    assert_int_equal(sched_alarm(&sched, 0), SCHED_NEVER);
    now += 1000000 * MS;
    assert_next(0);
    assert_int_equal(threads[0].used_ns, 1000000 * MS);
    assert_int_equal(threads[0].run_count, 1);
}

static void equals_take_turns(void **state) {
    (void)state;
    begin_round_robin();
    for (uint32_t i = 0; i < 3; i++)
        start(i);
    for (int turn = 0; turn < 9; turn++) {
        assert_next(turn % 3);
        assert_int_equal(sched_alarm(&sched, 0), now + SCHED_ROUND_ROBIN_SLICE_NS);
        to_alarm();
    }
}

static void the_higher_one_goes_first_and_the_lower_one_keeps_its_turn(void **state) {
    (void)state;
    begin_round_robin();
    start(0);
    start(1);
    assert_next(0);
    now += SCHED_ROUND_ROBIN_SLICE_NS / 4;
    threads[2].priority = SCHED_PRIORITY_NORMAL + 1;
    kicks[0] = 0;
    start(2);
    assert_int_equal(kicks[0], 1);
    assert_next(2);
    assert_int_equal(sched_alarm(&sched, 0), SCHED_NEVER);
    now += 50 * MS;
    sched_exit(&sched, 0);
    assert_next(0);
    assert_int_equal(sched_alarm(&sched, 0), now + SCHED_ROUND_ROBIN_SLICE_NS * 3 / 4);
    kicks[0] = 0;
    threads[3].priority = SCHED_PRIORITY_NORMAL - 1;
    start(3);
    assert_int_equal(kicks[0], 0);
    to_alarm();
    assert_next(1);
}

static void yielding_lets_equals_go_first(void **state) {
    (void)state;
    begin_round_robin();
    start(0);
    assert_next(0);
    sched_give_way(&sched, 0);
    assert_next(0);
    start(1);
    sched_give_way(&sched, 0);
    assert_next(1);
    sched_give_way(&sched, 0);
    assert_next(0);
    assert_next(0);
}

static void a_deadline_ends_a_wait_to_the_nanosecond(void **state) {
    (void)state;
    begin_round_robin();
    start(0);
    start(1);
    assert_next(0);
    assert_true(sched_block(&sched, 0, now + 7 * MS, now));
    assert_next(1);
    assert_true(sched_block(&sched, 0, now + 3 * MS, now));
    assert_next(-1);
    assert_int_equal(sched_alarm(&sched, 0), START + 3 * MS);
    to_alarm();
    assert_next(1);
    assert_int_equal(threads[1].woken_by, ALKA_E_TIMED_OUT);
    assert_int_equal(threads[0].state, SCHED_WAITING);
    sched_wake(&sched, &threads[0], now);
    assert_int_equal(threads[0].woken_by, ALKA_OK);
    assert_int_equal(sched.timers.count, 0);
    assert_int_equal(sched.cpus[0].idle_ns, 3 * MS);
}

static void a_wait_that_is_over_before_it_begins_does_not_block(void **state) {
    (void)state;
    begin_round_robin();
    start(0);
    assert_next(0);
    assert_false(sched_block(&sched, 0, now, now));
    assert_int_equal(threads[0].woken_by, ALKA_E_TIMED_OUT);
    sched_wake(&sched, &threads[0], now);
    assert_false(sched_block(&sched, 0, SCHED_NEVER, now));
    assert_int_equal(threads[0].woken_by, ALKA_OK);
    assert_true(sched_block(&sched, 0, SCHED_NEVER, now)); /* one wake-up counts once */
    assert_next(-1);
}

static void killing_ends_waits_and_forbids_new_ones(void **state) {
    (void)state;
    begin_round_robin();
    start(0);
    assert_next(0);
    assert_true(sched_block(&sched, 0, now + MS, now));
    assert_next(-1);
    sched_kill(&sched, &threads[0], now);
    assert_next(0);
    assert_int_equal(threads[0].woken_by, ALKA_E_INTERRUPTED);
    assert_true(threads[0].kill_pending);
    assert_false(sched_block(&sched, 0, SCHED_NEVER, now));
    assert_int_equal(threads[0].woken_by, ALKA_E_INTERRUPTED);
    assert_int_equal(sched.timers.count, 0);
    kicks[0] = 0;
    sched_kill(&sched, &threads[0], now);
    assert_int_equal(kicks[0], 1); /* it runs: its processor must look */
    sched_exit(&sched, 0);
    assert_next(-1);
    sched_kill(&sched, &threads[0], now);
    sched_wake(&sched, &threads[0], now);
    assert_next(-1);
    assert_int_equal(threads[0].state, SCHED_DEAD);
}

static void a_budget_is_spent_to_the_nanosecond_and_comes_back(void **state) {
    (void)state;
    begin_round_robin();
    threads[0].account = threads[1].account = &limited;
    threads[0].priority = threads[1].priority = SCHED_PRIORITY_NORMAL + 1;
    for (uint32_t i = 0; i < 3; i++)
        start(i);
    for (uint64_t period = 0; period < 5; period++) {
        assert_next(0);
        assert_int_equal(sched_alarm(&sched, 0), START + period * 10 * MS + 2 * MS);
        to_alarm();
        assert_next(2);
        assert_int_equal(threads[0].state, SCHED_THROTTLED);
        assert_int_equal(threads[1].state, SCHED_THROTTLED);
        assert_int_equal(sched_alarm(&sched, 0), START + (period + 1) * 10 * MS);
        to_alarm();
    }
    assert_next(0);
    assert_int_equal(limited.used_ns, 10 * MS);
    assert_int_equal(threads[2].used_ns, 40 * MS);
}

static void what_was_overspent_is_paid_back(void **state) {
    (void)state;
    begin_round_robin();
    threads[0].account = &limited;
    start(0);
    assert_next(0);
    now += 5 * MS; /* the timer came late: 3 ms too much, more than a period's budget */
    assert_next(-1);
    assert_int_equal(sched_alarm(&sched, 0), START + 20 * MS);
    to_alarm();
    assert_next(0);
    assert_int_equal(sched_alarm(&sched, 0), now + MS);
    /* A long sleep pays everything back and saves nothing up. */
    assert_true(sched_block(&sched, 0, now + 1000 * MS, now));
    assert_next(-1);
    to_alarm();
    assert_next(0);
    assert_int_equal(sched_alarm(&sched, 0), now + 2 * MS);
}

static void who_reads_accounts_sees_what_runs_up_to_now(void **state) {
    (void)state;
    begin_round_robin();
    threads[0].account = &limited;
    start(0);
    assert_next(0);
    uint64_t used = threads[0].used_ns, paid = limited.used_ns;
    now += MS / 2;
    sched_charge_running(&sched, 0, now);
    assert_int_equal(threads[0].used_ns, used + MS / 2);
    assert_int_equal(limited.used_ns, paid + MS / 2);
    sched_charge_running(&sched, 0, now);
    assert_int_equal(threads[0].used_ns, used + MS / 2);
}

static void a_throttled_thread_can_be_killed_at_once(void **state) {
    (void)state;
    begin_round_robin();
    threads[0].account = &limited;
    start(0);
    assert_next(0);
    to_alarm();
    assert_next(-1);
    sched_kill(&sched, &threads[0], now);
    assert_next(0);
    assert_int_equal(sched_alarm(&sched, 0), SCHED_NEVER);
    assert_int_equal(sched.refills.count, 0);
    sched_exit(&sched, 0);
    assert_next(-1);
}

static void who_is_excused_runs_without_a_budget_and_owes_it(void **state) {
    (void)state;
    begin_round_robin();
    threads[0].account = &limited;
    start(0);
    assert_next(0);
    to_alarm();
    assert_next(-1);
    sched_excuse(&sched, &threads[0], true, now);
    assert_next(0);
    assert_int_equal(sched_alarm(&sched, 0), SCHED_NEVER);
    assert_int_equal(sched.refills.count, 0);
    now += 1 * MS;
    assert_next(0);
    kicks[0] = 0;
    sched_excuse(&sched, &threads[0], false, now);
    assert_int_equal(kicks[0], 1);
    assert_next(-1);
    assert_int_equal(limited.left_ns, -(int64_t)MS);
    to_alarm();
    assert_next(0);
    assert_int_equal(now, START + 10 * MS);
    assert_int_equal(sched_alarm(&sched, 0), now + 1 * MS); /* the other one is paid back */
}

static void a_new_limit_counts_at_once(void **state) {
    (void)state;
    begin_round_robin();
    threads[0].account = &limited;
    start(0);
    assert_next(0);
    to_alarm();
    assert_next(-1);
    sched_account_limit(&sched, &limited, 0, 0, now);
    assert_next(0);
    assert_int_equal(sched_alarm(&sched, 0), SCHED_NEVER);
    kicks[0] = 0;
    sched_account_limit(&sched, &limited, MS, 4 * MS, now);
    assert_int_equal(kicks[0], 1);
    assert_next(0);
    assert_int_equal(sched_alarm(&sched, 0), now + MS);
    sched_set_account(&sched, &threads[0], &unlimited, now);
    assert_int_equal(sched_alarm(&sched, 0), SCHED_NEVER);
    sched_set_account(&sched, &threads[0], &limited, now);
    to_alarm();
    assert_next(-1);
    sched_set_account(&sched, &threads[0], &unlimited, now);
    assert_next(0);
    assert_int_equal(unlimited.running, 1);
    assert_int_equal(limited.running, 0);
}

static void priorities_can_change_while_it_runs_or_waits_its_turn(void **state) {
    (void)state;
    begin_round_robin();
    start(0);
    start(1);
    assert_next(0);
    kicks[0] = 0;
    sched_set_priority(&sched, &threads[1], 31, now);
    assert_int_equal(kicks[0], 1);
    assert_next(1);
    kicks[0] = 0;
    sched_set_priority(&sched, &threads[1], 0, now);
    assert_int_equal(kicks[0], 1);
    assert_next(0);
    assert_int_equal(threads[1].state, SCHED_READY);
}

static void processors_are_kicked_when_there_is_work(void **state) {
    (void)state;
    begin(sched_round_robin_init(&round_robin), CPUS);
    start(0);
    start(1);
    assert_int_equal(kicks[0], 2); /* it was the first idle one, twice … */
    assert_ptr_equal(sched_next(&sched, 0, now), &threads[0]);
    assert_int_equal(kicks[1], 1); /* … and offers on what it does not take */
    assert_ptr_equal(sched_next(&sched, 1, now), &threads[1]);
    assert_null(sched_next(&sched, 2, now));
    start(2);
    assert_int_equal(kicks[2], 1);
    assert_ptr_equal(sched_next(&sched, 2, now), &threads[2]);
    memset(kicks, 0, sizeof kicks);
    start(3); /* equal to all: nobody is disturbed */
    assert_int_equal(kicks[0] + kicks[1] + kicks[2], 0);
    threads[4].priority = 20;
    start(4);
    assert_int_equal(kicks[0] + kicks[1] + kicks[2], 1);
}

static void processors_share_a_budget(void **state) {
    (void)state;
    begin(sched_round_robin_init(&round_robin), 2);
    threads[0].account = threads[1].account = &limited;
    start(0);
    start(1);
    assert_non_null(sched_next(&sched, 0, now));
    assert_non_null(sched_next(&sched, 1, now));
    assert_int_equal(sched_alarm(&sched, 0), now + MS);
    assert_int_equal(sched_alarm(&sched, 1), now + MS);
    now += 3 * MS; /* late */
    assert_null(sched_next(&sched, 0, now));
    assert_int_equal(sched_alarm(&sched, 1), START); /* at once */
    assert_null(sched_next(&sched, 1, now));
    assert_int_equal(limited.left_ns, 2 * (int64_t)MS - 6 * (int64_t)MS);
}

static void who_pays_changes_from_that_moment_on(void **state) {
    (void)state;
    begin_round_robin();
    start(0);
    assert_next(0);
    now += 5 * MS;
    sched_set_account(&sched, &threads[0], &limited, now);
    now += MS;
    assert_next(0);
    assert_int_equal(unlimited.used_ns, 5 * MS);
    assert_int_equal(limited.used_ns, MS);
    assert_int_equal(limited.left_ns, MS);
}

/* CPU-bound threads under the fair policy, driven by alarms only. */
static void run_fair(uint64_t until) {
    while (now < until) {
        assert_non_null(sched_next(&sched, 0, now));
        to_alarm();
    }
}

static void fair_shares_follow_weights(void **state) {
    (void)state;
    begin(sched_fair_init(&fair), 1);
    static const uint8_t priorities[4] = {16, 16, 19, 13};
    static const double weights[4] = {1024, 1024, 2000, 524};
    for (uint32_t i = 0; i < 4; i++) {
        threads[i].priority = priorities[i];
        start(i);
    }
    run_fair(START + 20000 * MS);
    for (uint32_t i = 0; i < 4; i++) {
        double share = (double)threads[i].used_ns / (double)(now - START);
        double wanted = weights[i] / (1024 + 1024 + 2000 + 524);
        assert_true(share > wanted * 0.99 && share < wanted * 1.01);
    }
}

static void a_sleeper_is_served_at_once_and_gains_nothing(void **state) {
    (void)state;
    begin(sched_fair_init(&fair), 1);
    start(0);
    start(1);
    start(2);
    /* 2 runs for 1 ms and sleeps for 50, again and again. */
    uint64_t late = 0;
    for (int round = 0; round < 100; round++) {
        while (sched_next(&sched, 0, now) != &threads[2])
            to_alarm();
        now += MS;
        uint64_t due = now + 50 * MS;
        assert_true(sched_block(&sched, 0, due, now));
        while (threads[2].state == SCHED_WAITING) {
            assert_non_null(sched_next(&sched, 0, now));
            to_alarm();
        }
        assert_ptr_equal(sched_next(&sched, 0, now), &threads[2]);
        late += now - due;
    }
    assert_int_equal(late, 0);
    /* Awake for good, it has a third, not what it missed. */
    uint64_t before = threads[2].used_ns, from = now;
    run_fair(from + 3000 * MS);
    double share = (double)(threads[2].used_ns - before) / (double)(now - from);
    assert_true(share > 0.32 && share < 0.345);
}

static void nobody_starves_beside_the_heaviest(void **state) {
    (void)state;
    begin(sched_fair_init(&fair), 1);
    threads[0].priority = 31;
    threads[1].priority = 0;
    start(0);
    start(1);
    run_fair(START + 100000 * MS);
    assert_true(threads[1].used_ns > 50 * MS);
}

static void fair_yields_and_newcomers_take_their_place(void **state) {
    (void)state;
    begin(sched_fair_init(&fair), 1);
    start(0);
    assert_next(0);
    now += 500 * MS;
    assert_next(0);
    start(1); /* does not get 500 ms in a row for having come late */
    run_fair(now + 100 * MS);
    assert_true(threads[1].used_ns < 60 * MS);
    assert_true(threads[1].used_ns > 40 * MS);
    struct sched_thread *running = sched_next(&sched, 0, now);
    sched_give_way(&sched, 0);
    assert_ptr_not_equal(sched_next(&sched, 0, now), running);
}

static void turns_are_as_long_as_their_number_allows(void **state) {
    (void)state;
    begin(sched_fair_init(&fair), 1);
    start(0);
    start(1);
    for (int turn = 0; turn < 10; turn++) {
        assert_next(turn % 2);
        assert_int_equal(sched_alarm(&sched, 0), now + SCHED_FAIR_LATENCY_NS / 2);
        to_alarm();
    }
    assert_next(0);
    now += MS;
    kicks[0] = 0;
    start(2); /* being new is no reason to be served before others */
    assert_int_equal(kicks[0], 0);
    assert_next(0);
    assert_int_equal(sched_alarm(&sched, 0), now + SCHED_FAIR_LATENCY_NS / 3 - MS);
}

static void short_sleeps_after_long_turns_do_not_pay(void **state) {
    (void)state;
    begin(sched_fair_init(&fair), 1);
    start(0);
    start(1);
    while (now < START + 10000 * MS) {
        struct sched_thread *running = sched_next(&sched, 0, now);
        assert_non_null(running);
        uint64_t alarm = sched_alarm(&sched, 0);
        if (running == &threads[1] && alarm != SCHED_NEVER) {
            now = alarm - 1; /* just before its turn is over it sleeps a little */
            assert_true(sched_block(&sched, 0, now + 1000, now));
            continue;
        }
        now = alarm;
        sched_expire(&sched, now);
    }
    assert_true(threads[1].used_ns < 5100 * MS);
}

/* Who was ready stays so; what one policy kept of a thread means nothing to the other. */
static void the_policy_changes_under_threads(void **state) {
    (void)state;
    begin_round_robin();
    threads[2].priority = SCHED_PRIORITY_NORMAL + 1;
    for (uint32_t i = 0; i < 3; i++)
        start(i);
    assert_next(2);
    now += 3 * MS;
    sched_set_policy(&sched, sched_fair_init(&fair));
    assert_int_equal(sched.ready_count, 2);
    for (uint64_t end = now + 1000 * MS; now < end;) {
        assert_non_null(sched_next(&sched, 0, now));
        to_alarm();
    }
    assert_true(threads[0].used_ns > 250 * MS); /* it shares, and would have starved */
    uint64_t used_ns = threads[0].used_ns;
    sched_set_policy(&sched, sched_round_robin_init(&round_robin));
    now += 20 * MS;
    assert_next(2);
    now += 1000 * MS;
    assert_next(2);
    assert_true(threads[0].used_ns < used_ns + 40 * MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_alone_is_never_interrupted),
        cmocka_unit_test(equals_take_turns),
        cmocka_unit_test(the_higher_one_goes_first_and_the_lower_one_keeps_its_turn),
        cmocka_unit_test(yielding_lets_equals_go_first),
        cmocka_unit_test(a_deadline_ends_a_wait_to_the_nanosecond),
        cmocka_unit_test(a_wait_that_is_over_before_it_begins_does_not_block),
        cmocka_unit_test(killing_ends_waits_and_forbids_new_ones),
        cmocka_unit_test(a_budget_is_spent_to_the_nanosecond_and_comes_back),
        cmocka_unit_test(what_was_overspent_is_paid_back),
        cmocka_unit_test(who_reads_accounts_sees_what_runs_up_to_now),
        cmocka_unit_test(a_throttled_thread_can_be_killed_at_once),
        cmocka_unit_test(who_is_excused_runs_without_a_budget_and_owes_it),
        cmocka_unit_test(a_new_limit_counts_at_once),
        cmocka_unit_test(priorities_can_change_while_it_runs_or_waits_its_turn),
        cmocka_unit_test(processors_are_kicked_when_there_is_work),
        cmocka_unit_test(processors_share_a_budget),
        cmocka_unit_test(who_pays_changes_from_that_moment_on),
        cmocka_unit_test(fair_shares_follow_weights),
        cmocka_unit_test(a_sleeper_is_served_at_once_and_gains_nothing),
        cmocka_unit_test(nobody_starves_beside_the_heaviest),
        cmocka_unit_test(turns_are_as_long_as_their_number_allows),
        cmocka_unit_test(short_sleeps_after_long_turns_do_not_pay),
        cmocka_unit_test(fair_yields_and_newcomers_take_their_place),
        cmocka_unit_test(the_policy_changes_under_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
