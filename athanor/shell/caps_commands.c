/*
 * The shell's commands about capabilities. In: a module's name, checked. Out: what it may import,
 * what it holds, and what became of capabilities, for people or as key=value lines. Names in them
 * are printable (bundle.h, clean_text).
 */
#include "console/clean.h"
#include "console/log.h"
#include "modules/loader.h"
#include "modules/modules.h"
#include "modules/postmortem.h"
#include "objects/audit.h"
#include "objects/objects.h"
#include "services/services.h"
#include "shell/keys.h"
#include "shell/module_commands.h"
#include "shell/shell.h"
#include <string.h>

/* --- caps --- */

static void command_caps_import(const struct alka_instance *instance, uint32_t import_idx) {
    char function[CRASH_NAME_BYTES], quoted[KEYS_TEXT_BYTES];
    const struct alka_import *import = &instance->image->module.imports[import_idx];
    const struct alka_instance *owner = instance->imports[import_idx].owner;
    bool returns = owner != NULL && instance->imports[import_idx].gate_policy == ALKA_GATE_RETURNS;
    const char *on_trap = returns ? "error" : "trap";
    clean_text(function, sizeof function, import->name.data, import->name.size);
    if (shell_keys) {
        print("module=%s import=%s from=%s on_trap=%s alive=%u\n", instance->name,
              keys_quote(quoted, sizeof quoted, function),
              owner != NULL ? owner->name : SERVICES_MODULE, on_trap,
              owner == NULL || !owner->is_dropped);
        return;
    }
    print("  bound    %s.%s%s%s\n", owner != NULL ? owner->name : SERVICES_MODULE, function,
          returns ? " (its traps are errors)" : "",
          owner == NULL || !owner->is_dropped ? ""
          : returns                           ? " (gone)"
                                              : " (gone: calling it traps)");
}

static void command_caps_limit_keys(const struct module *module) {
    const struct bundle_module *entry = &module->entry;
    const struct cap_table *table = &module->holder->table;
    print("module=%s memory_pages_max=%u handles=%u handles_max=%u clock_resolution_ns=%u "
          "gate_depth_max=%u queue_places_max=%u log_rate_max=%u log_lines_refused=%lu cpu_us=%u "
          "period_us=%u after_trap=%s\n",
          module->name, entry->memory_pages_max, table->used, table->capacity,
          entry->clock_resolution_ns, entry->gate_depth_max, entry->queue_places_max,
          entry->log_rate_max, module->holder->log_lines.refused_ever, entry->cpu_budget_us,
          entry->cpu_period_us, entry->stops_after_trap ? "stop" : "restart");
}

static void command_caps_limits(const struct module *module) {
    const struct bundle_module *entry = &module->entry;
    const struct cap_table *table = &module->holder->table;
    if (shell_keys) {
        command_caps_limit_keys(module);
        return;
    }
    print("  at most  %u pages of 64 KiB; %u handles, %u of them held; %u places in queues\n",
          entry->memory_pages_max, table->capacity, table->used, entry->queue_places_max);
    print("  clock    in steps of %u ns\n", entry->clock_resolution_ns);
    if (entry->gate_depth_max != 0) {
        print("  at most  %u calls of other modules in a chain\n", entry->gate_depth_max);
    }
    if (entry->log_rate_max != 0) {
        print("  at most  %u lines of the log in a second; %lu were refused\n", entry->log_rate_max,
              module->holder->log_lines.refused_ever);
    }
    if (entry->cpu_budget_us != 0) {
        print("  at most  %u us of the processor in %u us\n", entry->cpu_budget_us,
              entry->cpu_period_us);
    }
    print("  trap     %s\n", entry->stops_after_trap ? "stops it" : "makes it new");
}

/* What it may load and has loaded, or who has loaded it. */
static void command_caps_loader(const struct module *module) {
    const struct bundle_loader *may = &module->holder->may_load;
    const struct loader_use *uses = &module->holder->uses;
    if (module->loaded != NULL) {
        print(shell_keys ? "module=%s loaded_by=%s\n" : "%s: loaded by %s\n", module->name,
              module->loaded->loader->module->name);
    }
    if (may->modules > 0) {
        print(shell_keys
                  ? "module=%s loaded=%u loaded_max=%u loaded_pages=%u loaded_pages_max=%u "
                    "loaded_code_bytes=%u loaded_code_bytes_max=%u loaded_handles=%u "
                    "loaded_handles_max=%u loaded_threads_max=%u\n"
                  : "%s: has loaded %u of %u modules, with %u of %u pages, %u of %u bytes of "
                    "code, %u of %u handles; at most %u threads\n",
              module->name, uses->modules, may->modules, uses->memory_pages, may->memory_pages,
              uses->code_bytes, may->code_bytes, uses->handles, may->handles, may->threads);
    }
}

static void command_caps_handles(const struct module *module) {
    uint32_t cursor = 0;
    struct cap_view view;
    while (cap_next(&module->holder->table, &cursor, &view)) {
        char rights[AUDIT_RIGHTS_BYTES];
        const struct object *object = view.object.object;
        audit_rights(rights, view.rights);
        print(shell_keys ? "module=%s handle=0x%lx kind=%s rights=%s depth=%u name=\"%s\"\n"
                         : "  handle   %.0s%lx %s %s depth %u %s\n",
              module->name, view.handle, cap_kind_name(view.object.kind), rights, view.depth,
              object->name);
    }
}

void command_caps(size_t count, const char *const *words) {
    (void)count;
    const struct module *module = command_module(words[1]);
    if (module == NULL) {
        return;
    }
    for (uint32_t bit = 0; bit < BUNDLE_CAP_COUNT; bit++) {
        if ((module->entry.capabilities >> bit & 1) != 0) {
            print(shell_keys ? "module=%s granted=%s\n" : "  granted  %.0s%s\n", module->name,
                  bundle_capability_name(bit));
        }
    }
    command_caps_limits(module);
    command_caps_loader(module);
    command_caps_handles(module);
    for (uint32_t i = 0; module->instance != NULL && i < module->image->module.import_count; i++) {
        command_caps_import(module->instance, i);
    }
}

void command_revoke(size_t count, const char *const *words) {
    (void)count;
    struct module *module = command_module(words[1]);
    if (module == NULL) {
        return;
    }
    const struct alka_span name = {(const uint8_t *)words[2], strlen(words[2])};
    if (holder_revoke(module->holder, name) != ALKA_OK) {
        shell_fail("%s: its manifest grants no %s; `caps` shows what it holds", module->name,
                   words[2]);
        return;
    }
    log_info("%s: %s revoked from the console", module->name, words[2]);
    if (shell_keys) {
        print("module=%s revoked=%s\n", module->name, words[2]);
    }
}

/* --- audit --- */

void command_audit(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    uint64_t end = audit_count(), first = end < AUDIT_KEPT ? 0 : end - AUDIT_KEPT;
    print(shell_keys ? "acts=%lu kept=%lu\n" : "%lu acts, %lu of them kept\n", end, end - first);
    for (uint64_t i = first; i < end; i++) {
        const struct audit_record *record = audit_at(i);
        char rights[AUDIT_RIGHTS_BYTES], when[SHELL_WHEN_BYTES];
        audit_rights(rights, record->act.rights);
        print(shell_keys ? "number=%lu at_ns=%s act=%s kind=%s name=\"%s\" rights=%s depth=%u "
                           "from=%s to=%s\n"
                         : "%6lu %14s  %-8s %-8s %-16s %s depth %u  %s -> %s\n",
              i + 1, shell_when(when, record->at_ns), cap_act_name(record->act.act),
              cap_kind_name(record->act.object.kind), record->name, rights, record->act.depth,
              audit_who(record->act.from), audit_who(record->act.to));
    }
}
