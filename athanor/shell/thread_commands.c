/*
 * The shell's commands about threads. In: names, checked. Out: a table, or with -k key=value lines.
 */
#include "console/log.h"
#include "modules/workers.h"
#include "shell/keys.h"
#include "shell/module_commands.h"
#include "shell/shell.h"
#include <string.h>

#define THREADS_SHOWN 256u

struct thread_row {
    char name[THREAD_NAME_BYTES];
    uint32_t id, priority;
    enum sched_state state;
    uint64_t used_ns, runs;
};

/* Printing switches threads: what is shown is copied first. */
static uint32_t threads_copy(struct thread_row *rows) {
    uint32_t count = 0;
    uint64_t flags = threads_lock();
    for (const struct thread *thread = thread_next(NULL); thread != NULL && count < THREADS_SHOWN;
         thread = thread_next(thread)) {
        struct thread_row *row = &rows[count++];
        memcpy(row->name, thread->name, sizeof row->name);
        row->id = thread->id;
        row->priority = thread->sched.priority;
        row->state = thread->sched.state;
        row->used_ns = thread->sched.used_ns;
        row->runs = thread->sched.run_count;
    }
    threads_unlock(flags);
    return count;
}

void command_threads(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    static struct thread_row rows[THREADS_SHOWN]; /* the console's own */
    uint32_t shown = threads_copy(rows);
    if (!shell_keys) {
        print("%4s %-31s %8s %-9s %10s %10s\n", "id", "thread", "priority", "state", "cpu ms",
              "turns");
    }
    for (uint32_t i = 0; i < shown; i++) {
        const struct thread_row *row = &rows[i];
        char quoted[THREAD_NAME_BYTES * 2 + 3];
        print(shell_keys ? "thread=%u name=%s priority=%u state=%s cpu_ms=%lu turns=%lu\n"
                         : "%4u %-31s %8u %-9s %10lu %10lu\n",
              row->id, shell_keys ? keys_quote(quoted, sizeof quoted, row->name) : row->name,
              row->priority, sched_state_name(row->state), row->used_ns / 1000000, row->runs);
    }
    struct threads_stats stats;
    threads_stats(&stats);
    print(shell_keys
              ? "scheduler=%s switches=%lu stops=%lu retries=%lu idle_ms=%lu\n"
              : "scheduler %s: %lu switches, %lu of them in module code, %lu put off; %lu ms "
                "idle\n",
          stats.policy, stats.switches, stats.stops, stats.retries, stats.idle_ns / 1000000);
}

void command_spawn(size_t count, const char *const *words) {
    (void)count;
    struct module *module = modules_find(words[1]);
    if (module == NULL || module->instance == NULL) {
        shell_fail("%s: %s", words[1], module == NULL ? "no such module" : "has no instance");
        return;
    }
    const struct bundle_text function = {words[2], (uint32_t)strlen(words[2])};
    alka_status status = function.size > BUNDLE_TEXT_BYTES_MAX
                             ? ALKA_E_SERVICE_ARGUMENT
                             : workers_add(module, function, SCHED_PRIORITY_NORMAL, false);
    if (status != ALKA_OK) {
        shell_fail("%s: no thread: ALKA_%u", module->name, (unsigned)status);
    } else if (shell_keys) {
        char quoted[KEYS_TEXT_BYTES / 2];
        print("module=%s function=%s\n", module->name, keys_quote(quoted, sizeof quoted, words[2]));
    }
}
