/*
 * Threads of modules and their caretaker (workers.h). In: functions' names. Out: calls of them, one
 * after the other. It must never hold a module up that others recover, or give back a thread that
 * still runs.
 */
#include "modules/workers.h"
#include "console/log.h"
#include "cpu/x86.h"
#include "mm/memory.h"
#include "modules/loader.h"
#include "modules/supervision.h"
#include "sched/machine.h"
#include "time/clock.h"
#include "trace/trace.h"
#include <string.h>

#define CARETAKER_PRIORITY (SCHED_PRIORITY_NORMAL + 8)

static struct {
    struct thread *thread;
    struct wait_queue waiting;
    bool has_work;
} workers_caretaker;

void workers_tell_caretaker(void) {
    workers_caretaker.has_work = true;
    wait_wake(&workers_caretaker.waiting);
}

void workers_wake_caretaker(void) {
    uint64_t flags = threads_lock();
    workers_tell_caretaker();
    threads_unlock(flags);
}

void workers_have_work(void) { workers_caretaker.has_work = true; }

void workers_settle(void) {
    uint64_t flags = threads_lock();
    if (workers_caretaker.has_work) {
        workers_tell_caretaker();
    }
    threads_unlock(flags);
}

/* --- Working. --- */

/* Doubles with each trap; one run without a trap for long makes it short again. */
static uint64_t worker_backoff(uint64_t backoff_ns, uint64_t ran_ns) {
    if (ran_ns > WORKERS_BACKOFF_MOST_NS) {
        return 0;
    }
    if (backoff_ns == 0) {
        return WORKERS_BACKOFF_NS;
    }
    return backoff_ns < WORKERS_BACKOFF_MOST_NS / 2 ? backoff_ns * 2 : WORKERS_BACKOFF_MOST_NS;
}

bool workers_run(const struct module *module) {
    for (const struct worker *worker = module->workers; worker != NULL; worker = worker->next) {
        if (worker->begins_again && worker->is_wanted) {
            return true;
        }
    }
    return false;
}

/* Was it the last one of a module that is supervised? */
static void worker_ended(struct worker *worker, bool well) {
    struct module *module = worker->module;
    if (!worker->begins_again || !worker->is_wanted || module->node == SUPERVISION_NONE) {
        return;
    }
    worker->is_wanted = false;
    module->has_failed_threads = module->has_failed_threads || !well;
    if (!workers_run(module)) {
        supervision_ended(module, !module->has_failed_threads);
    }
}

/* Nobody waits for it; whoever has started it may ask. */
static void worker_note(const struct worker *worker, const struct call_result *result) {
    if (!worker->begins_again) {
        worker->module->threads_ended++;
        worker->module->last_result =
            result->outcome == CALL_TRAPPED ? call_trap_code(result->trap) : result->code;
    }
}

static void worker_call(struct worker *worker) {
    const struct bundle_text function = {worker->function, (uint32_t)strlen(worker->function)};
    uint64_t backoff_ns = 0;
    while (worker->is_wanted) {
        struct call_result result;
        worker->runs++;
        call_export(worker->module, function, 0, &result);
        bool ends = result.outcome != CALL_TRAPPED || !worker->begins_again;
        call_log(worker->module, function, &result, result.outcome == CALL_RETURNED);
        if (ends) {
            worker_note(worker, &result);
            worker_ended(worker, result.outcome == CALL_RETURNED && result.code == 0);
            return;
        }
        worker->traps++;
        if (worker->module->node != SUPERVISION_NONE) {
            continue;
        }
        if (backoff_ns > 0 && thread_sleep_until(clock_ns() + backoff_ns) != ALKA_OK) {
            return;
        }
        backoff_ns = worker_backoff(backoff_ns, result.ns);
        worker->is_wanted = worker->is_wanted && worker->module->instance != NULL;
    }
}

static void worker_main(void *arg) {
    struct worker *worker = arg;
    if (worker->job != NULL) {
        worker->job(worker->module, worker->epoch);
    } else {
        worker_call(worker);
    }
    worker->is_done = true;
    workers_wake_caretaker();
}

static bool worker_runs(const struct module *module, struct bundle_text function) {
    for (const struct worker *worker = module->workers; worker != NULL; worker = worker->next) {
        if (worker->is_wanted && strlen(worker->function) == function.size &&
            memcmp(worker->function, function.data, function.size) == 0) {
            return true;
        }
    }
    return false;
}

static alka_status worker_make(const struct worker *like, uint8_t priority,
                               struct sched_account *payer) {
    struct module *module = like->module;
    struct worker *worker = memory_take(sizeof *worker);
    if (worker == NULL) {
        return ALKA_E_OUT_OF_MEMORY;
    }
    *worker = *like;
    alka_status status =
        thread_make(module->name, payer, priority, worker_main, worker, &worker->thread);
    if (status != ALKA_OK) {
        memory_give(worker, sizeof *worker);
        return status;
    }
    worker->next = module->workers;
    module->workers = worker;
    trace(TRACE_SPAWN, module, worker->thread->id, priority);
    thread_start(worker->thread);
    return ALKA_OK;
}

uint32_t workers_calling(const struct module *module) {
    uint32_t count = 0;
    for (const struct worker *worker = module->workers; worker != NULL; worker = worker->next) {
        count += worker->job == NULL && worker->is_wanted && !worker->is_done ? 1 : 0;
    }
    return count;
}

alka_status workers_add(struct module *module, struct bundle_text function, uint8_t priority,
                        bool begins_again) {
    if (workers_calling(module) >= WORKERS_MAX) {
        return ALKA_E_SERVICE_LIMIT;
    }
    struct worker worker = {.module = module, .is_wanted = true, .begins_again = begins_again};
    memcpy(worker.function, function.data, function.size);
    return worker_make(&worker, priority, &module->account);
}

alka_status workers_add_job(struct module *module,
                            void (*job)(struct module *module, uint32_t epoch), uint32_t epoch) {
    const struct worker worker = {.module = module, .job = job, .epoch = epoch};
    return worker_make(&worker, CARETAKER_PRIORITY, &module->account);
}

alka_status workers_add_paid_job(struct module *module,
                                 void (*job)(struct module *module, uint32_t epoch),
                                 uint8_t priority, struct sched_account *payer) {
    const struct worker worker = {.module = module, .job = job};
    return worker_make(&worker, priority, payer);
}

void workers_end_jobs(void) {
    uint64_t flags = threads_lock();
    for (uint32_t i = 0; modules_at(i) != NULL; i++) {
        for (struct worker *worker = modules_at(i)->workers; worker != NULL;
             worker = worker->next) {
            if (worker->job != NULL && !worker->is_done) {
                call_end_soon(worker->thread);
                sched_wake(&threads_sched, &worker->thread->sched, clock_ns());
            }
        }
    }
    threads_unlock(flags);
}

void workers_add_all(struct module *module) {
    module->has_failed_threads = false;
    for (uint32_t i = 0; i < module->entry.thread_count && module->instance != NULL; i++) {
        struct bundle_thread thread = modules_thread(module, i);
        if (worker_runs(module, thread.function)) {
            continue;
        }
        if (workers_add(module, thread.function, (uint8_t)thread.priority, true) != ALKA_OK) {
            log_error("%s: no memory for a thread", module->name);
        }
    }
}

void workers_release(struct module *module) {
    for (struct worker *worker = module->workers; worker != NULL; worker = worker->next) {
        worker->is_wanted = false;
    }
}

/* --- The caretaker. --- */

static void caretaker_give_back(struct module *module) {
    struct worker **at = &module->workers;
    while (*at != NULL) {
        struct worker *worker = *at;
        if (!worker->is_done) {
            at = &worker->next;
            continue;
        }
        *at = worker->next;
        alka_status status = thread_join(worker->thread, SCHED_NEVER);
        (void)status; /* nobody kills the caretaker */
        memory_give(worker, sizeof *worker);
        at = &module->workers; /* it may have changed meanwhile */
    }
}

static void caretaker_recover(void) {
    static const char called[] = "another module, which goes on with an error";
    static struct modules_answered answered;
    if (!modules_take_answered(&answered)) {
        answered = (struct modules_answered){
            .report = {.kind = ALKA_TRAP_NONE, .wasm_off = ALKA_DIAG_NONE},
            .fault.ticks = x86_time_stamp(),
        };
    }
    thread_this()->struck = modules_take_left();
    call_recover((struct bundle_text){called, sizeof called - 1}, &answered.report,
                 &answered.fault);
    call_log_answered(&answered.report);
    call_release_images(&answered.report);
}

static void caretaker_main(void *arg) {
    (void)arg;
    struct wait_entry *wait = &thread_this()->wait;
    for (;;) {
        uint64_t flags = threads_lock();
        while (!workers_caretaker.has_work) {
            wait_join(&workers_caretaker.waiting, wait);
            thread_insist();
        }
        wait_served(wait);
        workers_caretaker.has_work = false;
        threads_unlock(flags);
        caretaker_recover();
        for (uint32_t i = 0; modules_at(i) != NULL; i++) {
            caretaker_give_back(modules_at(i));
        }
        loader_attend();
    }
}

alka_status workers_start(void) {
    ALKA_TRY(thread_make("caretaker", NULL, CARETAKER_PRIORITY, caretaker_main, NULL,
                         &workers_caretaker.thread));
    thread_start(workers_caretaker.thread);
    return ALKA_OK;
}
