/*
 * Threads of modules: functions that the manifest, or the console, has running in the background,
 * each on a thread of its own, paid for by the module. One that traps begins again once its module
 * is as new; if that happens often, later and later, unless a supervisor sees to that. One that
 * returns is done; when all that the manifest names are, a module that is supervised has ended.
 *
 * The caretaker is the kernel's thread that gives back threads that have ended, recovers modules
 * that were struck in calls that went on (a gate that returns an error), and unloads what was
 * loaded at run time (modules/loader.h).
 */
#ifndef ATHANOR_WORKERS_H
#define ATHANOR_WORKERS_H

#include "modules/call.h"

#define WORKERS_MAX 16u /* per module */
#define WORKERS_BACKOFF_NS UINT64_C(1000000)
#define WORKERS_BACKOFF_MOST_NS UINT64_C(1000000000)

struct worker {
    struct worker *next;
    struct module *module;
    struct thread *thread;
    char function[BUNDLE_TEXT_BYTES_MAX + 1];
    /* What it does instead of calling `function`; NULL: it calls that. */
    void (*job)(struct module *module, uint32_t epoch);
    uint32_t epoch;
    bool is_wanted;    /* the module is not stopped */
    bool begins_again; /* after a trap */
    bool is_done;      /* nothing of it runs: the caretaker gives it back */
    uint64_t runs, traps;
};

/* Once. ALKA_E_OUT_OF_MEMORY. */
ALKA_MUST_CHECK alka_status workers_start(void);
/* The module has an instance. ALKA_E_SERVICE_LIMIT: too many; ALKA_E_OUT_OF_MEMORY. */
ALKA_MUST_CHECK alka_status workers_add(struct module *module, struct bundle_text function,
                                        uint8_t priority, bool begins_again);
/* Those that the manifest names and that do not run yet; a failure is in the log. */
void workers_add_all(struct module *module);
/* job(module, epoch) on a thread of the module's, beside its workers. ALKA_E_OUT_OF_MEMORY. */
ALKA_MUST_CHECK alka_status workers_add_job(struct module *module,
                                            void (*job)(struct module *module, uint32_t epoch),
                                            uint32_t epoch);
/* The same, as urgent as that, and somebody else pays. */
ALKA_MUST_CHECK alka_status workers_add_paid_job(struct module *module,
                                                 void (*job)(struct module *module, uint32_t epoch),
                                                 uint8_t priority, struct sched_account *payer);
/* How many of its threads call functions, or will. */
uint32_t workers_calling(const struct module *module);
/* Is one of those that the manifest names at work? */
bool workers_run(const struct module *module);
/* The calls of all jobs end. */
void workers_end_jobs(void);
/* None of them begins again. Their calls are ended by whoever stops the module. */
void workers_release(struct module *module);
/* There are modules to recover or to unload, or threads to give back. Under the lock. */
void workers_tell_caretaker(void);
/* The same, not under the lock. It comes when the kernel code that runs now is done or waits. */
void workers_wake_caretaker(void);
/* Under the lock, when the caretaker must not run yet: it does after workers_settle. */
void workers_have_work(void);
void workers_settle(void);

#endif
