/*
 * The trace's switches. In: who is traced, and events from everywhere. Out: records in the ring. It
 * takes no lock and waits for nobody: exception handlers call it.
 */
#include "trace/trace.h"
#include "cpu/x86.h"
#include "modules/modules.h"
#include "sched/thread.h"
#include <string.h>

bool trace_is_on;

static struct trace_ring trace_records;
static bool trace_wants_all, trace_wants_some;
static char trace_boot_word[BUNDLE_NAME_BYTES_MAX + 1];

static uint16_t trace_place(const struct module *module) {
    return module == NULL ? TRACE_NOBODY : (uint16_t)modules_index(module);
}

static void trace_put(enum trace_kind kind, const struct module *module, uint64_t first,
                      uint64_t second) {
    const struct thread *thread = threads_are_started() ? thread_this() : NULL;
    const struct trace_record record = {
        .ticks = x86_time_stamp(),
        .arguments = {first, second},
        .thread = thread != NULL ? thread->id : 0,
        .module = trace_place(module),
        .kind = (uint16_t)kind,
    };
    trace_ring_put(&trace_records, &record);
}

void trace_note(enum trace_kind kind, const struct module *module, uint64_t first,
                uint64_t second) {
    if (trace_wants_all || (module != NULL && module->is_traced)) {
        trace_put(kind, module, first, second);
    }
}

/* Who pays for the thread; NULL: the kernel does. */
static const struct module *trace_payer(const struct thread *thread) {
    for (uint32_t i = 0; thread != NULL && modules_at(i) != NULL; i++) {
        if (thread->sched.account == &modules_at(i)->account) {
            return modules_at(i);
        }
    }
    return NULL;
}

void trace_note_switch(const struct thread *from, const struct thread *to) {
    const struct module *before = trace_payer(from), *after = trace_payer(to);
    bool is_wanted = trace_wants_all || (before != NULL && before->is_traced) ||
                     (after != NULL && after->is_traced);
    if (is_wanted) {
        trace_put(TRACE_SWITCH, after, from != NULL ? from->id : 0, to != NULL ? to->id : 0);
    }
}

static void trace_begin(void) {
    if (!trace_wants_all && !trace_wants_some) {
        trace_ring_clear(&trace_records);
    }
}

void trace_all(void) {
    trace_begin();
    trace_wants_all = true;
    trace_is_on = true;
}

void trace_module(struct module *module) {
    trace_begin();
    module->is_traced = true;
    trace_wants_some = true;
    trace_is_on = true;
}

void trace_off(void) {
    trace_is_on = trace_wants_all = trace_wants_some = false;
    for (uint32_t i = 0; modules_at(i) != NULL; i++) {
        modules_at(i)->is_traced = false;
    }
}

void trace_at_boot(const char *word) {
    if (strcmp(word, "all") == 0) {
        trace_all();
        return;
    }
    for (size_t i = 0; i < sizeof trace_boot_word - 1 && word[i] != '\0'; i++) {
        trace_boot_word[i] = word[i];
    }
}

void trace_named(void) {
    struct module *module = trace_boot_word[0] != '\0' ? modules_find(trace_boot_word) : NULL;
    if (module != NULL) {
        trace_module(module);
    }
}

bool trace_is_for_all(void) { return trace_wants_all; }

bool trace_is_for(const struct module *module) { return trace_wants_all || module->is_traced; }

const struct trace_ring *trace_pause(void) {
    trace_is_on = false;
    return &trace_records;
}

void trace_go_on(void) { trace_is_on = trace_wants_all || trace_wants_some; }
