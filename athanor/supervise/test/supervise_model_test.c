/*
 * Random trees and random deaths.
 * First with children who answer at once, against OTP's supervisor written down the way its manual
 * tells it: synchronous and recursive. The commands must be the same, one by one.
 * Then with children who answer when they like, against what must always hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <supervise/supervise.h>

enum { NODES = 14, TRACE = 4096 };
#define MS UINT64_C(1000000)

static struct supervise tree;
static struct supervise_node nodes[NODES];
static uint32_t node_count;
static uint64_t now;

static uint64_t random_state;

static uint32_t random_below(uint32_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % bound;
}

struct step {
    enum supervise_command command;
    uint32_t node;
};

struct trace {
    struct step steps[TRACE];
    uint32_t count;
    uint32_t starts[NODES]; /* how often each was started */
};

static struct trace real, wanted;

static void trace_add(struct trace *trace, enum supervise_command command, uint32_t node) {
    assert_true(trace->count < TRACE);
    trace->steps[trace->count++] = (struct step){command, node};
}

static void on_command(void *self, enum supervise_command command, uint32_t node) {
    trace_add(self, command, node);
}

static void tree_make(uint64_t seed, uint64_t backoff_ns) {
    random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    now = 1000 * MS;
    memset(&real, 0, sizeof real);
    memset(&wanted, 0, sizeof wanted);
    const struct supervise_host host = {on_command, &real};
    for (uint32_t i = 0; i < NODES; i++) {
        struct supervise_spec spec = {
            .is_supervisor = i == 0 || random_below(4) == 0,
            .restart = (enum supervise_restart)random_below(3),
            .shutdown_ns = random_below(3) * (20 * MS),
            .heartbeat_ns = random_below(4) == 0 ? 30 * MS : 0,
            .strategy = (enum supervise_strategy)random_below(3),
            .intensity = random_below(6),
            .period_ns = 50 * MS,
            .backoff_first_ns = backoff_ns,
            .backoff_max_ns = backoff_ns * 4,
        };
        if (backoff_ns == 0)
            spec.heartbeat_ns = 0;
        if (i == 0) {
            spec.intensity = backoff_ns == 0 ? 4 + random_below(6) : random_below(6);
            assert_int_equal(supervise_init(&tree, nodes, NODES, &spec, &host), ALKA_OK);
            continue;
        }
        uint32_t parent = random_below(i), node;
        while (!nodes[parent].spec.is_supervisor)
            parent = nodes[parent].parent;
        assert_int_equal(supervise_add(&tree, parent, &spec, &node), ALKA_OK);
        assert_int_equal(node, i);
    }
    node_count = NODES;
}

/* A worker's n-th start fails or not, always in the same way. */
static bool start_fails(uint32_t node, uint32_t start) {
    return (node * 7919 + start * 104729 + (uint32_t)tree.nodes[0].spec.intensity) % 11 == 0;
}

/* --- OTP, told simply. --- */

struct model {
    uint64_t times[TRACE];
    uint32_t time_count;
    bool up, gone; /* gone: temporary, and ended */
};

static struct model models[NODES];

/* NOLINTBEGIN(misc-no-recursion): that is what makes it simple */
static bool model_start(uint32_t node);
static void model_stop(uint32_t node);

static bool model_counts_restart(uint32_t supervisor) {
    struct model *model = &models[supervisor];
    uint32_t within = 0;
    for (uint32_t i = 0; i < model->time_count; i++)
        within += now - model->times[i] <= nodes[supervisor].spec.period_ns;
    if (within == nodes[supervisor].spec.intensity)
        return false;
    model->times[model->time_count++] = now;
    return true;
}

static void model_stop_children(uint32_t supervisor, uint32_t from, bool for_others) {
    uint32_t child = nodes[supervisor].youngest;
    for (; child != SUPERVISE_NONE; child = nodes[child].older) {
        bool was_up = models[child].up;
        model_stop(child);
        if (for_others && was_up && nodes[child].spec.restart == SUPERVISE_TEMPORARY)
            models[child].gone = true;
        if (child == from)
            return;
    }
}

/* A child has ended abnormally, or is permanent. False: the supervisor has given up and is down. */
static bool model_restart(uint32_t supervisor, uint32_t failed) {
    for (;;) {
        if (nodes[failed].spec.restart == SUPERVISE_TEMPORARY) {
            models[failed].gone = true;
            return true;
        }
        if (!model_counts_restart(supervisor)) {
            trace_add(&wanted, SUPERVISE_GAVE_UP, supervisor);
            model_stop_children(supervisor, nodes[supervisor].oldest, false);
            models[supervisor].up = false;
            return false;
        }
        if (nodes[supervisor].spec.strategy == SUPERVISE_ONE_FOR_ONE) {
            if (model_start(failed))
                return true;
            continue;
        }
        uint32_t from = nodes[supervisor].spec.strategy == SUPERVISE_ONE_FOR_ALL
                            ? nodes[supervisor].oldest
                            : failed;
        model_stop_children(supervisor, from, true);
        uint32_t child = from;
        while (child != SUPERVISE_NONE && (models[child].gone || model_start(child)))
            child = nodes[child].younger;
        if (child == SUPERVISE_NONE)
            return true;
        failed = child;
    }
}

static bool model_start(uint32_t node) {
    if (!nodes[node].spec.is_supervisor) {
        trace_add(&wanted, SUPERVISE_START, node);
        models[node].up = !start_fails(node, wanted.starts[node]++);
        return models[node].up;
    }
    models[node].up = true;
    models[node].time_count = 0;
    for (uint32_t child = nodes[node].oldest; child != SUPERVISE_NONE; child = nodes[child].younger)
        models[child].gone = false;
    for (uint32_t child = nodes[node].oldest; child != SUPERVISE_NONE;
         child = nodes[child].younger) {
        if (models[child].up || models[child].gone)
            continue; /* a group's restart has started it, or it is over */
        if (!model_start(child) && !model_restart(node, child))
            return false;
    }
    return true;
}

static void model_stop(uint32_t node) {
    if (!models[node].up)
        return;
    models[node].up = false;
    if (nodes[node].spec.is_supervisor)
        model_stop_children(node, nodes[node].oldest, false);
    else
        trace_add(&wanted, nodes[node].spec.shutdown_ns == 0 ? SUPERVISE_KILL : SUPERVISE_STOP,
                  node);
}

static void model_exit(uint32_t node, bool normally) {
    models[node].up = false;
    while (node != SUPERVISE_ROOT) {
        enum supervise_restart restart = nodes[node].spec.restart;
        if (restart == SUPERVISE_TEMPORARY)
            models[node].gone = true;
        if (restart == SUPERVISE_TEMPORARY || (restart == SUPERVISE_TRANSIENT && normally))
            return;
        if (model_restart(nodes[node].parent, node))
            return;
        node = nodes[node].parent;
        normally = false;
    }
    trace_add(&wanted, SUPERVISE_DOWN, SUPERVISE_ROOT);
}

/* NOLINTEND(misc-no-recursion) */

/* --- Children who answer at once. --- */

static void answer_all(uint32_t *answered) {
    while (*answered < real.count) {
        struct step step = real.steps[(*answered)++];
        if (step.command == SUPERVISE_START && start_fails(step.node, real.starts[step.node]++))
            supervise_exited(&tree, step.node, false, now);
        else if (step.command == SUPERVISE_START)
            supervise_started(&tree, step.node, now);
        else if (step.command == SUPERVISE_STOP || step.command == SUPERVISE_KILL)
            supervise_exited(&tree, step.node, random_below(2), now);
    }
}

static void compare(uint32_t *compared) {
    for (; *compared < real.count && *compared < wanted.count; ++*compared) {
        assert_int_equal(real.steps[*compared].command, wanted.steps[*compared].command);
        assert_int_equal(real.steps[*compared].node, wanted.steps[*compared].node);
    }
    assert_int_equal(real.count, wanted.count);
    for (uint32_t i = 0; i < node_count; i++)
        assert_int_equal(nodes[i].state, models[i].up ? SUPERVISE_IS_UP : SUPERVISE_IS_DOWN);
}

static void answers_at_once_match_otp(void **state) {
    (void)state;
    uint64_t restarts = 0, ends = 0;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        uint32_t answered = 0, compared = 0;
        tree_make(seed, 0);
        memset(models, 0, sizeof models);
        supervise_begin(&tree, now);
        answer_all(&answered);
        if (!model_start(SUPERVISE_ROOT))
            trace_add(&wanted, SUPERVISE_DOWN, SUPERVISE_ROOT);
        compare(&compared);
        for (uint32_t event = 0; event < 40 && models[0].up; event++) {
            uint32_t node = random_below(node_count);
            bool normally = random_below(3) == 0;
            now += random_below(20) * MS;
            if (nodes[node].spec.is_supervisor || !models[node].up)
                continue;
            supervise_exited(&tree, node, normally, now);
            answer_all(&answered);
            model_exit(node, normally);
            compare(&compared);
        }
        restarts += real.count;
        ends += !models[0].up;
        supervise_end(&tree, now);
        answer_all(&answered);
        if (models[0].up) {
            model_stop(SUPERVISE_ROOT);
            trace_add(&wanted, SUPERVISE_DOWN, SUPERVISE_ROOT);
        }
        compare(&compared);
    }
    assert_true(restarts > 100000);
    assert_true(ends > 100 && ends < 2900); /* some give up, some do not */
}

/* --- Children who answer when they like. --- */

enum life { LIFE_NONE, LIFE_STARTING, LIFE_UP, LIFE_STOPPING, LIFE_KILLED };

static enum life lives[NODES];
static bool refused[NODES], held[NODES];

static bool group(uint32_t supervisor) {
    return nodes[supervisor].spec.strategy == SUPERVISE_ONE_FOR_ALL;
}

/* Neither it nor anybody under it lives. */
static bool is_quiet(uint32_t node) {
    for (uint32_t i = node; i < node_count; i++) { /* children come after their parents */
        uint32_t above = i;
        while (above > node)
            above = nodes[above].parent;
        if (above == node && lives[i] != LIFE_NONE)
            return false;
    }
    return true;
}

/* Each command comes in a state of the child, and of its siblings, that it fits. */
static void obey(struct step step, bool people) {
    uint32_t node = step.node;
    if (step.command == SUPERVISE_GAVE_UP)
        return;
    if (step.command == SUPERVISE_DOWN) {
        assert_true(is_quiet(SUPERVISE_ROOT));
        return;
    }
    uint32_t parent = nodes[node].parent;
    if (step.command == SUPERVISE_START) {
        assert_int_equal(lives[node], LIFE_NONE);
        assert_false(refused[node] || held[node]);
        lives[node] = LIFE_STARTING;
        /* In a group nobody younger is there yet. */
        for (uint32_t other = nodes[node].younger; other != SUPERVISE_NONE && !people;
             other = nodes[other].younger)
            assert_true(!group(parent) || is_quiet(other));
        return;
    }
    if (step.command == SUPERVISE_STOP)
        assert_true(lives[node] == LIFE_STARTING || lives[node] == LIFE_UP);
    else
        assert_true(lives[node] != LIFE_NONE && lives[node] != LIFE_KILLED);
    bool is_watchdog = step.command == SUPERVISE_KILL && nodes[node].is_hung;
    for (uint32_t other = nodes[node].younger; other != SUPERVISE_NONE && !people && !is_watchdog;
         other = nodes[other].younger)
        assert_true(!group(parent) || is_quiet(other));
    lives[node] = step.command == SUPERVISE_STOP ? LIFE_STOPPING : LIFE_KILLED;
}

static void live(uint32_t node, uint32_t crash_in) {
    switch (lives[node]) {
    case LIFE_NONE:
        break;
    case LIFE_STARTING:
        if (random_below(crash_in) == 0) {
            lives[node] = LIFE_NONE;
            if (crash_in < 1000 && random_below(6) == 0) {
                refused[node] = true;
                supervise_refused(&tree, node, now);
            } else {
                supervise_exited(&tree, node, false, now);
            }
        } else {
            lives[node] = LIFE_UP;
            supervise_started(&tree, node, now);
        }
        break;
    case LIFE_UP:
        if (random_below(crash_in) == 0) {
            lives[node] = LIFE_NONE;
            supervise_exited(&tree, node, random_below(3) == 0, now);
        } else {
            supervise_beat(&tree, node, now);
        }
        break;
    case LIFE_STOPPING:
        if (random_below(4) != 0)
            break; /* takes its time */
        lives[node] = LIFE_NONE;
        supervise_exited(&tree, node, random_below(2), now);
        break;
    case LIFE_KILLED:
        lives[node] = LIFE_NONE;
        supervise_exited(&tree, node, false, now);
        break;
    }
}

static void act_person(uint32_t node) {
    if (node == SUPERVISE_ROOT)
        return;
    switch (random_below(3)) {
    case 0:
        held[node] = true;
        assert_int_equal(supervise_hold(&tree, node, now), ALKA_OK);
        break;
    case 1:
        held[node] = refused[node] = false;
        assert_int_equal(supervise_release(&tree, node, now), ALKA_OK);
        break;
    default:
        held[node] = refused[node] = false;
        assert_int_equal(supervise_restart(&tree, node, now), ALKA_OK);
        break;
    }
}

static void obey_all(uint32_t *obeyed, bool people) {
    while (*obeyed < real.count)
        obey(real.steps[(*obeyed)++], people);
    if (real.count > TRACE / 2)
        real.count = *obeyed = 0;
}

/* All permanent workers live under supervisors that live, or everything is down. */
static void check_at_rest(void) {
    if (nodes[0].state == SUPERVISE_IS_DOWN) {
        assert_true(is_quiet(SUPERVISE_ROOT));
        return;
    }
    for (uint32_t i = 0; i < node_count; i++) {
        const struct supervise_node *node = &nodes[i];
        bool parent_is_up = i == 0 || nodes[node->parent].state == SUPERVISE_IS_UP;
        if (parent_is_up && (i == 0 || node->spec.restart == SUPERVISE_PERMANENT) && !held[i] &&
            !refused[i])
            assert_int_equal(node->state, SUPERVISE_IS_UP);
        if (!parent_is_up)
            assert_int_equal(node->state, SUPERVISE_IS_DOWN);
        if (!node->spec.is_supervisor)
            assert_int_equal(lives[i] == LIFE_UP, node->state == SUPERVISE_IS_UP);
    }
}

/* Crashes, refusals, people; everybody answers now and then. */
static void storm(uint32_t *obeyed, bool people, uint32_t crash_in) {
    for (uint32_t step = 0; step < 400; step++) {
        uint32_t node = random_below(node_count);
        obey_all(obeyed, people);
        if (people && random_below(20) == 0)
            act_person(node);
        else
            live(node, crash_in);
        obey_all(obeyed, people);
        now += random_below(3) * MS;
        supervise_tick(&tree, now);
    }
}

/* Nobody crashes any more; everybody whose life is `least` or more goes on with it. */
static void calm(uint32_t *obeyed, bool people, enum life least) {
    for (uint32_t step = 0; step < 300; step++) {
        for (uint32_t node = 1; node < node_count; node++) {
            obey_all(obeyed, people);
            if (lives[node] >= least)
                live(node, UINT32_MAX);
        }
        now += MS;
        supervise_tick(&tree, now);
    }
    obey_all(obeyed, people);
}

static void answers_at_any_time_keep_the_promises(void **state) {
    (void)state;
    uint32_t survived = 0;
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        bool people = seed % 3 == 0;
        uint32_t obeyed = 0;
        tree_make(seed, 3 * MS);
        memset(lives, 0, sizeof lives);
        memset(refused, 0, sizeof refused);
        memset(held, 0, sizeof held);
        supervise_begin(&tree, now);
        storm(&obeyed, people, 3 + (uint32_t)seed % 10);
        calm(&obeyed, people, LIFE_NONE);
        check_at_rest();
        survived += nodes[0].state == SUPERVISE_IS_UP;
        supervise_end(&tree, now);
        calm(&obeyed, people, LIFE_STOPPING);
        assert_int_equal(nodes[0].state, SUPERVISE_IS_DOWN);
        assert_true(is_quiet(SUPERVISE_ROOT));
        assert_int_equal(supervise_alarm(&tree), SUPERVISE_NEVER);
    }
    assert_in_range(survived, 100, 1400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_at_once_match_otp),
        cmocka_unit_test(answers_at_any_time_keep_the_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
