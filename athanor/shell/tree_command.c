/*
 * The tree of supervision as a table. In: nothing. Out: a line for each supervisor and module in
 * the order of starting, or with -k key=value lines.
 */
#include "console/format.h"
#include "console/log.h"
#include "modules/supervision.h"
#include "shell/module_commands.h"
#include "shell/shell.h"

#define MS UINT64_C(1000000)
#define TREE_NAME_BYTES 64u

static const char *const tree_restarts[] = {"permanent", "transient", "temporary"};
static const char *const tree_strategies[] = {"one_for_one", "one_for_all", "rest_for_one"};

static void tree_keys(const struct supervision_row *row) {
    const struct supervise_node *node = row->node;
    const struct supervise_spec *spec = &node->spec;
    print("node=%s parent=%s kind=%s state=%s restart=%s restarts=%lu wait_ms=%lu", row->name,
          row->parent != NULL ? row->parent : "none", spec->is_supervisor ? "supervisor" : "module",
          supervise_word(node), tree_restarts[spec->restart], node->restarts,
          (row->wait_ns + MS - 1) / MS);
    if (spec->is_supervisor) {
        print(" strategy=%s intensity=%u period_ms=%lu recent=%u\n",
              tree_strategies[spec->strategy], spec->intensity, spec->period_ns / MS, row->recent);
    } else {
        print(" in_a_row=%u heartbeat_ms=%lu hangs=%lu\n", node->streak, spec->heartbeat_ns / MS,
              row->hangs);
    }
}

static void tree_line(const struct supervision_row *row) {
    const struct supervise_node *node = row->node;
    const struct supervise_spec *spec = &node->spec;
    char name[TREE_NAME_BYTES];
    uint32_t indent = row->depth < 8 ? row->depth * 2 : 16;
    format_text(name, sizeof name, "%*s%s", (int)indent, "", row->name);
    print("%-28s %-9s %-12s %8lu ", name, supervise_word(node),
          spec->is_supervisor ? tree_strategies[spec->strategy] : tree_restarts[spec->restart],
          node->restarts);
    if (row->wait_ns != 0) {
        print("starts again in %lu ms", (row->wait_ns + MS - 1) / MS);
    } else if (spec->is_supervisor) {
        print("%u of %u in %lu ms", row->recent, spec->intensity, spec->period_ns / MS);
    } else if (spec->heartbeat_ns != 0) {
        print("heartbeat %lu ms, missed %lu times", spec->heartbeat_ns / MS, row->hangs);
    }
    print("\n");
}

void command_tree(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    uint32_t node = SUPERVISE_ROOT;
    struct supervision_row row;
    if (!supervision_next(&node, &row)) {
        print(shell_keys ? "supervised=0\n" : "nobody is supervised: the manifest says so\n");
        return;
    }
    if (!shell_keys) {
        print("%-28s %-9s %-12s %8s\n", "supervised", "state", "rule", "restarts");
    }
    do {
        if (shell_keys) {
            tree_keys(&row);
        } else {
            tree_line(&row);
        }
    } while (supervision_next(&node, &row));
}
