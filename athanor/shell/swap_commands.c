/*
 * Commands about versions, and about calls in the background. In: names, checked. Out: a line for
 * people, or with -k key=value lines for scripts.
 */
#include "shell/swap_commands.h"
#include "console/log.h"
#include "modules/swap.h"
#include "shell/keys.h"
#include "shell/module_commands.h"
#include "shell/shell.h"

static void command_swapped(const struct module *module, const char *what, const char *error,
                            const struct swap_report *report) {
    if (error != NULL) {
        log_error("%s: no %s: %s", module->name, what, error);
    } else {
        log_info("%s: %s; gates closed for %lu ns, %lu ns of it until it was empty; %lu bytes of "
                 "state",
                 module->name, what, report->closed_ns, report->drain_ns, report->state_bytes);
    }
    if (shell_keys) {
        char quoted[KEYS_TEXT_BYTES / 4];
        print("module=%s %s=%u closed_ns=%lu drain_ns=%lu load_ns=%lu state_bytes=%lu serves=%s "
              "error=%s\n",
              module->name, what, error == NULL, report->closed_ns, report->drain_ns,
              report->load_ns, report->state_bytes,
              module->instance != NULL ? module->instance->name : "nobody",
              keys_quote(quoted, sizeof quoted, error != NULL ? error : ""));
    }
}

void command_swap(size_t count, const char *const *words) {
    struct module *module = command_module(words[1]);
    if (module == NULL) {
        return;
    }
    struct module *next = count > 2 ? command_module(words[2]) : swap_next(module);
    if (next == NULL) {
        if (count == 2) {
            shell_fail("%s: the bundle holds no other version of it", words[1]);
        }
        return;
    }
    struct swap_report report;
    const char *error = swap(module, next, &report);
    command_swapped(module, "swap", error, &report);
}

void command_rollback(size_t count, const char *const *words) {
    (void)count;
    struct module *module = command_module(words[1]);
    if (module == NULL) {
        return;
    }
    struct swap_report report = {0};
    const char *error = swap_back(module, &report);
    command_swapped(module, "rollback", error, &report);
}
