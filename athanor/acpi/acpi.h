/* What the firmware's tables say about this machine, and switching it off. */
#ifndef ATHANOR_ACPI_H
#define ATHANOR_ACPI_H

#include "acpi/tables.h"
#include "boot/boot_info.h"
#include <stdbool.h>

struct acpi {
    bool has_fadt, has_madt, has_hpet, has_s5;
    uint32_t table_count;
    uint64_t hpet_phys;
    struct acpi_fadt fadt;
    struct acpi_madt madt;
    struct acpi_sleep_types s5;
};

extern struct acpi acpi;

/* Fills `acpi`. Returns NULL, or what is missing; the rest is filled even so. */
const char *acpi_start(const struct boot_info *boot);

#endif
