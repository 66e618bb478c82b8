/*
 * Finds and reads the ACPI tables. In: the loader's root pointer, or a search of the BIOS area.
 * Out: `acpi`. Tables are mapped read-only while they are parsed; nothing of them is kept, so
 * nothing they contain can change under us.
 */
#include "acpi/acpi.h"
#include "console/log.h"
#include "mm/memory.h"
#include <string.h>

struct acpi acpi;

#define ACPI_BIOS_AREA 0xE0000u
#define ACPI_BIOS_AREA_BYTES 0x20000u
#define ACPI_TABLES_MAX 512u

/* Maps a table whole, if its signature (NULL: any) and checksum are right. Release with
 * memory_unmap_phys. */
static const uint8_t *acpi_map_table(uint64_t phys, const char *signature, uint32_t *out_bytes) {
    void *mapped;
    if (memory_map_phys(phys, ACPI_HEADER_BYTES, 0, &mapped) != ALKA_OK) {
        return NULL;
    }
    *out_bytes = acpi_table_bytes(mapped, signature);
    memory_unmap_phys(mapped, ACPI_HEADER_BYTES);
    if (*out_bytes == 0 || memory_map_phys(phys, *out_bytes, 0, &mapped) != ALKA_OK) {
        return NULL;
    }
    if (!acpi_checksum(mapped, *out_bytes)) {
        log_line(ALKA_LOG_WARNING, "acpi: %.4s has a wrong checksum", (const char *)mapped);
        memory_unmap_phys(mapped, *out_bytes);
        return NULL;
    }
    return mapped;
}

static void acpi_take_dsdt(void) {
    uint32_t bytes;
    const uint8_t *dsdt = acpi_map_table(acpi.fadt.dsdt_phys, "DSDT", &bytes);
    if (dsdt == NULL) {
        return;
    }
    acpi.has_s5 = acpi_find_s5(dsdt + ACPI_HEADER_BYTES, bytes - ACPI_HEADER_BYTES, &acpi.s5);
    memory_unmap_phys((void *)dsdt, bytes);
}

static void acpi_take_table(uint64_t phys) {
    uint32_t bytes;
    const uint8_t *table = acpi_map_table(phys, NULL, &bytes);
    if (table == NULL) {
        return;
    }
    acpi.table_count++;
    if (memcmp(table, "FACP", 4) == 0) {
        acpi.has_fadt = acpi_parse_fadt(table, bytes, &acpi.fadt);
    } else if (memcmp(table, "APIC", 4) == 0) {
        acpi.has_madt = acpi_parse_madt(table, bytes, &acpi.madt);
    } else if (memcmp(table, "HPET", 4) == 0) {
        acpi.has_hpet = acpi_parse_hpet(table, bytes, &acpi.hpet_phys);
    }
    memory_unmap_phys((void *)table, bytes);
}

static bool acpi_take_root(const struct acpi_rsdp *rsdp) {
    uint32_t bytes;
    const uint8_t *root =
        acpi_map_table(rsdp->root_phys, rsdp->entry_bytes == 8 ? "XSDT" : "RSDT", &bytes);
    if (root == NULL) {
        return false;
    }
    uint32_t count = (bytes - ACPI_HEADER_BYTES) / rsdp->entry_bytes;
    for (uint32_t i = 0; i < count && i < ACPI_TABLES_MAX; i++) {
        uint64_t phys = 0;
        memcpy(&phys, root + ACPI_HEADER_BYTES + (size_t)i * rsdp->entry_bytes, rsdp->entry_bytes);
        acpi_take_table(phys);
    }
    memory_unmap_phys((void *)root, bytes);
    return true;
}

/* 5.2.5.1: in the BIOS area, on a 16-byte boundary. */
static bool acpi_search_bios(struct acpi_rsdp *out) {
    void *area;
    bool found = false;
    if (memory_map_phys(ACPI_BIOS_AREA, ACPI_BIOS_AREA_BYTES, 0, &area) != ALKA_OK) {
        return false;
    }
    for (uint32_t at = 0; !found && at + ACPI_RSDP_BYTES <= ACPI_BIOS_AREA_BYTES; at += 16) {
        found = acpi_parse_rsdp((const uint8_t *)area + at, ACPI_RSDP_BYTES, out);
    }
    memory_unmap_phys(area, ACPI_BIOS_AREA_BYTES);
    return found;
}

static bool acpi_find_rsdp(const struct boot_info *boot, struct acpi_rsdp *out) {
    if (boot->rsdp_bytes > 0 && acpi_parse_rsdp(boot->rsdp, boot->rsdp_bytes, out)) {
        return true;
    }
    void *mapped;
    if (boot->rsdp_phys != 0 &&
        memory_map_phys(boot->rsdp_phys, ACPI_RSDP_BYTES, 0, &mapped) == ALKA_OK) {
        bool found = acpi_parse_rsdp(mapped, ACPI_RSDP_BYTES, out);
        memory_unmap_phys(mapped, ACPI_RSDP_BYTES);
        if (found) {
            return true;
        }
    }
    return acpi_search_bios(out);
}

const char *acpi_start(const struct boot_info *boot) {
    struct acpi_rsdp rsdp;
    if (!acpi_find_rsdp(boot, &rsdp)) {
        return "no root pointer";
    }
    if (!acpi_take_root(&rsdp)) {
        return "the root table cannot be read";
    }
    if (acpi.has_fadt) {
        acpi_take_dsdt();
    }
    if (!acpi.has_fadt) {
        return "no FADT";
    }
    return acpi.has_madt ? NULL : "no MADT";
}
