/* The local interrupt controller of this processor, its timer, and the I/O controllers that route
 * device interrupts to it. */
#ifndef ATHANOR_APIC_H
#define ATHANOR_APIC_H

#include "acpi/tables.h"
#include <alkahest/status.h>
#include <stdbool.h>
#include <stdint.h>

/* Switches the local controller on, in the mode the firmware left it in, and the legacy ones off.
 */
ALKA_MUST_CHECK alka_status apic_start(void);
uint32_t apic_id(void);
/* Ends the interrupt in service. Each handler of TRAP_VECTOR_TIMER and above calls it. */
void apic_end_of_interrupt(void);

/* Measures the timer against the clock. False if it does not count. */
bool apic_timer_start(void);
/* One interrupt at TRAP_VECTOR_TIMER after `ns` (at most some seconds; more is cut). Replaces the
 * one pending. */
void apic_timer_arm(uint64_t ns);
uint64_t apic_timer_hz(void);

/* Maps the I/O controllers. Returns how many are usable. */
uint32_t ioapic_start(const struct acpi_madt *madt);
/* Routes an ISA interrupt to `vector` on this processor. False if no controller has it. */
bool ioapic_route_isa(const struct acpi_madt *madt, uint8_t irq, uint8_t vector);

#endif
