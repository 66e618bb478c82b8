/*
 * `trace`: who is traced, and what was recorded. In: names, checked. Out: a line per record, for
 * people or with -k for scripts; what it prints itself is not recorded.
 */
#include "bundle/bundle.h"
#include "console/format.h"
#include "console/log.h"
#include "modules/call.h"
#include "modules/postmortem.h"
#include "shell/keys.h"
#include "shell/module_commands.h"
#include "shell/observe_commands.h"
#include "shell/parse.h"
#include "shell/shell.h"
#include "time/clock.h"
#include "trace/trace.h"
#include <string.h>

#define TRACE_SHOWN 64u

static const struct trace_row {
    const char *name;
    enum trace_argument arguments[2];
    const char *names[2];
} trace_rows[] = {
#define TRACE(id, name, first, second, first_name, second_name) \
    {name, {TRACE_IS_##first, TRACE_IS_##second}, {first_name, second_name}},
#include "trace/kinds.def"
#undef TRACE
};

static void trace_show_function(const struct module *module, const char *name, uint64_t func_idx) {
    char function[CRASH_NAME_BYTES], quoted[CRASH_NAME_BYTES * 2 + 3];
    if (module != NULL && module->image != NULL) {
        const struct alka_frame frame = {.image = module->image, .func_idx = (uint32_t)func_idx};
        call_function_name(&frame, function, sizeof function);
    } else {
        format_text(function, sizeof function, "function %lu", func_idx);
    }
    print(" %s=%s", name, shell_keys ? keys_quote(quoted, sizeof quoted, function) : function);
}

static void trace_show_argument(const struct module *module, enum trace_argument kind,
                                const char *name, uint64_t value) {
    switch (kind) {
    case TRACE_IS_NONE:
        return;
    case TRACE_IS_FUNCTION:
        trace_show_function(module, name, value);
        return;
    case TRACE_IS_CODE:
        print(" %s=ALKA_%lu", name, value);
        return;
    case TRACE_IS_ADDRESS:
        print(" %s=0x%lx", name, value);
        return;
    case TRACE_IS_SERVICE:
        print(" %s=%s", name,
              value < BUNDLE_CAP_COUNT ? bundle_capability_name((uint32_t)value) : "?");
        return;
    case TRACE_IS_NUMBER:
    case TRACE_IS_THREAD:
        print(" %s=%lu", name, value);
        return;
    }
}

static void trace_show_record(const struct trace_record *record) {
    const struct trace_row *row = &trace_rows[record->kind];
    const struct module *module =
        record->module != TRACE_NOBODY ? modules_at(record->module) : NULL;
    uint64_t us = clock_at(record->ticks) / 1000;
    print(shell_keys ? "at_s=%lu.%06lu thread=%u module=%s event=%s" : "%5lu.%06lu %4u %-16s %-8s",
          us / 1000000, us % 1000000, record->thread, module != NULL ? module->name : "kernel",
          row->name);
    for (uint32_t i = 0; i < 2; i++) {
        trace_show_argument(module, row->arguments[i], row->names[i], record->arguments[i]);
    }
    print("\n");
}

static void trace_show_state(const struct trace_ring *ring, uint64_t first) {
    uint64_t shown = ring->written + 1 - first;
    if (shell_keys) {
        print("recorded=%lu shown=%lu all=%u\n", ring->written, shown, trace_is_for_all());
    } else {
        print("%lu recorded, %lu shown; traced:%s", ring->written, shown,
              trace_is_for_all() ? " all" : "");
    }
    for (uint32_t i = 0; !trace_is_for_all() && modules_at(i) != NULL; i++) {
        if (trace_is_for(modules_at(i))) {
            print(shell_keys ? "traced=%s\n" : " %s", modules_at(i)->name);
        }
    }
    print("%s", shell_keys ? "" : "\n");
}

static void trace_show(uint64_t count) {
    const struct trace_ring *ring = trace_pause();
    uint64_t first = trace_ring_first(ring, count);
    trace_show_state(ring, first);
    for (uint64_t number = first; number <= ring->written; number++) {
        struct trace_record record;
        if (trace_ring_get(ring, number, &record) && record.kind < TRACE_KINDS) {
            trace_show_record(&record);
        }
    }
    trace_go_on();
}

void command_trace(size_t count, const char *const *words) {
    uint64_t shown = TRACE_SHOWN;
    if (count == 1 || shell_number(words[1], &shown)) {
        trace_show(shown);
        return;
    }
    struct module *module = NULL;
    if (strcmp(words[1], "all") == 0) {
        trace_all();
    } else if (strcmp(words[1], "off") == 0) {
        trace_off();
    } else if ((module = command_module(words[1])) != NULL) {
        trace_module(module);
    } else {
        return;
    }
    if (shell_keys) {
        print("trace=%s\n", words[1]);
    }
}
