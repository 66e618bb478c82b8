/*
 * Counters and the calendar. In: names, checked. Out: tables, or with -k key=value lines.
 */
#include "shell/observe_commands.h"
#include "console/log.h"
#include "modules/modules.h"
#include "modules/workers.h"
#include "shell/module_commands.h"
#include "shell/shell.h"
#include "time/clock.h"
#include "time/rtc.h"

void command_date(size_t count, const char *const *words) {
    struct calendar date;
    uint64_t ms = clock_ns() / 1000000;
    (void)count;
    (void)words;
    if (!rtc_read(&date)) {
        shell_fail("the machine's clock holds no date");
        return;
    }
    print(shell_keys ? "date=%04u-%02u-%02uT%02u:%02u:%02uZ" : "%04u-%02u-%02u %02u:%02u:%02u UTC",
          date.year, date.month, date.day, date.hour, date.minute, date.second);
    if (shell_keys) {
        print(" unix_s=%lu", calendar_unix_s(&date));
    }
    print(shell_keys ? " uptime_s=%lu.%03lu\n" : ", up %lu.%03lu s\n", ms / 1000, ms % 1000);
}

/* --- Counters. --- */

static uint32_t stats_threads(const struct module *module) {
    uint32_t count = 0;
    for (const struct worker *worker = module->workers; worker != NULL; worker = worker->next) {
        count += worker->is_done ? 0 : 1;
    }
    return count;
}

static void stats_show(const char *name, uint64_t value, const char *unit) {
    print(shell_keys ? " %s=%lu" : "  %-16s %20lu %s\n", name, value, unit);
}

void command_stats(size_t count, const char *const *words) {
    const struct module *module = command_module(words[1]);
    (void)count;
    if (module == NULL) {
        return;
    }
    const struct sched_account *account = &module->account;
    print(shell_keys ? "module=%s state=%s" : "%s: %s\n", module->name,
          module_state_name(module->state));
    stats_show("calls", module->calls, "from the kernel");
    stats_show("cycles", module->ticks, "of the time stamp counter, in those calls");
    stats_show("cpu_ns", account->used_ns, "on the processor, threads and all");
    stats_show("throttled", account->throttle_count, "times out of budget");
    stats_show("threads", stats_threads(module), "of its own");
    stats_show("traps", module->traps, "");
    stats_show("restarts", module->restarts, "");
    stats_show("recoveries", module->recoveries.count, "after traps");
    stats_show("recovered_pages", module->recoveries.pages, "found dirty then, of 4 KiB");
    stats_show("pages", module_mapped_pages(module), "mapped now, of 4 KiB");
    stats_show("code_bytes", module->native_code_bytes, "");
    stats_show("load_ns", module->load_ns, "");
    print("%s", shell_keys ? "\n" : "");
}

void command_ps_long(void) {
    print("%-16s %-8s %8s %14s %10s %8s %6s %8s %8s\n", "module", "state", "calls", "cycles",
          "cpu ms", "threads", "traps", "restarts", "pages");
    const struct module *module;
    for (uint32_t i = 0; (module = modules_next(&i)) != NULL; i++) {
        print("%-16s %-8s %8lu %14lu %10lu %8u %6lu %8lu %8lu\n", module->name,
              module_state_name(module->state), module->calls, module->ticks,
              module->account.used_ns / 1000000, stats_threads(module), module->traps,
              module->restarts, module_mapped_pages(module));
    }
}
