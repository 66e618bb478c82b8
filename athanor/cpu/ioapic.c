/*
 * The I/O APICs (Intel 82093AA). In: the MADT's list of controllers and of ISA interrupts that are
 * wired elsewhere. Out: routes of device interrupts to vectors of this processor. All entries are
 * masked until routed.
 */
#include "console/log.h"
#include "cpu/apic.h"
#include "mm/memory.h"
#include "mm/paging.h"

#define IOAPIC_SELECT 0u /* index of a 32-bit register */
#define IOAPIC_WINDOW 4u
#define IOAPIC_BYTES 32u

#define IOAPIC_VERSION 1u
#define IOAPIC_ENTRIES 0x10u

#define IOAPIC_MASKED 0x10000u
#define IOAPIC_LEVEL 0x8000u
#define IOAPIC_ACTIVE_LOW 0x2000u

static struct ioapic {
    volatile uint32_t *registers;
    uint32_t first_interrupt, count;
} ioapics[ACPI_IOAPICS_MAX];
static uint32_t ioapic_count;

static uint32_t ioapic_read(const struct ioapic *ioapic, uint32_t index) {
    ioapic->registers[IOAPIC_SELECT] = index;
    return ioapic->registers[IOAPIC_WINDOW];
}

static void ioapic_write(const struct ioapic *ioapic, uint32_t index, uint32_t value) {
    ioapic->registers[IOAPIC_SELECT] = index;
    ioapic->registers[IOAPIC_WINDOW] = value;
}

uint32_t ioapic_start(const struct acpi_madt *madt) {
    for (uint32_t i = 0; i < madt->ioapic_count; i++) {
        void *registers;
        alka_status status = memory_map_phys(madt->ioapics[i].phys, IOAPIC_BYTES,
                                             PAGING_WRITE | PAGING_UNCACHED, &registers);
        if (status != ALKA_OK) {
            log_error("ioapic at 0x%lx: cannot be mapped", madt->ioapics[i].phys);
            continue;
        }
        struct ioapic *ioapic = &ioapics[ioapic_count++];
        ioapic->registers = registers;
        ioapic->first_interrupt = madt->ioapics[i].first_interrupt;
        ioapic->count = (ioapic_read(ioapic, IOAPIC_VERSION) >> 16 & 0xFF) + 1;
        for (uint32_t entry = 0; entry < ioapic->count; entry++) {
            ioapic_write(ioapic, IOAPIC_ENTRIES + 2 * entry, IOAPIC_MASKED);
        }
    }
    return ioapic_count;
}

bool ioapic_route_isa(const struct acpi_madt *madt, uint8_t irq, uint8_t vector) {
    uint32_t interrupt = irq, flags = 0; /* ISA: edge, active high */
    for (uint32_t i = 0; i < madt->override_count; i++) {
        if (madt->overrides[i].isa_irq == irq) {
            interrupt = madt->overrides[i].interrupt;
            flags |= madt->overrides[i].active_low ? IOAPIC_ACTIVE_LOW : 0;
            flags |= madt->overrides[i].level ? IOAPIC_LEVEL : 0;
        }
    }
    for (uint32_t i = 0; i < ioapic_count; i++) {
        const struct ioapic *ioapic = &ioapics[i];
        uint32_t entry = interrupt - ioapic->first_interrupt;
        if (interrupt >= ioapic->first_interrupt && entry < ioapic->count) {
            ioapic_write(ioapic, IOAPIC_ENTRIES + 2 * entry + 1, apic_id() << 24);
            ioapic_write(ioapic, IOAPIC_ENTRIES + 2 * entry, vector | flags);
            return true;
        }
    }
    return false;
}
