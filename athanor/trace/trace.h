/*
 * The trace: what happened to modules and threads, in the order in which it did, as binary records
 * in a ring (trace/ring.h, kinds.def). It is off unless somebody has asked for it, and costs a
 * comparison then. It is on for all modules, or for some; what belongs to no module is recorded for
 * all only.
 */
#ifndef ATHANOR_TRACE_H
#define ATHANOR_TRACE_H

#include "trace/ring.h"

struct module;
struct thread;

enum trace_kind {
#define TRACE(id, name, first, second, first_name, second_name) TRACE_##id,
#include "trace/kinds.def"
#undef TRACE
    TRACE_KINDS
};

/* What an argument is: kinds.def. */
enum trace_argument {
    TRACE_IS_NONE,
    TRACE_IS_NUMBER,
    TRACE_IS_ADDRESS,
    TRACE_IS_FUNCTION,
    TRACE_IS_CODE,
    TRACE_IS_THREAD,
    TRACE_IS_SERVICE,
};

extern bool trace_is_on;

/* Records it, if the module (NULL: the kernel) is traced. */
void trace_note(enum trace_kind kind, const struct module *module, uint64_t first, uint64_t second);
/* Of threads that run for modules; either may be NULL. */
void trace_note_switch(const struct thread *from, const struct thread *to);

/* Safe everywhere, in interrupt handlers too. */
static inline void trace(enum trace_kind kind, const struct module *module, uint64_t first,
                         uint64_t second) {
    if (__builtin_expect(trace_is_on, false)) {
        trace_note(kind, module, first, second);
    }
}

static inline void trace_switch(const struct thread *from, const struct thread *to) {
    if (__builtin_expect(trace_is_on, false)) {
        trace_note_switch(from, to);
    }
}

/* From now on, also; what was recorded before stays if it was on, else it is forgotten. */
void trace_all(void);
void trace_module(struct module *module);
/* What is recorded can still be shown. */
void trace_off(void);
/* As the boot's option says: "all", or the name of a module that there will be. */
void trace_at_boot(const char *word);
/* The modules have names now. */
void trace_named(void);

bool trace_is_for_all(void);
bool trace_is_for(const struct module *module);
/* While records are shown nothing is added. */
const struct trace_ring *trace_pause(void);
void trace_go_on(void);

#endif
