/*
 * The kernel's last words. In: a message or a trap frame. Out: registers, the
 * faulting code, a backtrace with names, on every console; then the test exit
 * device or a halt. It takes no lock, allocates nothing, and reads only memory
 * that the page tables say is there; a panic inside a panic says one line and
 * stops.
 */
#include "trap/panic.h"
#include "acpi/power.h"
#include "console/format.h"
#include "console/log.h"
#include "cpu/features.h"
#include "cpu/x86.h"
#include "mm/kernel_map.h"
#include "trap/backtrace.h"
#include <stdarg.h>

#define PANIC_CODE_BYTES 16u
#define PANIC_STACK_WORDS 16u
#define PANIC_LOG_BYTES (LOG_LINE_BYTES / 2) /* print cuts at LOG_LINE_BYTES */

static uint32_t panic_depth;
static char panic_log_before[PANIC_LOG_BYTES];

/* `what`, `at`: for the case that this is the second one. */
static void panic_begin(const char *what, uint64_t at) {
    x86_interrupts_off();
    log_break_locks();
    uint32_t depth = __atomic_fetch_add(&panic_depth, 1, __ATOMIC_RELAXED);
    if (depth == 1) {
        log_error("KERNEL PANIC inside of the panic: %s", what);
        backtrace_where("at", at, 0);
    }
    if (depth > 0) {
        power_debug_exit(POWER_PANIC);
        x86_halt_forever();
    }
    log_tail(panic_log_before, sizeof panic_log_before);
}

/* What was logged before, debug lines too. On the consoles alone: it is in the log already. */
static void panic_log(void) { print("log before it:\n%s", panic_log_before); }

static _Noreturn void panic_end(void) {
    panic_log();
    log_error("halted");
    power_debug_exit(POWER_PANIC);
    x86_halt_forever();
}

static void panic_registers(const struct trap_frame *f) {
    log_line(ALKA_LOG_INFO, "  rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx", f->rax, f->rbx,
             f->rcx, f->rdx);
    log_line(ALKA_LOG_INFO, "  rsi %016lx  rdi %016lx  rbp %016lx  rsp %016lx", f->rsi, f->rdi,
             f->rbp, f->rsp);
    log_line(ALKA_LOG_INFO, "  r8  %016lx  r9  %016lx  r10 %016lx  r11 %016lx", f->r8, f->r9,
             f->r10, f->r11);
    log_line(ALKA_LOG_INFO, "  r12 %016lx  r13 %016lx  r14 %016lx  r15 %016lx", f->r12, f->r13,
             f->r14, f->r15);
    log_line(ALKA_LOG_INFO, "  cs %04lx  ss %04lx  rflags %08lx  error %lx", f->cs, f->ss,
             f->rflags, f->error);
    log_line(ALKA_LOG_INFO, "  cr0 %lx  cr2 %016lx  cr3 %lx  cr4 %lx  efer %lx", x86_read_cr0(),
             x86_read_cr2(), x86_read_cr3(), x86_read_cr4(), x86_read_msr(X86_MSR_EFER));
    log_line(ALKA_LOG_INFO, "  fs base %016lx  gs base %016lx", x86_read_msr(X86_MSR_FS_BASE),
             x86_read_msr(X86_MSR_GS_BASE));
}

static void panic_code(uint64_t rip) {
    char text[PANIC_CODE_BYTES * 3 + 1] = "";
    size_t length = 0;
    if (!kernel_map_readable(rip, PANIC_CODE_BYTES)) {
        log_line(ALKA_LOG_INFO, "code: not readable");
        return;
    }
    for (uint32_t i = 0; i < PANIC_CODE_BYTES; i++) {
        length +=
            format_text(text + length, sizeof text - length, " %02x", ((const uint8_t *)rip)[i]);
    }
    log_line(ALKA_LOG_INFO, "code:%s", text);
}

static void panic_stack(uint64_t rsp) {
    log_line(ALKA_LOG_INFO, "stack:");
    for (uint32_t i = 0; i < PANIC_STACK_WORDS; i += 4) {
        uint64_t at = (rsp & ~UINT64_C(7)) + UINT64_C(8) * i;
        if (!kernel_map_readable(at, 32)) {
            return;
        }
        const uint64_t *words = (const uint64_t *)at;
        log_line(ALKA_LOG_INFO, "  %016lx: %016lx %016lx %016lx %016lx", at, words[0], words[1],
                 words[2], words[3]);
    }
}

static void panic_page_fault(const struct trap_frame *frame) {
    const char *what = "read";
    if ((frame->error & TRAP_PAGE_FAULT_WRITE) != 0) {
        what = "write";
    }
    if ((frame->error & TRAP_PAGE_FAULT_FETCH) != 0) {
        what = "execution";
    }
    bool present = (frame->error & TRAP_PAGE_FAULT_PRESENT) != 0;
    log_line(ALKA_LOG_INFO, "  %s at 0x%016lx, where %s", what, x86_read_cr2(),
             present ? "the page forbids it" : "nothing is mapped");
}

void panic_at_trap(const struct trap_frame *frame) {
    panic_begin(trap_name(frame->vector), frame->rip);
    log_error("KERNEL PANIC: %s", trap_name(frame->vector));
    if (frame->vector == TRAP_PAGE_FAULT) {
        panic_page_fault(frame);
    }
    backtrace_where("at  ", frame->rip, 0);
    panic_registers(frame);
    panic_code(frame->rip);
    panic_stack(frame->rsp);
    backtrace_from_trap(frame);
    panic_end();
}

void panic(const char *format, ...) {
    char text[LOG_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    format_va(text, sizeof text, format, arguments);
    va_end(arguments);
    panic_begin(text, (uint64_t)__builtin_return_address(0));
    log_error("KERNEL PANIC: %s", text);
    backtrace_from_frame((uint64_t)__builtin_frame_address(0));
    panic_end();
}

/* The compiler's stack protector calls this by name. entry.asm sets the guard
 * before any C runs. */
uint64_t __stack_chk_guard = 0x595E9FBD94FDA700;
_Noreturn void __stack_chk_fail(void);

void __stack_chk_fail(void) { panic("a function overran its stack frame"); }
