/*
 * The shell's commands about modules. In: names, checked. Out: a table or lines for people, or with
 * -k key=value lines for scripts. Names in them are printable (bundle.h, clean_text).
 */
#include "shell/module_commands.h"
#include "console/clean.h"
#include "console/format.h"
#include "console/log.h"
#include "modules/bench.h"
#include "modules/call.h"
#include "modules/inject.h"
#include "modules/loader.h"
#include "modules/modules.h"
#include "modules/postmortem.h"
#include "modules/supervision.h"
#include "modules/workers.h"
#include "shell/keys.h"
#include "shell/observe_commands.h"
#include "shell/shell.h"
#include "time/clock.h"
#include <alkahest/render.h>
#include <string.h>

#define KIB(bytes) ((bytes) >> 10)
#define UNLOAD_PATIENCE_NS (UINT64_C(3) * 1000 * 1000 * 1000)

struct module *command_module(const char *name) {
    struct module *module = modules_find(name);
    if (module == NULL) {
        shell_fail("%s: no such module; `ps` lists them", name);
    }
    return module;
}

static uint64_t command_ns(uint64_t ticks) { return clock_scaled(ticks, clock_scale(clock_hz())); }

/* A name of somebody else's: quoted for scripts. */
#define COMMAND_QUOTED_BYTES (CRASH_NAME_BYTES * 2 + 3)
static const char *command_text(char *quoted, const char *text) {
    return shell_keys ? keys_quote(quoted, COMMAND_QUOTED_BYTES, text) : text;
}

/* --- ps --- */

/* The nth percentile of the recoveries that are kept, in nanoseconds; 0: there were none. */
static uint64_t command_recovery_ns(const struct module *module, uint32_t percent) {
    const struct module_recoveries *recoveries = &module->recoveries;
    uint64_t sorted[MODULE_RECOVERIES_KEPT];
    uint32_t count = recoveries->count < MODULE_RECOVERIES_KEPT ? (uint32_t)recoveries->count
                                                                : MODULE_RECOVERIES_KEPT;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        for (; at > 0 && sorted[at - 1] > recoveries->ticks[i]; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = recoveries->ticks[i];
    }
    return count == 0 ? 0 : command_ns(sorted[(count - 1) * percent / 100]);
}

static uint64_t command_memory_bytes(const struct module *module) {
    return module->instance != NULL ? module->instance->context->memory_bytes : 0;
}

static void command_ps_keys(const struct module *module) {
    print("module=%s state=%s memory_bytes=%lu memory_pages_max=%u mapped_pages=%lu code_bytes=%lu "
          "load_ns=%lu calls=%lu cycles=%lu cpu_ns=%lu traps=%lu restarts=%lu after_trap=%s\n",
          module->name, module_state_name(module->state), command_memory_bytes(module),
          module->entry.memory_pages_max, module_mapped_pages(module), module->native_code_bytes,
          module->load_ns, module->calls, module->ticks, module->account.used_ns, module->traps,
          module->restarts, module->entry.stops_after_trap ? "stop" : "restart");
}

void command_ps(size_t count, const char *const *words) {
    if (count == 2 && strcmp(words[1], "-l") != 0) {
        shell_fail("ps: -l or nothing");
        return;
    }
    if (count == 2 && !shell_keys) {
        command_ps_long();
        return;
    }
    if (!shell_keys) {
        print("%-16s %-8s %10s %10s %9s %6s %6s %8s %8s\n", "module", "state", "memory KiB",
              "code KiB", "load ms", "calls", "traps", "restarts", "p50 us");
    }
    const struct module *module;
    for (uint32_t i = 0; (module = modules_next(&i)) != NULL; i++) {
        if (shell_keys) {
            command_ps_keys(module);
            continue;
        }
        uint64_t p50 = command_recovery_ns(module, 50);
        print("%-16s %-8s %10lu %6lu.%03lu %5lu.%03lu %6lu %6lu %8lu %4lu.%03lu\n", module->name,
              module_state_name(module->state), KIB(command_memory_bytes(module)),
              KIB(module->native_code_bytes), module->native_code_bytes % 1024 * 1000 / 1024,
              module->load_ns / 1000000, module->load_ns / 1000 % 1000, module->calls,
              module->traps, module->restarts, p50 / 1000, p50 % 1000);
    }
}

/* --- dump --- */

static void command_dump_registers(const struct trap_frame *frame) {
    const struct {
        const char *name;
        uint64_t value;
    } registers[] = {
        {"rip", frame->rip}, {"rsp", frame->rsp},      {"rbp", frame->rbp}, {"rax", frame->rax},
        {"rbx", frame->rbx}, {"rcx", frame->rcx},      {"rdx", frame->rdx}, {"rsi", frame->rsi},
        {"rdi", frame->rdi}, {"r8", frame->r8},        {"r9", frame->r9},   {"r10", frame->r10},
        {"r11", frame->r11}, {"r12", frame->r12},      {"r13", frame->r13}, {"r14", frame->r14},
        {"r15", frame->r15}, {"flags", frame->rflags},
    };
    for (size_t i = 0; i < sizeof registers / sizeof registers[0]; i++) {
        print(shell_keys ? "%s=0x%lx%s" : "  %-5s %016lx%s", registers[i].name, registers[i].value,
              i % 3 == 2 ? "\n" : " ");
    }
}

static void command_dump_frames(const struct crash *crash) {
    char quoted[COMMAND_QUOTED_BYTES];
    for (uint32_t i = 0; i < crash->frame_count; i++) {
        const struct crash_frame *frame = &crash->frames[i];
        print(shell_keys ? "frame=%u module=%s function=%s offset=0x%x\n" : "  %2u %s: %s + 0x%x\n",
              i, frame->module, command_text(quoted, frame->function), frame->code_off);
    }
    if (crash->frames_total > crash->frame_count && !shell_keys) {
        print("     and %s%u more\n", crash->frames_cut ? "at least " : "",
              crash->frames_total - crash->frame_count);
    }
}

static void command_dump_recovery(const struct module *module) {
    const struct module_recoveries *recoveries = &module->recoveries;
    if (recoveries->count == 0) {
        return;
    }
    uint64_t p50_ns = command_recovery_ns(module, 50), p99_ns = command_recovery_ns(module, 99);
    if (shell_keys) {
        print("recoveries=%lu p50_ns=%lu p99_ns=%lu dirty_pages=%lu\n", recoveries->count, p50_ns,
              p99_ns, recoveries->pages_last);
    } else {
        print("recovered %lu times; of the last ones p50 %lu.%03lu us, p99 %lu.%03lu us; %lu dirty "
              "pages the last time\n",
              recoveries->count, p50_ns / 1000, p50_ns % 1000, p99_ns / 1000, p99_ns % 1000,
              recoveries->pages_last);
    }
}

void command_dump(size_t count, const char *const *words) {
    (void)count;
    const struct module *module = command_module(words[1]);
    if (module == NULL) {
        return;
    }
    const struct crash *crash = module->crash;
    if (crash == NULL) {
        print(shell_keys ? "module=%s crashes=0\n" : "%s: has not crashed\n", module->name);
        return;
    }
    uint32_t code = call_trap_code(crash->trap);
    char called[COMMAND_QUOTED_BYTES], text[COMMAND_QUOTED_BYTES];
    char when[SHELL_WHEN_BYTES];
    print(shell_keys ? "module=%s crashes=%lu at_ns=%s call=%s code=ALKA_%u text=%s\n"
                     : "%s: crash %lu at %s, in a call of %s: ALKA_%u %s\n",
          module->name, crash->number, shell_when(when, crash->at_ns),
          command_text(called, crash->called), code, command_text(text, alka_code_text(code)));
    if (crash->wasm_off != ALKA_DIAG_NONE) {
        print(shell_keys ? "wasm_offset=0x%x address=0x%lx\n"
                         : "at byte 0x%x of the module, address touched 0x%lx\n",
              crash->wasm_off, crash->address);
    }
    command_dump_frames(crash);
    command_dump_registers(&crash->registers);
    command_dump_recovery(module);
    print("%s", shell_keys ? "" : "log before it:\n");
    shell_show_log(crash->log, strlen(crash->log));
}

/* --- Lifecycle. --- */

static void command_done(const struct module *module, const char *what) {
    log_info("%s: %s from the console", module->name, what);
    if (shell_keys) {
        print("module=%s state=%s\n", module->name, module_state_name(module->state));
    }
}

static bool command_has_instance(const struct module *module) {
    if (module->instance == NULL) {
        shell_fail("%s: is %s", module->name, module_state_name(module->state));
    }
    return module->instance != NULL;
}

/* Nobody else may depend on it. */
static bool command_is_free(const struct module *module, const char *instead) {
    const struct module *importer = module_importer(module);
    if (importer != NULL) {
        shell_fail("%s: %s imports from it; stop that first, or %s", module->name, importer->name,
                   instead);
    }
    return importer == NULL;
}

/* What serves under its own name; the message is out otherwise. */
static struct module *command_server(const char *name) {
    struct module *module = command_module(name);
    if (module != NULL && module->of != NULL) {
        shell_fail("%s: is a version of %s; `swap %s %s` brings it into service", name,
                   module->of->name, module->of->name, name);
        return NULL;
    }
    return module;
}

/* --- Of those that are supervised, and of supervisors. --- */

/* Its place in the tree; a module that nobody supervises, or nothing, has none. */
static uint32_t command_node(const char *name) {
    const struct module *module = modules_find(name);
    return module != NULL ? module->node : supervision_find(name);
}

static void command_supervised(uint32_t node, const char *what, const char *error) {
    struct supervision_row row;
    uint32_t at = node;
    if (!supervision_next(&at, &row)) {
        return;
    }
    if (error != NULL) {
        shell_fail("%s: %s", row.name, error);
        return;
    }
    log_info("%s: %s from the console", row.name, what);
    if (shell_keys) {
        print("module=%s state=%s\n", row.name, supervise_word(row.node));
    }
}

/* As the boot does. */
static void command_bring_up(const char *name, const char *what) {
    uint32_t node = command_node(name);
    if (node != SUPERVISION_NONE) {
        command_supervised(node, what, supervision_release(node));
        return;
    }
    struct module *module = command_server(name);
    if (module == NULL) {
        return;
    }
    if (module->instance != NULL) {
        shell_fail("%s: is %s; `restart` makes it new", module->name,
                   module_state_name(module->state));
        return;
    }
    if (module_revive(module)) {
        command_done(module, what);
        workers_add_all(module);
        module_run(module, 0, NULL);
    }
}

void command_start(size_t count, const char *const *words) {
    (void)count;
    command_bring_up(words[1], "started");
}

void command_load(size_t count, const char *const *words) {
    (void)count;
    const struct module *module = command_module(words[1]);
    if (module == NULL) {
        return;
    }
    if (module->image != NULL) {
        shell_fail("%s: is loaded already, and %s", module->name, module_state_name(module->state));
        return;
    }
    command_bring_up(words[1], "loaded");
}

void command_restart(size_t count, const char *const *words) {
    (void)count;
    uint32_t node = command_node(words[1]);
    if (node != SUPERVISION_NONE) {
        command_supervised(node, "restarted", supervision_restart(node));
        return;
    }
    struct module *module = command_server(words[1]);
    if (module == NULL || !command_has_instance(module)) {
        return;
    }
    if (module_reset(module, 0)) {
        command_done(module, "restarted");
        workers_add_all(module);
        module_run(module, 0, NULL);
    }
}

void command_stop(size_t count, const char *const *words) {
    (void)count;
    uint32_t node = command_node(words[1]);
    if (node != SUPERVISION_NONE) {
        const struct module *module = modules_find(words[1]);
        if (module == NULL || command_is_free(module, "`kill` it")) {
            command_supervised(node, "stopped", supervision_hold(node));
        }
        return;
    }
    struct module *module = command_module(words[1]);
    if (module != NULL && command_has_instance(module) && command_is_free(module, "`kill` it")) {
        module_stop(module);
        command_done(module, "stopped");
    }
}

void command_kill(size_t count, const char *const *words) {
    (void)count;
    uint32_t node = command_node(words[1]);
    if (node != SUPERVISION_NONE) {
        command_supervised(node, "killed", supervision_kill(node));
        return;
    }
    struct module *module = command_module(words[1]);
    if (module != NULL && command_has_instance(module)) {
        module_stop(module);
        command_done(module, "killed");
    }
}

/* Its name is free afterwards. */
static void command_unload_loaded(struct module *module) {
    char name[BUNDLE_NAME_BYTES_MAX + 1];
    memcpy(name, module->name, sizeof name);
    if (loader_unload_module(module, clock_ns() + UNLOAD_PATIENCE_NS) != ALKA_OK) {
        shell_fail("%s: does not end", name);
    } else if (shell_keys) {
        print("module=%s state=%s\n", name, module_state_name(MODULE_UNLOADED));
    }
}

void command_unload(size_t count, const char *const *words) {
    (void)count;
    struct module *module = command_module(words[1]);
    if (module == NULL || !command_is_free(module, "`kill` it before")) {
        return;
    }
    if (module->loaded != NULL) {
        command_unload_loaded(module);
        return;
    }
    if (module->image == NULL) {
        shell_fail("%s: is %s", module->name, module_state_name(module->state));
        return;
    }
    if (module->node != SUPERVISION_NONE && supervision_hold(module->node) != NULL) {
        shell_fail("%s: does not stop", module->name);
        return;
    }
    module_unload(module);
    command_done(module, "unloaded");
}

static void command_run_all(struct module *module) {
    if (module->entry.start_count == 0) {
        shell_fail("%s: the manifest names no start function; say which one to call", module->name);
        return;
    }
    uint32_t calls, unexpected = module_run(module, 0, &calls);
    if (shell_keys) {
        print("module=%s calls=%u unexpected=%u state=%s\n", module->name, calls, unexpected,
              module_state_name(module->state));
    }
}

static void command_run_keys(const struct module *module, const char *function,
                             const struct call_result *result) {
    static const char *const outcomes[] = {"returned", "trapped", "no_export", "wrong_type",
                                           "not_ready"};
    char quoted[COMMAND_QUOTED_BYTES];
    print("module=%s function=%s outcome=%s", module->name, command_text(quoted, function),
          outcomes[result->outcome]);
    if (result->outcome == CALL_RETURNED) {
        print(" value=%u", result->code);
    } else if (result->outcome == CALL_TRAPPED) {
        print(" code=ALKA_%u", call_trap_code(result->trap));
    }
    print(" ns=%lu\n", result->ns);
}

void command_run(size_t count, const char *const *words) {
    struct module *module = command_server(words[1]);
    if (module == NULL) {
        return;
    }
    if (count == 2) {
        command_run_all(module);
        return;
    }
    struct call_result result;
    module_run_function(module, words[2], 0, &result);
    if (shell_keys) {
        command_run_keys(module, words[2], &result);
    }
}

static void command_list_faults(void) {
    const struct inject_fault *fault;
    for (uint32_t i = 0; (fault = inject_at(i)) != NULL; i++) {
        char quoted[KEYS_TEXT_BYTES / 4];
        if (shell_keys) {
            print("fault=%s meaning=%s\n", fault->name, command_text(quoted, fault->meaning));
        } else {
            print("%-11s %s\n", fault->name, fault->meaning);
        }
    }
}

void command_inject(size_t count, const char *const *words) {
    if (count == 1) {
        command_list_faults();
        return;
    }
    if (count == 2) {
        shell_fail("which fault? `inject` lists them");
        return;
    }
    struct module *module = command_server(words[1]);
    if (module == NULL || !command_has_instance(module)) {
        return;
    }
    struct call_result result;
    const char *error = inject(module, words[2], &result);
    if (error != NULL) {
        shell_fail("%s: %s", words[2], error);
        return;
    }
    if (shell_keys) {
        char code[16] = "none";
        if (result.outcome == CALL_TRAPPED) {
            format_text(code, sizeof code, "ALKA_%u", call_trap_code(result.trap));
        }
        print("module=%s fault=%s code=%s state=%s recovery_ns=%lu dirty_pages=%lu\n", module->name,
              words[2], code, module_state_name(module->state), command_recovery_ns(module, 50),
              module->recoveries.pages_last);
    }
}

void command_bench(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    struct bench_figure figures[BENCH_FIGURES];
    const char *error = bench_run(figures);
    if (error != NULL) {
        shell_fail("bench: %s", error);
        return;
    }
    for (uint32_t i = 0; i < BENCH_FIGURES; i++) {
        print(shell_keys ? "bench=%s ticks=%lu.%02lu p99=%lu worst=%lu ns=%lu\n"
                         : "%-30s %9lu.%02lu ticks, p99 %lu, at worst %lu; %lu ns\n",
              shell_keys ? figures[i].key : figures[i].what, figures[i].hundredths / 100,
              figures[i].hundredths % 100, figures[i].p99, figures[i].worst,
              command_ns(figures[i].hundredths / 100));
    }
    if (!shell_keys) {
        print("ticks of the time stamp counter, %lu.%03lu MHz; medians\n", clock_hz() / 1000000,
              clock_hz() / 1000 % 1000);
    }
}
