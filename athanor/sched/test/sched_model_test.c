/*
 * Random lives of threads: on one processor, against a round robin that keeps no queues at all but
 * searches all threads for every answer and counts periods one by one; on several, against what
 * must always hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sched/policy.h>

enum { THREADS = 10, ACCOUNTS = 3, CPUS = 4 };
#define US UINT64_C(1000)

static struct sched sched;
static struct sched_round_robin round_robin;
static struct sched_fair fair;
static struct sched_account accounts[ACCOUNTS];
static struct sched_thread threads[THREADS];
static bool kicked[CPUS];
static uint64_t now;

static uint64_t random_state;

static uint32_t random_below(uint32_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % bound;
}

static void on_kick(void *self, uint32_t cpu) {
    (void)self;
    kicked[cpu] = true;
}

/* --- The model. --- */

struct model_account {
    int64_t budget, period, left, start;
    bool is_used;
    int64_t refill; /* as it was foreseen when the first one was throttled */
    uint64_t refill_since;
};

struct model_thread {
    enum sched_state state;
    int account, priority;
    bool kill, excused, wake;
    uint64_t deadline, slice;
    int64_t place;  /* among ready ones; smaller goes first */
    uint64_t since; /* when it began to wait or to be throttled, in order of events */
    alka_status woken_by;
};

static struct model_account books[ACCOUNTS];
static struct model_thread models[THREADS];
static int running; /* -1: idle */
static bool yields;
static uint64_t charged, events;
static int64_t place_first, place_last;

static void book_advance(struct model_account *book) {
    while (book->is_used && (int64_t)now - book->start >= book->period) {
        book->start += book->period;
        book->left += book->budget;
        if (book->left > book->budget)
            book->left = book->budget;
    }
}

static bool model_is_broke(const struct model_thread *thread) {
    struct model_account *book = &books[thread->account];
    if (book->budget == 0)
        return false;
    if (!book->is_used) {
        book->is_used = true;
        book->start = (int64_t)now;
    }
    book_advance(book);
    return book->left <= 0 && !thread->kill && !thread->excused;
}

static int64_t book_refill(struct model_account book) {
    while (book.left <= 0) {
        book.left += book.budget;
        book.start += book.period;
    }
    return book.start;
}

static void model_throttle(struct model_thread *thread) {
    bool is_first = true;
    for (int i = 0; i < THREADS; i++)
        if (models[i].state == SCHED_THROTTLED && models[i].account == thread->account)
            is_first = false;
    thread->state = SCHED_THROTTLED;
    thread->since = events++;
    if (is_first) {
        books[thread->account].refill = book_refill(books[thread->account]);
        books[thread->account].refill_since = events++;
    }
}

static void model_ready(int i, enum sched_why why) {
    struct model_thread *thread = &models[i];
    thread->since = events++;
    thread->state = SCHED_NEW; /* nowhere */
    if (model_is_broke(thread)) {
        model_throttle(thread);
        return;
    }
    thread->state = SCHED_READY;
    if (why == SCHED_PREEMPTED && thread->slice < SCHED_ROUND_ROBIN_SLICE_NS) {
        thread->place = --place_first;
    } else {
        thread->slice = 0;
        thread->place = ++place_last;
    }
}

static int model_best(void) {
    int best = -1;
    for (int i = 0; i < THREADS; i++) {
        if (models[i].state != SCHED_READY)
            continue;
        if (best < 0 || models[i].priority > models[best].priority ||
            (models[i].priority == models[best].priority && models[i].place < models[best].place))
            best = i;
    }
    return best;
}

static void model_wake(int i, alka_status reason) {
    models[i].woken_by = reason;
    models[i].deadline = SCHED_NEVER;
    model_ready(i, SCHED_WOKEN);
}

/* The first of those whose time has come; ties go to whoever was there first. */
static int model_first_due(void) {
    int first = -1;
    for (int i = 0; i < THREADS; i++) {
        if (models[i].state != SCHED_WAITING || models[i].deadline > now)
            continue;
        if (first < 0 || models[i].deadline < models[first].deadline ||
            (models[i].deadline == models[first].deadline && models[i].since < models[first].since))
            first = i;
    }
    return first;
}

/* Accounts get their budgets in the order of time, then of whose time was foreseen first. */
static int model_first_refill(uint64_t *out_at) {
    int first = -1;
    const struct model_account *best = NULL;
    for (int book = 0; book < ACCOUNTS; book++) {
        int oldest = -1;
        for (int i = 0; i < THREADS; i++)
            if (models[i].state == SCHED_THROTTLED && models[i].account == book &&
                (oldest < 0 || models[i].since < models[oldest].since))
                oldest = i;
        if (oldest < 0)
            continue;
        if (first < 0 || books[book].refill < best->refill ||
            (books[book].refill == best->refill && books[book].refill_since < best->refill_since)) {
            first = oldest;
            best = &books[book];
        }
    }
    *out_at = first < 0 ? SCHED_NEVER : (uint64_t)best->refill;
    return first;
}

static void model_expire(void) {
    int i;
    while ((i = model_first_due()) >= 0)
        model_wake(i, ALKA_E_TIMED_OUT);
    uint64_t at;
    while ((i = model_first_refill(&at)) >= 0 && at <= now) {
        struct model_account *book = &books[models[i].account];
        book_advance(book);
        if (book->left > 0) {
            model_ready(i, SCHED_REFILLED);
        } else {
            book->refill = book_refill(*book);
            book->refill_since = events++;
        }
    }
}

static void model_charge(void) {
    uint64_t ns = now - charged;
    charged = now;
    if (running < 0)
        return;
    struct model_account *book = &books[models[running].account];
    models[running].slice += ns;
    if (book->budget != 0) {
        book->left -= (int64_t)ns;
        book_advance(book);
    }
}

static void model_next(void) {
    model_charge();
    if (running >= 0 && models[running].state == SCHED_RUNNING) {
        int best = model_best();
        bool broke = model_is_broke(&models[running]);
        bool gives_way = best >= 0 && (models[best].priority > models[running].priority ||
                                       (models[best].priority == models[running].priority &&
                                        models[running].slice >= SCHED_ROUND_ROBIN_SLICE_NS));
        if (!broke && !yields && !gives_way)
            return;
        model_ready(running, yields ? SCHED_YIELDED : SCHED_PREEMPTED);
    }
    yields = false;
    while ((running = model_best()) >= 0 && model_is_broke(&models[running])) {
        models[running].state = SCHED_NEW;
        model_throttle(&models[running]);
    }
    if (running >= 0)
        models[running].state = SCHED_RUNNING;
}

static uint64_t model_alarm(void) {
    uint64_t alarm = SCHED_NEVER, at;
    for (int i = 0; i < THREADS; i++)
        if (models[i].state == SCHED_WAITING && models[i].deadline < alarm)
            alarm = models[i].deadline;
    if (model_first_refill(&at) >= 0 && at < alarm)
        alarm = at;
    if (running < 0)
        return alarm;
    const struct model_thread *thread = &models[running];
    int best = model_best();
    if (best >= 0 && models[best].priority == thread->priority &&
        now + SCHED_ROUND_ROBIN_SLICE_NS - thread->slice < alarm)
        alarm = now + SCHED_ROUND_ROBIN_SLICE_NS - thread->slice;
    const struct model_account *book = &books[thread->account];
    if (book->budget != 0 && !thread->kill && !thread->excused &&
        now + (uint64_t)book->left < alarm)
        alarm = now + (uint64_t)book->left;
    return alarm;
}

/* --- Both at once. --- */

static void begin(struct sched_policy *policy, uint32_t cpus, uint64_t seed) {
    struct sched_host host = {on_kick, NULL};
    random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    now = charged = 1 + random_below(1000000);
    events = 0;
    place_first = place_last = 0;
    running = -1;
    yields = false;
    sched_init(&sched, policy, cpus, &host, now);
    memset(threads, 0, sizeof threads);
    memset(models, 0, sizeof models);
    memset(kicked, 0, sizeof kicked);
    static const uint64_t budgets[ACCOUNTS] = {0, 2000 * US, 500 * US};
    static const uint64_t periods[ACCOUNTS] = {0, 10000 * US, 700 * US};
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        sched_account_init(&accounts[i], budgets[i], periods[i]);
        books[i] = (struct model_account){.budget = (int64_t)budgets[i],
                                          .period = (int64_t)periods[i],
                                          .left = (int64_t)budgets[i]};
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        uint32_t account = random_below(ACCOUNTS), priority = 14 + random_below(4);
        threads[i].account = &accounts[account];
        threads[i].priority = (uint8_t)priority;
        models[i] = (struct model_thread){
            .account = (int)account, .priority = (int)priority, .deadline = SCHED_NEVER};
    }
}

static void check(void) {
    assert_int_equal(sched.cpus[0].running == NULL ? -1 : sched.cpus[0].running - threads, running);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(threads[i].state, models[i].state);
        assert_int_equal(threads[i].woken_by, models[i].woken_by);
    }
    assert_int_equal(sched_alarm(&sched, 0), model_alarm());
}

/* What the running thread does. It has to be followed by sched_next. */
static void act_running(void) {
    struct model_thread *model = &models[running];
    uint32_t dice = random_below(10);
    if (dice < 2) {
        sched_give_way(&sched, 0);
        yields = true;
        return;
    }
    if (dice == 2 && random_below(6) == 0) {
        sched_exit(&sched, 0);
        model_charge();
        model->state = SCHED_DEAD;
        return;
    }
    uint64_t deadline = dice < 5 ? SCHED_NEVER : now - 1 + random_below(30) * (250 * US);
    bool blocks = sched_block(&sched, 0, deadline, now);
    assert_int_equal(blocks, !model->kill && !model->wake && deadline > now);
    if (blocks) {
        model->state = SCHED_WAITING;
        model->deadline = deadline;
        model->since = events++;
    } else if (model->kill) {
        model->woken_by = ALKA_E_INTERRUPTED;
    } else if (model->wake) {
        model->woken_by = ALKA_OK;
        model->wake = false;
    } else {
        model->woken_by = ALKA_E_TIMED_OUT;
    }
}

static void act_kill(int i) {
    sched_kill(&sched, &threads[i], now);
    models[i].kill = true;
    if (models[i].state == SCHED_WAITING)
        model_wake(i, ALKA_E_INTERRUPTED);
    else if (models[i].state == SCHED_THROTTLED)
        model_ready(i, SCHED_REFILLED);
}

static void act_excuse(int i) {
    bool excused = random_below(2) == 0;
    sched_excuse(&sched, &threads[i], excused, now);
    models[i].excused = excused;
    if (excused && models[i].state == SCHED_THROTTLED)
        model_ready(i, SCHED_REFILLED);
}

static void act_wake(int i) {
    sched_wake(&sched, &threads[i], now);
    if (models[i].state == SCHED_WAITING)
        model_wake(i, ALKA_OK);
    else if (models[i].state == SCHED_RUNNING)
        models[i].wake = true;
}

static void act_priority(int i) {
    uint32_t priority = 14 + random_below(4);
    sched_set_priority(&sched, &threads[i], (uint8_t)priority, now);
    models[i].priority = (int)priority;
    if (models[i].state == SCHED_READY)
        model_ready(i, SCHED_PREEMPTED);
}

static void act_account(int i) {
    uint32_t account = random_below(ACCOUNTS);
    sched_set_account(&sched, &threads[i], &accounts[account], now);
    if (models[i].state == SCHED_RUNNING)
        model_charge();
    models[i].account = (int)account;
    if (models[i].state == SCHED_READY || models[i].state == SCHED_THROTTLED)
        model_ready(i, SCHED_PREEMPTED);
}

/* What somebody else does to a thread: if that changes who should run, the processor was told. */
static void act_other(void) {
    int i = (int)random_below(THREADS);
    int was_running = running;
    /* The running one's books must be up to date, as they are whenever kernel code looks. */
    assert_ptr_equal(sched_next(&sched, 0, now), running < 0 ? NULL : &threads[running]);
    kicked[0] = false;
    switch (random_below(models[i].state == SCHED_NEW ? 2 : 40)) {
    case 0:
    case 1:
        if (models[i].state == SCHED_NEW) {
            sched_start(&sched, &threads[i], now);
            model_ready(i, SCHED_STARTED);
        } else if (random_below(8) == 0) {
            act_kill(i);
        }
        break;
    case 2:
    case 3:
        act_priority(i);
        break;
    case 4:
        act_account(i);
        break;
    case 5:
        act_excuse(i);
        break;
    default:
        act_wake(i);
        break;
    }
    bool told = kicked[0];
    model_next();
    sched_next(&sched, 0, now);
    if (running != was_running)
        assert_true(told);
}

static void pass_time(void) {
    uint64_t alarm = sched_alarm(&sched, 0);
    uint64_t step = random_below(4) == 0 ? random_below(5000) * US : 50000 * US;
    /* At the alarm, or before it; sometimes an interrupt is late. */
    uint64_t target = now + step < alarm ? now + step : alarm;
    if (random_below(20) == 0 && alarm != SCHED_NEVER)
        target = alarm + random_below(3000) * US;
    now = target;
}

static void one_processor_matches_the_model(void **state) {
    (void)state;
    uint64_t seen[SCHED_DEAD + 1] = {0};
    for (uint64_t seed = 1; seed <= 300; seed++) {
        begin(sched_round_robin_init(&round_robin), 1, seed);
        for (int step = 0; step < 600; step++) {
            uint32_t dice = random_below(10);
            if (dice < 4) {
                act_other();
            } else if (dice < 7 && running >= 0) {
                act_running();
            } else {
                pass_time();
                sched_expire(&sched, now);
                model_expire();
            }
            model_next();
            sched_next(&sched, 0, now);
            check();
            for (int i = 0; i < THREADS; i++)
                seen[models[i].state]++;
        }
    }
    for (int i = 0; i <= SCHED_DEAD; i++) /* the walk went everywhere */
        assert_true(seen[i] > 10000);
}

/* --- Several processors. --- */

static void settle(void) {
    bool any = true;
    while (any) {
        any = false;
        for (uint32_t cpu = 0; cpu < sched.cpu_count; cpu++) {
            if (!kicked[cpu])
                continue;
            any = true;
            kicked[cpu] = false;
            sched_next(&sched, cpu, now);
        }
    }
}

static void check_processors(bool strict) {
    uint32_t on_cpu[THREADS] = {0}, ready = 0, busy = 0;
    int lowest_running = SCHED_PRIORITIES, highest_ready = -1;
    for (uint32_t cpu = 0; cpu < sched.cpu_count; cpu++) {
        const struct sched_thread *thread = sched.cpus[cpu].running;
        if (thread == NULL)
            continue;
        busy++;
        on_cpu[thread - threads]++;
        if (thread->priority < lowest_running)
            lowest_running = thread->priority;
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(on_cpu[i], threads[i].state == SCHED_RUNNING);
        ready += threads[i].state == SCHED_READY;
        if (threads[i].state == SCHED_READY && threads[i].priority > highest_ready)
            highest_ready = threads[i].priority;
    }
    assert_int_equal(ready, sched.ready_count);
    if (ready > 0) /* nobody idles while there is work */
        assert_int_equal(busy, sched.cpu_count);
    if (strict)
        assert_true(highest_ready <= lowest_running);
}

static void act_on_processors(void) {
    uint32_t cpu = random_below(sched.cpu_count);
    struct sched_thread *thread = &threads[random_below(THREADS)];
    switch (random_below(8)) {
    case 0:
        if (thread->state == SCHED_NEW)
            sched_start(&sched, thread, now);
        break;
    case 1:
        if (random_below(30) == 0)
            sched_kill(&sched, thread, now);
        break;
    case 2:
        sched_set_priority(&sched, thread, (uint8_t)(14 + random_below(4)), now);
        break;
    case 3:
        sched_excuse(&sched, thread, random_below(2) == 0, now);
        break;
    case 4:
        sched_wake(&sched, thread, now);
        break;
    case 5:
        if (sched.cpus[cpu].running != NULL && sched.cpus[cpu].running->kill_pending)
            sched_exit(&sched, cpu);
        else if (sched.cpus[cpu].running != NULL)
            (void)sched_block(&sched, cpu, now + random_below(5000) * US, now);
        sched_next(&sched, cpu, now);
        break;
    default:
        now += random_below(1000) * US;
        sched_expire(&sched, now);
        for (cpu = 0; cpu < sched.cpu_count; cpu++)
            sched_next(&sched, cpu, now);
        break;
    }
}

static void many_processors_stay_busy_with_the_right_threads(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        bool is_fair = seed % 2 == 0;
        begin(is_fair ? sched_fair_init(&fair) : sched_round_robin_init(&round_robin), CPUS, seed);
        uint64_t start = now;
        for (int step = 0; step < 600; step++) {
            act_on_processors();
            settle();
            check_processors(!is_fair);
        }
        /* Every nanosecond of every processor is on somebody's books. */
        uint64_t used = 0, idle = 0;
        for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
            sched_next(&sched, cpu, now);
            idle += sched.cpus[cpu].idle_ns;
        }
        for (int i = 0; i < THREADS; i++)
            used += threads[i].used_ns;
        assert_int_equal(used + idle, CPUS * (now - start));
        uint64_t accounted = 0;
        for (int i = 0; i < ACCOUNTS; i++)
            accounted += accounts[i].used_ns;
        assert_int_equal(accounted, used);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_processor_matches_the_model),
        cmocka_unit_test(many_processors_stay_busy_with_the_right_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
