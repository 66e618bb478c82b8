/* Calling a module's exports from the kernel. */
#ifndef ATHANOR_CALL_H
#define ATHANOR_CALL_H

#include "modules/modules.h"
#include "sched/thread.h"

enum call_outcome {
    CALL_RETURNED, /* or called `exit` */
    CALL_TRAPPED,
    CALL_NO_EXPORT,  /* there is no function of that name */
    CALL_WRONG_TYPE, /* it takes parameters, or results in more than one i32 */
    CALL_NOT_READY,  /* the module has no instance */
};

struct call_result {
    enum call_outcome outcome;
    uint32_t code; /* RETURNED: the result, 0 if it has none */
    enum alka_trap trap;
    uint64_t ns;
    struct alka_trap_report report; /* TRAPPED */
};

/* What a thread of the kernel runs in module code now; in the thread's `user`. */
struct call {
    struct call *outer;
    uint64_t deadline_ns; /* SCHED_NEVER: none */
    bool is_foreground;   /* ^C ends it: the console's thread waits for it */
    bool must_end;
    bool is_kept; /* the images that its report names are held */
    uint32_t exit_code;
    struct modules_fault fault; /* that ended it */
};

/* Resets, or stops, whoever was in calls of this thread that have trapped. Inside of itself it does
 * nothing: the outer one goes on until nobody is left. */
void call_recover(struct bundle_text called, const struct alka_trap_report *report,
                  const struct modules_fault *fault);

/*
 * Calls an export that takes nothing, on the calling thread. After a trap, whoever was in the call
 * has been reset, or stopped, when this returns. `limit_ns` after the start it is killed (trap
 * KILLED), and on the console's thread when ^C is typed; 0: no limit. The module pays for the time.
 * Each result goes through call_log, or call_drop, once: the images that its report names are held
 * until then.
 */
void call_export(struct module *module, struct bundle_text function, uint64_t limit_ns,
                 struct call_result *out);

/* Returns when the module is neither being replaced nor made new, nor about to be. */
void call_wait(const struct module *module);
/* What would come of calling it, as far as can be seen: RETURNED, if nothing is against it. */
enum call_outcome call_prospect(const struct module *module, struct bundle_text function);

/* Holds the images that the report of a trap names; call_drop lets go of them, as call_log does. */
void call_keep(struct call *call, const struct alka_trap_report *report);
void call_drop(const struct call_result *result);
/* The same for a call that has no result, if they are held. */
void call_release(struct call *call, const struct alka_trap_report *report);
/* Of the images that a report holds. */
void call_release_images(const struct alka_trap_report *report);
/* A line about a trap after which the caller went on; of some, as many as the log bears. */
void call_log_answered(const struct alka_trap_report *report);

/* Logs how a call ended: a line, and the module's backtrace if it trapped.
 * `expected`: as a bundle_start says. */
void call_log(const struct module *module, struct bundle_text function,
              const struct call_result *result, bool as_expected);

/*
 * Around module code that is entered in another way: it is killed after
 * `limit_ns` (0: no limit) or at ^C; a trap is reported in *report.
 */
void call_begin(struct call *call, uint64_t limit_ns, struct alka_trap_report *report);
void call_end(struct call *call);

/* When the first instruction of a module of the bundle ran: nanoseconds since boot; 0: none did. */
uint64_t call_first_ns(void);
/* Module code is about to run. */
void call_note_first(void);

/* Under the lock: the thread's call is killed when it next runs. */
void call_end_soon(struct thread *thread);

/* The frame's function by the name section or an export, else "function N"; printable. */
void call_function_name(const struct alka_frame *frame, char *out, size_t size);

/* The diagnostic code of a trap. */
uint32_t call_trap_code(enum alka_trap trap);

/* For the service `exit`. */
void call_set_exit_code(uint32_t code);

/* Should the thread's call end now? Safe in interrupt handlers. */
bool call_is_over(const struct thread *thread);
/*
 * For services: as thread_block, but not beyond the end of the call. ALKA_E_INTERRUPTED: the call,
 * or the caller's instance, is over; the caller's memory must not be touched any more.
 */
ALKA_MUST_CHECK alka_status call_block(uint64_t deadline_ns);

#endif
