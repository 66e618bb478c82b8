/*
 * The kernel's first C function: runs the boot steps, prints the score, and becomes the shell. In:
 * what entry.asm found in registers. Out: nothing; it does not return. A step that fails costs its
 * point; a vital one ends the boot with a message.
 */
#include "boot/boot.h"
#include "console/format.h"
#include "console/log.h"
#include "cpu/cpu.h"
#include "cpu/x86.h"
#include "mm/layout.h"
#include "mm/stacks.h"
#include "shell/shell.h"
#include "time/clock.h"
#include "trap/panic.h"

uint32_t boot_protocol;
uint64_t boot_information_phys;

static uint32_t boot_passed;

uint32_t boot_score(void) { return boot_passed; }

bool boot_all_passed(void) { return boot_passed == boot_step_count; }

static void boot_run_step(uint32_t index) {
    const struct boot_step *step = &boot_steps[index];
    struct boot_note note = {""};
    bool passed = step->run(&note);
    boot_passed += passed ? 1 : 0;
    log_line(passed ? ALKA_LOG_INFO : ALKA_LOG_ERROR, "boot %2u/%u %-12s %s", index + 1,
             boot_step_count, step->name, note.text);
    if (!passed && step->vital) {
        panic("the boot cannot go on");
    }
}

/* On the first thread's control stack, where module code can be called from. */
static void boot_go_on(void *first_step) {
    for (uint32_t i = *(const uint32_t *)first_step; i < boot_step_count; i++) {
        boot_run_step(i);
    }
    log_line(boot_all_passed() ? ALKA_LOG_INFO : ALKA_LOG_ERROR, "boot score %u/%u, %lu ms",
             boot_passed, boot_step_count, clock_ns() / 1000000);
    if (boot_option(boot_info.cmdline, "panic-test")) {
        *(volatile uint8_t *)(uint64_t)kernel_text_start = 0; /* code is read-only */
    }
    shell_run();
}

void kmain(uint32_t protocol, uint32_t information_phys) {
    clock_mark_start();
    boot_protocol = protocol;
    boot_information_phys = information_phys;
    uint32_t step = 0;
    while (cpu_main_thread() == NULL) {
        boot_run_step(step++);
    }
    stacks_call(cpu_main_thread(), boot_go_on, &step);
    panic("the shell has returned");
}
