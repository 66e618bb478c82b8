/* Calling a module's exports from the kernel. */
#ifndef ATHANOR_CALL_H
#define ATHANOR_CALL_H

#include "modules/modules.h"

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

/* Resets, or stops, whoever was in a call that has trapped. */
void call_recover(struct bundle_text called, const struct alka_trap_report *report);

/*
 * Calls an export that takes nothing. After a trap, whoever was in the call has been reset, or
 * stopped, when this returns. `limit_ns` after the start, or when ^C is
 * typed, it is killed (trap KILLED); 0: no limit.
 */
void call_export(struct module *module, struct bundle_text function, uint64_t limit_ns,
                 struct call_result *out);

/* Logs how a call ended: a line, and the module's backtrace if it trapped.
 * `expected`: as a bundle_start says. */
void call_log(const struct module *module, struct bundle_text function,
              const struct call_result *result, bool as_expected);

/* A call that is under way, on the stack of the thread that made it. */
struct call {
    struct call *outer;   /* of the same thread */
    uint64_t deadline_ns; /* UINT64_MAX: none */
    uint32_t exit_code;
    bool has_console; /* ^C ends it */
    bool must_end;
};

/*
 * Around module code that is entered in another way: it is killed after
 * `limit_ns` (0: no limit) or at ^C; a trap is reported in *report.
 */
void call_begin(struct call *call, uint64_t limit_ns, struct alka_trap_report *report);
void call_end(struct call *call);

/* Under the lock: the thread's call is killed when it next runs. */
struct thread;
void call_end_soon(struct thread *thread);

/* The frame's function by the name section or an export, else "function N"; printable. */
void call_function_name(const struct alka_frame *frame, char *out, size_t size);

/* The diagnostic code of a trap. */
uint32_t call_trap_code(enum alka_trap trap);

/* For the service `exit`. */
void call_set_exit_code(uint32_t code);

/* The interrupted thread, if its module call should end now; else NULL. For interrupt handlers. */
struct alka_thread *call_to_be_killed(void);

#endif
