/*
 * `top`: who used the processor during an interval. In: how long, how often. Out: shares of modules
 * and threads, again and again until a key is typed. What a call from the shell uses is its
 * module's.
 */
#include "console/input.h"
#include "console/log.h"
#include "modules/modules.h"
#include "sched/thread.h"
#include "shell/keys.h"
#include "shell/observe_commands.h"
#include "shell/parse.h"
#include "shell/shell.h"
#include "time/clock.h"
#include <string.h>

#define TOP_ROWS 128u
#define TOP_SHOWN 20u /* of each table */
#define TOP_SECONDS_MAX 3600u
#define NS_PER_S UINT64_C(1000000000)

struct top_row {
    char name[THREAD_NAME_BYTES > BUNDLE_NAME_BYTES_MAX + 1 ? THREAD_NAME_BYTES
                                                            : BUNDLE_NAME_BYTES_MAX + 1];
    uint32_t id; /* of a thread; place of a module */
    uint64_t used_ns, share_ns;
};

struct top_table {
    const char *what;
    uint32_t count;
    struct top_row rows[TOP_ROWS];
};

struct top_look {
    uint64_t at_ns, idle_ns;
    struct top_table modules, threads;
};

static void top_add(struct top_table *table, const char *name, uint32_t id, uint64_t used_ns) {
    if (table->count < TOP_ROWS) {
        struct top_row *row = &table->rows[table->count++];
        *row = (struct top_row){.id = id, .used_ns = used_ns};
        for (size_t i = 0; i < sizeof row->name - 1 && name[i] != '\0'; i++) {
            row->name[i] = name[i];
        }
    }
}

static void top_look(struct top_look *out) {
    struct threads_stats stats;
    threads_stats(&stats);
    out->modules = (struct top_table){.what = "module"};
    out->threads = (struct top_table){.what = "thread"};
    out->idle_ns = stats.idle_ns;
    uint64_t flags = threads_lock();
    out->at_ns = clock_ns();
    sched_charge_running(&threads_sched, MACHINE_CPU, out->at_ns); /* what led here is before it */
    const struct module *module;
    for (uint32_t i = 0; (module = modules_next(&i)) != NULL; i++) {
        top_add(&out->modules, module->name, module->id, module->account.used_ns);
    }
    for (const struct thread *thread = thread_next(NULL); thread != NULL;
         thread = thread_next(thread)) {
        top_add(&out->threads, thread->name, thread->id, thread->sched.used_ns);
    }
    threads_unlock(flags);
}

/* What each used since then: the largest first, and of equals the older ones. */
static void top_compare(struct top_table *now, const struct top_table *before) {
    uint32_t other = 0;
    for (uint32_t i = 0; i < now->count; i++) { /* ids ascend in both */
        struct top_row row = now->rows[i];
        while (other < before->count && before->rows[other].id < row.id) {
            other++;
        }
        bool is_old = other < before->count && before->rows[other].id == row.id;
        row.share_ns = row.used_ns - (is_old ? before->rows[other].used_ns : 0);
        uint32_t at = i;
        for (; at > 0 && now->rows[at - 1].share_ns < row.share_ns; at--) {
            now->rows[at] = now->rows[at - 1];
        }
        now->rows[at] = row;
    }
}

static uint64_t top_permille(uint64_t part_ns, uint64_t whole_ns) {
    return whole_ns == 0 ? 0 : part_ns * 1000 / whole_ns;
}

static void top_show_table(const struct top_table *table, uint64_t whole_ns) {
    char quoted[sizeof table->rows[0].name * 2 + 3];
    for (uint32_t i = 0; i < table->count && (shell_keys || i < TOP_SHOWN); i++) {
        const struct top_row *row = &table->rows[i];
        uint64_t share = top_permille(row->share_ns, whole_ns);
        if (shell_keys) {
            print("%s=%s id=%u cpu_permille=%lu used_ns=%lu total_ns=%lu\n", table->what,
                  keys_quote(quoted, sizeof quoted, row->name), row->id, share, row->share_ns,
                  row->used_ns);
        } else {
            print("%-8s %4u %-31s %5lu.%lu %12lu\033[K\n", table->what, row->id, row->name,
                  share / 10, share % 10, row->used_ns / 1000000);
        }
    }
}

static void top_show(const struct top_look *now, const struct top_look *before) {
    uint64_t whole_ns = now->at_ns - before->at_ns;
    uint64_t idle = top_permille(now->idle_ns - before->idle_ns, whole_ns);
    if (shell_keys) {
        print("interval_ns=%lu idle_permille=%lu modules=%u threads=%u\n", whole_ns, idle,
              now->modules.count, now->threads.count);
    } else {
        print("%lu.%03lu s, %lu.%lu %% of it idle; %u modules, %u threads\033[K\n",
              whole_ns / NS_PER_S, whole_ns / 1000000 % 1000, idle / 10, idle % 10,
              now->modules.count, now->threads.count);
        print("%-8s %4s %-31s %7s %12s\033[K\n", "", "id", "name", "cpu %", "cpu ms");
    }
    top_show_table(&now->modules, whole_ns);
    top_show_table(&now->threads, whole_ns);
}

void command_top(size_t count, const char *const *words) {
    static struct top_look looks[3]; /* the console's own */
    struct top_look *sorted = &looks[2];
    uint64_t seconds = 1, times = shell_keys ? 1 : UINT64_MAX;
    if ((count > 1 && !shell_number(words[1], &seconds)) ||
        (count > 2 && !shell_number(words[2], &times)) || seconds == 0 ||
        seconds > TOP_SECONDS_MAX) {
        shell_fail("top: seconds, 1 to %u, and how often", TOP_SECONDS_MAX);
        return;
    }
    top_look(&looks[0]);
    print("%s", !shell_keys && times > 1 ? "\033[2J" : "");
    for (uint64_t i = 0; i < times; i++) {
        uint8_t key;
        struct top_look *now = &looks[(i + 1) % 2], *before = &looks[i % 2];
        if (input_wait_until(before->at_ns + seconds * NS_PER_S, &key)) {
            break;
        }
        top_look(now);
        *sorted = *now; /* the next comparison needs the order of ids */
        top_compare(&sorted->modules, &before->modules);
        top_compare(&sorted->threads, &before->threads);
        print("%s", !shell_keys && times > 1 ? "\033[H" : "");
        top_show(sorted, before);
        print("%s", !shell_keys && times > 1 ? "any key ends it\033[J\n" : "");
    }
}
