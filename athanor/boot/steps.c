/*
 * The boot steps, in order: this list is the map of the kernel. Each calls one
 * room to set itself up and says in a line what came of it. Nothing here knows
 * how.
 */
#include "acpi/acpi.h"
#include "acpi/power.h"
#include "boot/boot.h"
#include "console/display.h"
#include "console/format.h"
#include "console/input.h"
#include "console/keyboard.h"
#include "console/log.h"
#include "console/serial.h"
#include "cpu/apic.h"
#include "cpu/cpu.h"
#include "cpu/features.h"
#include "cpu/random.h"
#include "cpu/x86.h"
#include "crucible/crucible.h"
#include "mm/aslr.h"
#include "mm/frames.h"
#include "mm/kernel_map.h"
#include "mm/layout.h"
#include "mm/memory.h"
#include "mm/stacks.h"
#include "modules/modules.h"
#include "sched/thread.h"
#include "selftest/selftest.h"
#include "time/clock.h"
#include "time/timer.h"
#include "trace/trace.h"
#include "trap/trap.h"
#include <stddef.h>

#define NOTE(...) ((void)format_text(note->text, sizeof note->text, __VA_ARGS__))
#define STEP_LOW_BYTES (UINT64_C(1) << 20)
#define MIB(bytes) ((bytes) >> 20)

struct boot_info boot_info;

/* The loader's ranges and ours, normalised; what is left usable goes to the
 * frame allocator. */
static struct memory_map boot_memory;

static bool step_serial(struct boot_note *note) {
    bool present = serial_start();
    log_info("Athanor %s", ATHANOR_VERSION);
    if (present) {
        NOTE("16550 at 0x%x, %u baud, 8n1", SERIAL_COM1, SERIAL_BAUD);
    } else {
        NOTE("no port at 0x%x", SERIAL_COM1);
    }
    return present;
}

static bool step_traps(struct boot_note *note) {
    cpu_load_descriptors(&cpu_boot);
    trap_load();
    NOTE("GDT, IDT with %u vectors, TSS with %u interrupt stacks", TRAP_VECTORS, CPU_IST_STACKS);
    return true;
}

static bool step_cpu(struct boot_note *note) {
    const char *missing = cpu_features_detect();
    if (missing != NULL) {
        NOTE("this processor lacks %s, which the kernel needs", missing);
        return false;
    }
    cpu_features_enable();
    random_start();
    NOTE("%s; state %u bytes%s%s%s%s", cpu_features.brand, cpu_features.xsave_area_bytes,
         cpu_features.has[CPU_AVX2] ? ", AVX2" : "",
         cpu_features.has[CPU_FSGSBASE] ? ", FSGSBASE" : "",
         cpu_features.has[CPU_SMEP] ? ", SMEP" : "", cpu_features.has[CPU_SMAP] ? ", SMAP" : "");
    return true;
}

static const void *step_read_early(void *self, uint64_t phys, uint64_t bytes) {
    (void)self;
    if (phys == 0 || bytes > LAYOUT_EARLY_PHYS_END || phys > LAYOUT_EARLY_PHYS_END - bytes) {
        return NULL;
    }
    return layout_direct(phys);
}

static const char *step_parse(void) {
    const struct boot_reader reader = {.at = step_read_early};
    switch (boot_protocol) {
    case BOOT_MULTIBOOT2:
        return boot_parse_multiboot2(&reader, boot_information_phys, &boot_info);
    case BOOT_PVH:
        return boot_parse_pvh(&reader, boot_information_phys, &boot_info);
    default:
        return "started by an unknown loader: Multiboot2 or PVH is needed";
    }
}

static bool step_memory(struct boot_note *note) {
    const char *error = step_parse();
    if (boot_option(boot_info.cmdline, "debug-exit")) {
        power_use_debug_exit();
    }
    if (error != NULL) {
        NOTE("%s", error);
        return false;
    }
    static struct memory_map all;
    all = boot_info.memory;
    memory_map_add(&all, (uint64_t)kernel_phys_start,
                   (uint64_t)kernel_phys_end - (uint64_t)kernel_phys_start, MEMORY_KERNEL);
    for (uint32_t i = 0; i < boot_info.module_count; i++) {
        memory_map_add(&all, boot_info.modules[i].base_phys, boot_info.modules[i].size_bytes,
                       MEMORY_MODULE);
    }
    memory_map_normalise(&all, &boot_memory);
    /* The first MiB is for the firmware's structures and, later, for starting other processors. */
    memory_map_withhold_below(&boot_memory, STEP_LOW_BYTES);
    NOTE("%s, %lu MiB usable in %u ranges, %u boot module%s", boot_info.loader,
         MIB(memory_map_total(&boot_memory, MEMORY_USABLE)), boot_memory.count,
         boot_info.module_count, boot_info.module_count == 1 ? "" : "s");
    return memory_map_total(&boot_memory, MEMORY_USABLE) != 0;
}

static bool step_paging(struct boot_note *note) {
    alka_status status = kernel_map_start(&boot_memory);
    NOTE(status == ALKA_OK ? "kernel W^X, direct map without execution, lower half empty"
                           : "no memory for page tables");
    return status == ALKA_OK;
}

static bool step_frames(struct boot_note *note) {
    if (!frames_start(&boot_memory)) {
        NOTE("no memory for the allocator's books");
        return false;
    }
    bool poison = boot_option(boot_info.cmdline, "poison");
    if (poison) {
        frames_poison();
    }
    kernel_map_use_frames();
    struct buddy_stats stats;
    frames_stats(&stats);
    NOTE("%lu frames, %lu MiB free%s", stats.total_frames,
         MIB(stats.free_frames * MEMORY_PAGE_BYTES),
         poison ? "; what is given back is poisoned" : "");
    return true;
}

static bool step_stacks(struct boot_note *note) {
    memory_start();
    if (boot_option(boot_info.cmdline, "poison")) {
        memory_poison();
    }
    aslr_start(boot_info.cmdline);
    stacks_start();
    struct alka_thread *thread;
    if (stacks_take(&thread) != ALKA_OK) {
        NOTE("no memory for the first thread's stacks");
        return false;
    }
    cpu_this()->main_thread = thread;
    NOTE("heap, and the first thread: %lu KiB control stack, %lu KiB data stack",
         STACKS_CONTROL_BYTES >> 10, STACKS_DATA_BYTES >> 10);
    return true;
}

static bool step_display(struct boot_note *note) {
    const struct boot_framebuffer *frame = &boot_info.framebuffer;
    if (frame->base_phys == 0) {
        NOTE("the loader offers no framebuffer: serial only");
        return true;
    }
    uint32_t columns, rows;
    if (!display_start(frame, &columns, &rows)) {
        NOTE("the framebuffer (%ux%u, pitch %u) cannot be used", frame->width, frame->height,
             frame->pitch_bytes);
        return false;
    }
    NOTE("%ux%u pixels, %ux%u characters", frame->width, frame->height, columns, rows);
    return true;
}

static bool step_acpi(struct boot_note *note) {
    const char *missing = acpi_start(&boot_info);
    if (missing != NULL) {
        NOTE("%s", missing);
        return false;
    }
    NOTE("%u tables, %u processor%s, %u I/O APIC%s, power-off %s", acpi.table_count,
         acpi.madt.cpu_count, acpi.madt.cpu_count == 1 ? "" : "s", acpi.madt.ioapic_count,
         acpi.madt.ioapic_count == 1 ? "" : "s", acpi.has_s5 ? "known" : "unknown");
    return true;
}

static bool step_hpet(struct clock_reference *out) {
    void *registers;
    return acpi.has_hpet &&
           memory_map_phys(acpi.hpet_phys, MEMORY_PAGE_BYTES, PAGING_WRITE | PAGING_UNCACHED,
                           &registers) == ALKA_OK &&
           clock_reference_hpet(registers, out);
}

static bool step_clock(struct boot_note *note) {
    struct clock_reference reference;
    bool started = step_hpet(&reference) && clock_start(&reference);
    if (!started) {
        clock_reference_pit(&reference);
        started = clock_start(&reference);
    }
    if (!started) {
        NOTE("neither HPET nor PIT counts");
        return false;
    }
    NOTE("TSC %lu.%03lu MHz, measured by the %s", clock_hz() / 1000000, clock_hz() / 1000 % 1000,
         reference.name);
    return true;
}

static void step_on_serial(void *self, struct trap_frame *frame) {
    (void)frame;
    serial_receive(self);
    apic_end_of_interrupt();
}

static void step_on_keyboard(void *self, struct trap_frame *frame) {
    (void)frame;
    keyboard_receive(self);
    apic_end_of_interrupt();
}

static void step_poll_serial(void) { serial_receive(NULL); }

static bool step_route(uint8_t irq, trap_handler handler) {
    uint8_t vector = trap_take_vector();
    if (vector == 0) {
        return false;
    }
    trap_set_handler(vector, handler, NULL);
    return ioapic_route_isa(&acpi.madt, irq, vector);
}

static bool step_interrupts(struct boot_note *note) {
    if (apic_start() != ALKA_OK || !timer_start()) {
        NOTE("the local APIC's timer does not count");
        return false;
    }
    ioapic_start(&acpi.madt);
    bool serial = step_route(SERIAL_IRQ, step_on_serial);
    bool keyboard = keyboard_start() && step_route(KEYBOARD_IRQ, step_on_keyboard);
    if (!serial) {
        input_set_poll(step_poll_serial);
    }
    serial_enable_interrupt();
    x86_interrupts_on();
    NOTE("APIC timer %lu kHz, a tick each %lu ms; serial %s, keyboard %s", apic_timer_hz() / 1000,
         TIMER_TICK_NS / 1000000, serial ? "by interrupt" : "polled", keyboard ? "ready" : "none");
    return true;
}

static bool step_threads(struct boot_note *note) {
    char policy[THREAD_NAME_BYTES];
    bool chosen = boot_option_value(boot_info.cmdline, "scheduler", policy, sizeof policy);
    if (threads_start(cpu_main_thread(), chosen ? policy : NULL) != ALKA_OK) {
        NOTE("no memory");
        return false;
    }
    struct threads_stats stats;
    threads_stats(&stats);
    NOTE("preemptive, %s; one processor is used", stats.policy);
    return true;
}

static bool step_crucible(struct boot_note *note) {
    crucible_start();
    NOTE("at least %lu memory slots, %lu MiB of code space, in random places",
         (LAYOUT_SLOTS_END - LAYOUT_SLOTS) / 2 / ALKA_SLOT_BYTES,
         MIB(LAYOUT_CODE_END - (uint64_t)kernel_end) / 2);
    return true;
}

static bool step_selftests(struct boot_note *note) {
    uint32_t count;
    uint32_t failed = selftest_run(&count);
    NOTE("%u of %u passed", count - failed, count);
    return failed == 0;
}

static bool step_modules(struct boot_note *note) {
    char traced[BUNDLE_NAME_BYTES_MAX + 1];
    modules_start(boot_option(boot_info.cmdline, "trust-blobs"));
    if (boot_option_value(boot_info.cmdline, "trace", traced, sizeof traced)) {
        trace_at_boot(traced);
    }
    if (boot_info.module_count == 0) {
        NOTE("no system bundle: nothing to run");
        return true;
    }
    const struct boot_module *file = &boot_info.modules[0];
    struct modules_summary summary;
    if (!kernel_map_readable(LAYOUT_DIRECT + file->base_phys, file->size_bytes)) {
        NOTE("the system bundle is not in memory (0x%lx)", file->base_phys);
        return false;
    }
    const char *error = modules_open_bundle(
        (struct alka_span){layout_direct(file->base_phys), file->size_bytes}, &summary);
    if (error != NULL) {
        NOTE("the system bundle is no good: %s", error);
        return false;
    }
    NOTE("%u loaded, %u refused; %u of %u start functions ended as they should",
         summary.modules - summary.refused, summary.refused, summary.starts - summary.unexpected,
         summary.starts);
    return summary.refused == 0 && summary.unexpected == 0;
}

const struct boot_step boot_steps[] = {
    {"serial", step_serial, false},
    {"traps", step_traps, true},
    {"processor", step_cpu, true},
    {"memory map", step_memory, true},
    {"paging", step_paging, true},
    {"frames", step_frames, true},
    {"stacks", step_stacks, true},
    {"display", step_display, false},
    {"acpi", step_acpi, false},
    {"clock", step_clock, true},
    {"interrupts", step_interrupts, true},
    {"threads", step_threads, true},
    {"crucible", step_crucible, true},
    {"self-tests", step_selftests, false},
    {"modules", step_modules, false},
};
const uint32_t boot_step_count = sizeof boot_steps / sizeof boot_steps[0];
