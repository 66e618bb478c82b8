/* The shell's commands. Each prints what it has to say and returns; a wrong
 * argument is a message.
 */
#include "acpi/power.h"
#include "boot/boot.h"
#include "console/log.h"
#include "crucible/crucible.h"
#include "mm/frames.h"
#include "mm/memory.h"
#include "modules/modules.h"
#include "shell/shell.h"
#include "time/clock.h"
#include "time/timer.h"

#define KIB(bytes) ((bytes) >> 10)

static void command_help(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    for (size_t i = 0; i < shell_command_count; i++) {
        const struct shell_command *command = &shell_commands[i];
        print("%-9s %-16s %s\n", command->name, command->usage, command->help);
    }
}

static void command_mem(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    struct buddy_stats frames;
    struct heap_stats heap;
    frames_stats(&frames);
    memory_stats(&heap);
    print("frames  %8lu KiB of %lu KiB free; %lu taken, %lu given, %lu refused\n",
          KIB(frames.free_frames * MEMORY_PAGE_BYTES), KIB(frames.total_frames * MEMORY_PAGE_BYTES),
          frames.takes, frames.gives, frames.refusals);
    print("heap    %8lu bytes in use, %lu KiB held; %lu taken, %lu given, %lu "
          "refused\n",
          heap.used_bytes, KIB(heap.pages * MEMORY_PAGE_BYTES), heap.takes, heap.gives,
          heap.refusals);
    struct crucible_stats modules;
    crucible_stats(&modules);
    print("mapped  %8lu KiB for pages and devices\n", KIB(memory_mapped_bytes()));
    print("modules %8lu KiB memory, %lu KiB code, %lu KiB pages; %lu GiB of "
          "address space\n",
          KIB(modules.slot_bytes), KIB(modules.code_bytes), KIB(modules.page_bytes),
          modules.slot_space_bytes >> 30);
    if (frames.bad_gives + heap.bad_gives > 0) {
        print("warning: %lu frames and %lu blocks were given back wrongly\n", frames.bad_gives,
              heap.bad_gives);
    }
}

static void command_write(void *self, const char *bytes, size_t count) {
    (void)self;
    console_write(bytes, count);
}

static void command_log(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    log_each(command_write, NULL);
}

static void command_ps(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    print("%-16s %-8s %10s %10s %12s %6s %6s\n", "module", "state", "memory KiB", "code KiB",
          "load ms", "calls", "traps");
    for (uint32_t i = 0; modules_at(i) != NULL; i++) {
        const struct module *module = modules_at(i);
        uint64_t memory = module->instance != NULL ? module->instance->context->memory_bytes : 0;
        print("%-16s %-8s %10lu %6lu.%03lu %8lu.%03lu %6lu %6lu\n", module->name,
              module_state_name(module->state), KIB(memory), KIB(module->native_code_bytes),
              module->native_code_bytes % 1024 * 1000 / 1024, module->load_ns / 1000000,
              module->load_ns / 1000 % 1000, module->calls, module->traps);
    }
}

static struct module *command_module(const char *name) {
    struct module *module = modules_find(name);
    if (module == NULL) {
        print("%s: no such module; `ps` lists them\n", name);
    }
    return module;
}

static void command_run(size_t count, const char *const *words) {
    struct module *module = command_module(words[1]);
    if (module == NULL) {
        return;
    }
    if (count == 2 && module->entry.start_count == 0) {
        print("%s: the manifest names no start function; say which one to call\n", module->name);
        return;
    }
    if (count == 2) {
        module_run(module, 0, NULL);
        return;
    }
    module_run_function(module, words[2], 0);
}

static void command_kill(size_t count, const char *const *words) {
    (void)count;
    struct module *module = command_module(words[1]);
    if (module == NULL) {
        return;
    }
    if (module->instance == NULL) {
        print("%s: is %s\n", module->name, module_state_name(module->state));
        return;
    }
    module_stop(module);
    log_info("%s: killed from the console", module->name);
}

static void command_poweroff(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    print("power off\n");
    power_off(boot_all_passed() ? POWER_GOOD : POWER_FAILED);
    print("this machine cannot be switched off by software\n");
}

static void command_reboot(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    print("reboot\n");
    power_reboot();
}

static void command_uptime(size_t count, const char *const *words) {
    (void)count;
    (void)words;
    uint64_t ms = clock_ns() / 1000000;
    print("%lu.%03lu s, %lu ticks\n", ms / 1000, ms % 1000, timer_ticks());
}

const struct shell_command shell_commands[] = {
    {"help", "", "list the commands", 1, 1, command_help},
    {"kill", "NAME", "stop a module; its memory is given back", 2, 2, command_kill},
    {"log", "", "print the log", 1, 1, command_log},
    {"mem", "", "memory: what is free, what is used", 1, 1, command_mem},
    {"poweroff", "", "switch the machine off", 1, 1, command_poweroff},
    {"ps", "", "list the modules", 1, 1, command_ps},
    {"reboot", "", "start the machine again", 1, 1, command_reboot},
    {"run", "NAME [FUNCTION]", "call a module's start functions, or one export; ^C ends it", 2, 3,
     command_run},
    {"uptime", "", "time since boot", 1, 1, command_uptime},
};
const size_t shell_command_count = sizeof shell_commands / sizeof shell_commands[0];
