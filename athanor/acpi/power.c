/*
 * Power-off and reboot. In: what the ACPI tables say. Out: no more output. Each way is tried and,
 * when the machine is still there after a moment, the next.
 */
#include "acpi/power.h"
#include "acpi/acpi.h"
#include "cpu/x86.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "time/clock.h"

#define DEBUG_EXIT_PORT 0xF4u

#define PM1_SCI_ENABLED 1u
#define PM1_SLEEP_TYPE_SHIFT 10u
#define PM1_SLEEP_TYPE_MASK (7u << PM1_SLEEP_TYPE_SHIFT)
#define PM1_SLEEP_ENABLE (1u << 13)

#define POWER_WAIT_NS UINT64_C(300000000)

static bool power_debug;

void power_use_debug_exit(void) { power_debug = true; }

void power_debug_exit(enum power_status status) {
    if (power_debug) {
        x86_out8(DEBUG_EXIT_PORT, (uint8_t)status);
    }
}

static bool power_is_port(const struct acpi_register *reg) {
    return reg->address != 0 && reg->space == ACPI_SPACE_IO && reg->address <= UINT16_MAX;
}

/* Firmware that runs in legacy mode ignores the sleep bits until it is told. */
static void power_enable_acpi(void) {
    uint16_t pm1a = (uint16_t)acpi.fadt.pm1a_control.address;
    if (acpi.fadt.smi_command == 0 || acpi.fadt.smi_command > UINT16_MAX ||
        (x86_in16(pm1a) & PM1_SCI_ENABLED) != 0) {
        return;
    }
    x86_out8((uint16_t)acpi.fadt.smi_command, acpi.fadt.acpi_enable);
    uint64_t end = clock_ns() + POWER_WAIT_NS;
    while ((x86_in16(pm1a) & PM1_SCI_ENABLED) == 0 && clock_ns() < end) {
        x86_pause();
    }
}

static void power_sleep(const struct acpi_register *reg, uint8_t sleep_type) {
    if (!power_is_port(reg)) {
        return;
    }
    uint32_t value = x86_in16((uint16_t)reg->address) & ~(PM1_SLEEP_TYPE_MASK | PM1_SLEEP_ENABLE);
    value |= (uint32_t)sleep_type << PM1_SLEEP_TYPE_SHIFT;
    x86_out16((uint16_t)reg->address, (uint16_t)value);
    x86_out16((uint16_t)reg->address, (uint16_t)(value | PM1_SLEEP_ENABLE));
}

void power_off(enum power_status status) {
    power_debug_exit(status);
    if (!acpi.has_s5 || !power_is_port(&acpi.fadt.pm1a_control)) {
        return;
    }
    x86_interrupts_off();
    power_enable_acpi();
    power_sleep(&acpi.fadt.pm1a_control, acpi.s5.pm1a);
    power_sleep(&acpi.fadt.pm1b_control, acpi.s5.pm1b);
    clock_wait_ns(POWER_WAIT_NS);
    x86_interrupts_on();
}

static void power_reset_register(void) {
    if (!acpi.fadt.has_reset) {
        return;
    }
    if (power_is_port(&acpi.fadt.reset)) {
        x86_out8((uint16_t)acpi.fadt.reset.address, acpi.fadt.reset_value);
    }
    void *reg;
    if (acpi.fadt.reset.space == ACPI_SPACE_MEMORY &&
        memory_map_phys(acpi.fadt.reset.address, 1, PAGING_WRITE | PAGING_UNCACHED, &reg) ==
            ALKA_OK) {
        *(volatile uint8_t *)reg = acpi.fadt.reset_value;
    }
    clock_wait_ns(POWER_WAIT_NS);
}

#define RESET_PORT 0xCF9u
#define RESET_SYSTEM 0x02u
#define RESET_NOW 0x06u

_Noreturn void power_reboot(void) {
    x86_interrupts_off();
    power_reset_register();
    x86_out8(RESET_PORT, RESET_SYSTEM);
    x86_out8(RESET_PORT, RESET_NOW);
    clock_wait_ns(POWER_WAIT_NS);
    /* Nothing listened: an exception that cannot be delivered makes the processor reset. */
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};
    __asm__ volatile("lidt %0; ud2" : : "m"(none));
    x86_halt_forever();
}
