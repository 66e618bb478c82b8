/*
 * ACPI tables (ACPI Specification 6.4, chapter 5) as plain data. The parsers here are pure: bytes
 * in, numbers out. The bytes are the firmware's and may say anything.
 */
#ifndef ATHANOR_ACPI_TABLES_H
#define ATHANOR_ACPI_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACPI_HEADER_BYTES 36u
#define ACPI_RSDP_BYTES_OLD 20u
#define ACPI_RSDP_BYTES 36u
#define ACPI_TABLE_BYTES_MAX (UINT32_C(4) << 20)
#define ACPI_CPUS_MAX 256u
#define ACPI_IOAPICS_MAX 8u
#define ACPI_OVERRIDES_MAX 32u

struct acpi_rsdp {
    uint64_t root_phys;   /* of the XSDT or RSDT */
    uint32_t entry_bytes; /* of an address in it: 8 or 4 */
};

/* False unless signature and checksum are right. `bytes` may hold only the first 20. */
bool acpi_parse_rsdp(const uint8_t *bytes, size_t size_bytes, struct acpi_rsdp *out);

/* The length field of a table's header, if the signature is `signature` (NULL: any) and the length
 * is possible; else 0. */
uint32_t acpi_table_bytes(const uint8_t header[static ACPI_HEADER_BYTES], const char *signature);
/* True if all bytes sum to 0. */
bool acpi_checksum(const uint8_t *bytes, size_t size_bytes);

enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1 };

struct acpi_register {
    uint64_t address; /* 0: there is none */
    uint8_t space;    /* enum acpi_space; others exist */
};

struct acpi_fadt {
    uint64_t dsdt_phys;
    struct acpi_register pm1a_control, pm1b_control, reset;
    uint32_t smi_command; /* port; 0: ACPI mode is on for good */
    uint8_t acpi_enable;  /* what to write there */
    uint8_t reset_value;
    bool has_reset;
    uint8_t century; /* index of the clock chip's register of it; 0: there is none */
    bool hardware_reduced;
};

/* `table` passed acpi_table_bytes and acpi_checksum, as for all below. */
bool acpi_parse_fadt(const uint8_t *table, size_t size_bytes, struct acpi_fadt *out);

struct acpi_madt {
    uint32_t cpu_count; /* enabled processors; the first ACPI_CPUS_MAX of them in cpu_apic_ids */
    uint32_t cpu_apic_ids[ACPI_CPUS_MAX];
    uint32_t ioapic_count;
    struct {
        uint64_t phys;
        uint32_t first_interrupt;
    } ioapics[ACPI_IOAPICS_MAX];
    uint32_t override_count;
    struct {
        uint8_t isa_irq;
        bool active_low, level;
        uint32_t interrupt;
    } overrides[ACPI_OVERRIDES_MAX];
};

/* A structure with an impossible length ends the list. */
bool acpi_parse_madt(const uint8_t *table, size_t size_bytes, struct acpi_madt *out);

/* The physical address of the timer's registers. */
bool acpi_parse_hpet(const uint8_t *table, size_t size_bytes, uint64_t *out_phys);

struct acpi_sleep_types {
    uint8_t pm1a, pm1b; /* SLP_TYP values */
};

/* Looks for \_S5's package in AML, without interpreting it: a scan, linear and bounded. */
bool acpi_find_s5(const uint8_t *aml, size_t size_bytes, struct acpi_sleep_types *out);

#endif
