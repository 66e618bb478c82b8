/*
 * The system's modules: what the bundle brought, compiled, instantiated and
 * called. Threads of the kernel use it in turns: none is stopped in here, other than where it
 * waits, or runs module code.
 */
#ifndef ATHANOR_MODULES_H
#define ATHANOR_MODULES_H

#include "bundle/bundle.h"
#include "sched/sched.h"
#include "trap/trap.h"
#include <alkahest/instance.h>
#include <alkahest/registry.h>

/* What a function that runs at boot may take. */
#define MODULES_START_LIMIT_NS (UINT64_C(60) * 1000 * 1000 * 1000)

enum module_state {
    MODULE_REFUSED, /* did not compile or link; `why` says it */
    MODULE_READY,
    MODULE_RUNNING,
    MODULE_TRAPPED,  /* has no instance after a trap, as its manifest says or because it could not
                        be reset */
    MODULE_STOPPED,  /* has no instance; running it makes one */
    MODULE_UNLOADED, /* has no code either, or not yet; starting it compiles it */
    MODULE_SPARE,    /* a version of another one, not loaded */
    MODULE_DOWN,     /* has an instance that nobody can call, until its supervisor starts it */
    MODULE_WARM,     /* holds the version that another one was replaced from: modules/swap.h */
    MODULE_LOADING,  /* at run time, for the first time: modules/loader.h */
    MODULE_VACANT,   /* a place for one that is loaded at run time; not in any list that is shown */
};

/* Of the last trap to serving again; in time stamps, until they are shown. */
#define MODULE_RECOVERIES_KEPT 64u

struct module_recoveries {
    uint64_t count; /* ever; modulo MODULE_RECOVERIES_KEPT it is where the next one goes */
    uint64_t ticks[MODULE_RECOVERIES_KEPT];
    uint64_t pages_last, pages; /* found dirty */
};

struct module {
    uint32_t id; /* of the bundle's: its index; of one that was loaded: never used again. Vacant:
                    BUNDLE_NO_INDEX */
    char name[BUNDLE_NAME_BYTES_MAX + 1];
    enum module_state state;
    alka_status why;
    struct bundle_module entry;
    struct alka_limits *limits;     /* the image borrows them */
    struct alka_image *image;       /* NULL: refused */
    struct alka_instance *instance; /* NULL: refused or stopped */
    uint64_t load_ns;               /* from bytes to instance */
    uint64_t native_code_bytes;
    struct pristine *pristine; /* of `instance`: modules/recover.h */
    struct crash *crash;       /* the last one; NULL: none. modules/postmortem.h */
    uint64_t calls;            /* from the kernel */
    uint64_t ticks;            /* of those calls, with all that they called */
    uint64_t traps, restarts;
    uint32_t running;             /* calls of the kernel in it now */
    uint32_t life;                /* of `instance`: counts who made it, reset it or stopped it */
    struct sched_account account; /* pays for its threads, and for calls of the kernel */
    struct worker *workers;       /* its threads: modules/workers.h */
    struct module_recoveries recoveries;
    struct module *of;       /* it holds another version of this one; NULL: it serves itself */
    struct module *replaced; /* what holds the version before; NULL: none was */
    uint64_t trap_ns[3], trap_count; /* the last traps of this version: SWAP_TRAPS */
    struct holder *holder;           /* of its handles: objects/objects.h */
    struct loaded *loaded;           /* NULL: it is the bundle's; modules/loader.h */
    uint64_t threads_ended;          /* that somebody had started */
    uint32_t last_result;            /* of the last of them: what it returned, or its trap's code */
    bool is_held;                    /* calls from the kernel wait: it is being replaced */
    bool is_recovering;
    bool is_traced; /* trace/trace.h */
    /* Of one that is supervised: modules/supervision.h */
    uint32_t node;              /* in the tree; SUPERVISION_NONE: nobody supervises it */
    bool is_fresh;              /* its instance has not been used yet */
    bool is_making;             /* somebody makes an instance for it, or makes it new */
    bool expects_trap;          /* the start function that runs now is to trap */
    bool has_failed_threads;    /* of those that have ended since it was started */
    struct module *next_struck; /* of those that a trap has just ended; itself: the last one */
    uint32_t struck_life;       /* that the trap ended */
    bool is_exporting;          /* its export_state runs: a trap there ends only that */
};

/* Whose code calls; NULL: it is no module's. */
static inline struct holder *holder_of(const struct alka_context *caller) {
    const struct module *module = (const struct module *)caller->user;
    return module == NULL ? NULL : module->holder;
}

extern struct alka_registry modules_registry;

/*
 * After crucible_start. `trust_blobs`: take machine code from .alk files in a
 * bundle. Nothing proves yet that such code stays in its sandbox: it is as
 * powerful as the kernel.
 */
void modules_start(bool trust_blobs);
extern bool modules_trust_blobs;

/* What modules' code may use of this processor. modules/load.c */
alka_cpu_set modules_cpu(void);

struct modules_summary {
    uint32_t modules, refused;   /* of those that are loaded at boot */
    uint32_t starts, unexpected; /* start functions: how many, how many did not
                                    end as the manifest says */
};

/*
 * Loads the modules of a bundle, whose bytes stay as long as the kernel runs, but for versions of
 * others and those that are to be loaded later; then calls the start functions in order. What fails
 * is logged and stops nothing else. Returns NULL, or why the bundle as a whole is no good.
 */
const char *modules_open_bundle(struct alka_span bytes, struct modules_summary *out);

/* A thread that the manifest names; index < module->entry.thread_count. */
struct bundle_thread modules_thread(const struct module *module, uint32_t index);

/* In the bundle's order, then places for those that are loaded at run time, then those that are
 * lent; NULL at the end. */
struct module *modules_at(uint32_t index);
/* The index of one of them. */
uint32_t modules_index(const struct module *module);
/* From `index` on the first one that is neither vacant nor lent, with its index; NULL: there is
 * none. */
struct module *modules_next(uint32_t *index);
/* Neither vacant nor lent. NULL: there is none such, or not any more. */
struct module *modules_find(const char *name);
struct module *modules_by_id(uint32_t id);
/* Starts with those behind all there are; 0: they are used up. */
uint32_t modules_new_id(void);
/*
 * Modules of the kernel's own, for as long as it measures: READY, with a holder, no grants and a
 * clock of full resolution; whoever borrows one makes its instance and its pristine image.
 * modules_find does not find them. NULL: as many as can be are lent, or there is no memory.
 */
#define MODULES_LENT_MAX 3u
struct module *modules_lend(const char *name);
/* All of them end: what they hold, their instances and their pristine images are given back. */
void modules_take_back(void);
/* Whose code it is; "?": nobody's in the list. */
const char *modules_name_of(const struct alka_image *image);

/*
 * Calls what the manifest says is to be called at the start, making an instance
 * first if the module is stopped. Returns how many calls did not end as the
 * manifest says; *out_calls (may be NULL): of how many. ^C ends a call.
 */
uint32_t module_run(struct module *module, uint64_t limit_ns, uint32_t *out_calls);

struct call_result;
/* Calls one export of a module that has an instance or is stopped; any return is as it should be.
 * What *out names is gone when this returns: it is in the log. */
void module_run_function(struct module *module, const char *function, uint64_t limit_ns,
                         struct call_result *out);

/* Compiles and instantiates. On failure the module is REFUSED and the
 * diagnostic is in the log. modules/load.c */
void module_load(struct module *module, const struct bundle *bundle);
/* The same for one that comes at run time; on a thread that others can interrupt meanwhile. */
void module_load_late(struct module *module);
/* Makes a new instance of a STOPPED module's image. A failure is logged; the
 * module stays STOPPED. modules/load.c */
ALKA_MUST_CHECK alka_status module_instantiate(struct module *module, const struct bundle *bundle);
/* Gives the instance back: whoever imports from it traps when calling. Calls that are in it, on any
 * thread but this one, end (modules/evict.h). */
void module_stop(struct module *module);
/* Gives everything back but the bundle's bytes. */
void module_unload(struct module *module);
/* An instance for one that has none, compiling it if need be. The log says why if there is none
 * afterwards. Nobody who imported from one before it is let in yet. */
ALKA_MUST_CHECK bool module_make(struct module *module);
/* The same, and then they are. */
ALKA_MUST_CHECK bool module_revive(struct module *module);
/* Its one instance as new; nobody is let in yet. False: it has none any more, and is TRAPPED, or
 * somebody has stopped it meanwhile. modules/load.c */
ALKA_MUST_CHECK bool module_renew(struct module *module);
/* Whoever imports from it, or from an instance of it that is gone, can call it (again). */
void module_open(struct module *module);
/* Nobody can call it until it is renewed and opened; calls in it end, threads of its own do not
 * begin again. Its instance stays. */
struct evict_witness;
void module_suspend(struct module *module, struct evict_witness *witness);
/* Its start function: false: it did not end as the manifest says, the log tells how. */
ALKA_MUST_CHECK bool module_run_start(struct module *module, uint32_t start_idx, uint64_t limit_ns);
/* Makes a module as new: after a trap (`since`: when that was, in time stamps), or 0. Else it is
 * TRAPPED afterwards. modules/load.c */
bool module_reset(struct module *module, uint64_t since);

/* The first module that imports functions of this one; NULL: none. */
const struct module *module_importer(const struct module *module);
/* Memory that its instance takes: own memories, context, pristine image; in pages of 4096 bytes. */
uint64_t module_mapped_pages(const struct module *module);

const char *module_state_name(enum module_state state);

/* A fault of module code, for whoever its call returns to. */
struct modules_fault {
    struct trap_frame frame;
    uint64_t ticks; /* time stamp, when the kernel was told */
};

/* A trap after which the caller went on (ALKA_GATE_RETURNS). */
struct modules_answered {
    bool is_there;
    struct alka_trap_report report; /* its images are held */
    struct modules_fault fault;
};

/* The first one since this was asked last; its images are the caller's to release. False: none. */
bool modules_take_answered(struct modules_answered *out);

/* Takes the modules that traps in calls of a thread have ended, callees before callers; the list is
 * empty then. modules/fault.c */
struct thread;
struct module *modules_take_struck(struct thread *thread);
/* Those of calls that went on with an error, for a thread's list. */
struct module *modules_take_left(void);

/* Resumes at the innermost gate if the exception is a module's trap; else
 * false. modules/fault.c */
bool modules_take_fault(struct trap_frame *frame);
/* At each tick: ends the module's call that is to be ended (modules/call.h). */
void modules_tick(struct trap_frame *frame);
enum modules_end {
    MODULES_NOT_ENDED, /* its code is not where it could be left */
    MODULES_ENDED,
    MODULES_ANSWERED, /* a module that called it goes on; then somebody must workers_settle */
};

/* Under the lock: ends the call of a thread that is stopped in module code, as a kill does. */
enum modules_end modules_end_call(struct thread *thread, struct trap_frame *frame);

#endif
