/*
 * ACPI table parsing. In: bytes of firmware tables. Out: the few facts the kernel uses. Every read
 * is checked against the size of the table; a field beyond its end reads as 0, which is also what
 * older table revisions mean.
 */
#include "acpi/tables.h"
#include <string.h>

/* A little-endian number of `width` bytes at `at`; 0 if the table ends before. */
static uint64_t acpi_read(const uint8_t *table, size_t size_bytes, size_t at, size_t width) {
    uint64_t value = 0;
    if (at > size_bytes || size_bytes - at < width) {
        return 0;
    }
    for (size_t i = 0; i < width; i++) {
        value |= (uint64_t)table[at + i] << (8 * i);
    }
    return value;
}

bool acpi_checksum(const uint8_t *bytes, size_t size_bytes) {
    uint8_t sum = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum == 0;
}

bool acpi_parse_rsdp(const uint8_t *bytes, size_t size_bytes, struct acpi_rsdp *out) {
    if (size_bytes < ACPI_RSDP_BYTES_OLD || memcmp(bytes, "RSD PTR ", 8) != 0 ||
        !acpi_checksum(bytes, ACPI_RSDP_BYTES_OLD)) {
        return false;
    }
    uint8_t revision = bytes[15];
    uint64_t xsdt = acpi_read(bytes, size_bytes, 24, 8);
    if (revision >= 2 && size_bytes >= ACPI_RSDP_BYTES && xsdt != 0 &&
        acpi_checksum(bytes, ACPI_RSDP_BYTES)) {
        *out = (struct acpi_rsdp){xsdt, 8};
        return true;
    }
    *out = (struct acpi_rsdp){acpi_read(bytes, size_bytes, 16, 4), 4};
    return out->root_phys != 0;
}

uint32_t acpi_table_bytes(const uint8_t header[static ACPI_HEADER_BYTES], const char *signature) {
    uint32_t size_bytes = (uint32_t)acpi_read(header, ACPI_HEADER_BYTES, 4, 4);
    if ((signature != NULL && memcmp(header, signature, 4) != 0) ||
        size_bytes < ACPI_HEADER_BYTES || size_bytes > ACPI_TABLE_BYTES_MAX) {
        return 0;
    }
    return size_bytes;
}

/* A generic address structure (5.2.3.2). */
static struct acpi_register acpi_read_register(const uint8_t *table, size_t size_bytes, size_t at) {
    return (struct acpi_register){
        .address = acpi_read(table, size_bytes, at + 4, 8),
        .space = (uint8_t)acpi_read(table, size_bytes, at, 1),
    };
}

#define FADT_DSDT 40u
#define FADT_SMI_COMMAND 48u
#define FADT_ACPI_ENABLE 52u
#define FADT_PM1A_CONTROL 64u
#define FADT_PM1B_CONTROL 68u
#define FADT_FLAGS 112u
#define FADT_RESET 116u
#define FADT_CENTURY 108u
#define FADT_RESET_VALUE 128u
#define FADT_X_DSDT 140u
#define FADT_X_PM1A_CONTROL 172u
#define FADT_X_PM1B_CONTROL 184u

#define FADT_FLAG_RESET (UINT32_C(1) << 10)
#define FADT_FLAG_HARDWARE_REDUCED (UINT32_C(1) << 20)

/* The extended register if it is given, else the port in the old field. */
static struct acpi_register acpi_pm1(const uint8_t *table, size_t size_bytes, size_t extended_at,
                                     size_t port_at) {
    struct acpi_register extended = acpi_read_register(table, size_bytes, extended_at);
    if (extended.address != 0) {
        return extended;
    }
    return (struct acpi_register){acpi_read(table, size_bytes, port_at, 4), ACPI_SPACE_IO};
}

bool acpi_parse_fadt(const uint8_t *table, size_t size_bytes, struct acpi_fadt *out) {
    if (size_bytes < FADT_PM1B_CONTROL + 4) {
        return false;
    }
    uint64_t flags = acpi_read(table, size_bytes, FADT_FLAGS, 4);
    uint64_t dsdt = acpi_read(table, size_bytes, FADT_X_DSDT, 8);
    *out = (struct acpi_fadt){
        .dsdt_phys = dsdt != 0 ? dsdt : acpi_read(table, size_bytes, FADT_DSDT, 4),
        .pm1a_control = acpi_pm1(table, size_bytes, FADT_X_PM1A_CONTROL, FADT_PM1A_CONTROL),
        .pm1b_control = acpi_pm1(table, size_bytes, FADT_X_PM1B_CONTROL, FADT_PM1B_CONTROL),
        .reset = acpi_read_register(table, size_bytes, FADT_RESET),
        .smi_command = (uint32_t)acpi_read(table, size_bytes, FADT_SMI_COMMAND, 4),
        .acpi_enable = (uint8_t)acpi_read(table, size_bytes, FADT_ACPI_ENABLE, 1),
        .reset_value = (uint8_t)acpi_read(table, size_bytes, FADT_RESET_VALUE, 1),
        .century = (uint8_t)acpi_read(table, size_bytes, FADT_CENTURY, 1),
        .hardware_reduced = (flags & FADT_FLAG_HARDWARE_REDUCED) != 0,
    };
    out->has_reset = (flags & FADT_FLAG_RESET) != 0 && out->reset.address != 0;
    return true;
}

#define MADT_STRUCTURES 44u
#define MADT_LOCAL_APIC 0u
#define MADT_IO_APIC 1u
#define MADT_OVERRIDE 2u
#define MADT_LOCAL_X2APIC 9u
#define MADT_CPU_ENABLED 1u

static void madt_take_cpu(struct acpi_madt *out, uint64_t apic_id, uint64_t flags) {
    if ((flags & MADT_CPU_ENABLED) == 0) {
        return;
    }
    if (out->cpu_count < ACPI_CPUS_MAX) {
        out->cpu_apic_ids[out->cpu_count] = (uint32_t)apic_id;
    }
    out->cpu_count++;
}

static void madt_take_override(struct acpi_madt *out, const uint8_t *item, size_t bytes) {
    if (out->override_count == ACPI_OVERRIDES_MAX || bytes < 10) {
        return;
    }
    uint64_t flags = acpi_read(item, bytes, 8, 2);
    out->overrides[out->override_count].isa_irq = item[3];
    out->overrides[out->override_count].interrupt = (uint32_t)acpi_read(item, bytes, 4, 4);
    out->overrides[out->override_count].active_low = (flags & 3) == 3;
    out->overrides[out->override_count].level = (flags >> 2 & 3) == 3;
    out->override_count++;
}

static void madt_take(struct acpi_madt *out, const uint8_t *item, size_t bytes) {
    switch (item[0]) {
    case MADT_LOCAL_APIC:
        madt_take_cpu(out, acpi_read(item, bytes, 3, 1), acpi_read(item, bytes, 4, 4));
        return;
    case MADT_LOCAL_X2APIC:
        madt_take_cpu(out, acpi_read(item, bytes, 4, 4), acpi_read(item, bytes, 8, 4));
        return;
    case MADT_IO_APIC:
        if (out->ioapic_count < ACPI_IOAPICS_MAX && bytes >= 12) {
            out->ioapics[out->ioapic_count].phys = acpi_read(item, bytes, 4, 4);
            out->ioapics[out->ioapic_count].first_interrupt =
                (uint32_t)acpi_read(item, bytes, 8, 4);
            out->ioapic_count++;
        }
        return;
    case MADT_OVERRIDE:
        madt_take_override(out, item, bytes);
        return;
    default:
        return;
    }
}

bool acpi_parse_madt(const uint8_t *table, size_t size_bytes, struct acpi_madt *out) {
    memset(out, 0, sizeof *out);
    if (size_bytes < MADT_STRUCTURES) {
        return false;
    }
    size_t at = MADT_STRUCTURES;
    while (size_bytes - at >= 2) {
        size_t bytes = table[at + 1];
        if (bytes < 2 || bytes > size_bytes - at) {
            break;
        }
        madt_take(out, table + at, bytes);
        at += bytes;
    }
    return true;
}

#define HPET_ADDRESS 40u

bool acpi_parse_hpet(const uint8_t *table, size_t size_bytes, uint64_t *out_phys) {
    struct acpi_register base = acpi_read_register(table, size_bytes, HPET_ADDRESS);
    *out_phys = base.address;
    return base.space == ACPI_SPACE_MEMORY && base.address != 0;
}
