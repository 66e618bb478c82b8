/* ACPI tables: right ones, and the same with every byte cut off or changed. The AML is what real
 * firmware has. */
#include "acpi/tables.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void set_number(uint8_t *table, size_t at, uint64_t value, size_t width) {
    for (size_t i = 0; i < width; i++) {
        table[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static void fix_checksum(uint8_t *bytes, size_t size, size_t at) {
    bytes[at] = 0;
    uint8_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    bytes[at] = (uint8_t)-sum;
}

static void make_rsdp(uint8_t rsdp[static 36], uint8_t revision) {
    memset(rsdp, 0, 36);
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = revision;
    set_number(rsdp, 16, 0x1000, 4);
    fix_checksum(rsdp, 20, 8);
    set_number(rsdp, 20, 36, 4);
    set_number(rsdp, 24, 0x123456789000, 8);
    fix_checksum(rsdp, 36, 32);
}

static void rsdp(void **state) {
    (void)state;
    uint8_t bytes[36];
    struct acpi_rsdp out;
    make_rsdp(bytes, 2);
    assert_true(acpi_parse_rsdp(bytes, 36, &out));
    assert_int_equal(out.root_phys, 0x123456789000);
    assert_int_equal(out.entry_bytes, 8);
    assert_true(acpi_parse_rsdp(bytes, 20, &out)); /* a loader's old copy */
    assert_int_equal(out.root_phys, 0x1000);
    assert_int_equal(out.entry_bytes, 4);
    assert_false(acpi_parse_rsdp(bytes, 19, &out));
    bytes[33] ^= 1; /* the second checksum fails: the first half still counts */
    assert_true(acpi_parse_rsdp(bytes, 36, &out));
    assert_int_equal(out.entry_bytes, 4);
    bytes[17] ^= 1;
    assert_false(acpi_parse_rsdp(bytes, 36, &out));
    make_rsdp(bytes, 0);
    assert_true(acpi_parse_rsdp(bytes, 36, &out));
    assert_int_equal(out.entry_bytes, 4);
}

static void headers(void **state) {
    (void)state;
    uint8_t header[36] = "FACP";
    set_number(header, 4, 36, 4);
    assert_int_equal(acpi_table_bytes(header, "FACP"), 36);
    assert_int_equal(acpi_table_bytes(header, NULL), 36);
    assert_int_equal(acpi_table_bytes(header, "APIC"), 0);
    set_number(header, 4, 35, 4);
    assert_int_equal(acpi_table_bytes(header, NULL), 0);
    set_number(header, 4, ACPI_TABLE_BYTES_MAX + 1, 4);
    assert_int_equal(acpi_table_bytes(header, NULL), 0);
    set_number(header, 4, UINT32_MAX, 4);
    assert_int_equal(acpi_table_bytes(header, NULL), 0);
}

static void fadt(void **state) {
    (void)state;
    uint8_t table[244] = {0};
    struct acpi_fadt out;
    set_number(table, 40, 0x7000, 4);
    set_number(table, 48, 0xB2, 4);
    table[52] = 0xF1;
    set_number(table, 64, 0x604, 4);
    table[108] = 0x32;
    assert_true(acpi_parse_fadt(table, 116, &out)); /* revision 1 ends here */
    assert_int_equal(out.dsdt_phys, 0x7000);
    assert_int_equal(out.pm1a_control.address, 0x604);
    assert_int_equal(out.pm1a_control.space, ACPI_SPACE_IO);
    assert_int_equal(out.pm1b_control.address, 0);
    assert_int_equal(out.smi_command, 0xB2);
    assert_int_equal(out.acpi_enable, 0xF1);
    assert_false(out.has_reset);
    assert_int_equal(out.century, 0x32);

    set_number(table, 112, 1 << 10 | 1 << 20, 4);
    table[116] = ACPI_SPACE_IO;
    set_number(table, 120, 0xCF9, 8);
    table[128] = 0x0F;
    set_number(table, 140, 0x800000007000, 8);
    table[172] = ACPI_SPACE_IO;
    set_number(table, 176, 0x404, 8);
    assert_true(acpi_parse_fadt(table, sizeof table, &out));
    assert_true(out.has_reset && out.hardware_reduced);
    assert_int_equal(out.reset.address, 0xCF9);
    assert_int_equal(out.reset_value, 0x0F);
    assert_int_equal(out.dsdt_phys, 0x800000007000);
    assert_int_equal(out.pm1a_control.address, 0x404);
    assert_true(acpi_parse_fadt(table, 108, &out));
    assert_int_equal(out.century, 0);
    assert_false(acpi_parse_fadt(table, 71, &out));
}

static const uint8_t madt_items[] = {
    0,  8,  0, 0, 1,  0, 0,    0,                               /* processor, APIC 0, enabled */
    0,  8,  1, 7, 0,  0, 0,    0,                               /* APIC 7, disabled */
    9,  16, 0, 0, 4,  1, 0,    0,    1,    0, 0, 0, 2, 0, 0, 0, /* x2APIC 0x104 */
    1,  12, 0, 0, 0,  0, 0xC0, 0xFE, 0,    0, 0, 0,             /* I/O APIC at 0xFEC00000 */
    2,  10, 0, 9, 20, 0, 0,    0,    0x0F, 0, /* ISA 9: interrupt 20, level, active low */
    99, 3,  0,
};

static void madt(void **state) {
    (void)state;
    uint8_t table[44 + sizeof madt_items] = {0};
    struct acpi_madt out;
    memcpy(table + 44, madt_items, sizeof madt_items);
    assert_true(acpi_parse_madt(table, sizeof table, &out));
    assert_int_equal(out.cpu_count, 2);
    assert_int_equal(out.cpu_apic_ids[1], 0x104);
    assert_int_equal(out.ioapic_count, 1);
    assert_int_equal(out.ioapics[0].phys, 0xFEC00000);
    assert_int_equal(out.override_count, 1);
    assert_int_equal(out.overrides[0].isa_irq, 9);
    assert_int_equal(out.overrides[0].interrupt, 20);
    assert_true(out.overrides[0].active_low && out.overrides[0].level);
}

static void madt_hostile(void **state) {
    (void)state;
    struct acpi_madt out;
    for (size_t size = 0; size <= 44 + sizeof madt_items; size++) {
        uint8_t *table = calloc(1, size + 1); /* exact: the sanitizer watches its end */
        table = realloc(table, size > 0 ? size : 1);
        if (size > 44) {
            memcpy(table + 44, madt_items, size - 44);
        }
        assert_int_equal(acpi_parse_madt(table, size, &out), size >= 44);
        assert_true(out.cpu_count <= 2 && out.ioapic_count <= 1);
        free(table);
    }
    for (size_t at = 0; at < sizeof madt_items; at++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t table[44 + sizeof madt_items] = {0};
            memcpy(table + 44, madt_items, sizeof madt_items);
            table[44 + at] = (uint8_t)value;
            assert_true(acpi_parse_madt(table, sizeof table, &out));
        }
    }
    static uint8_t many[44 + 1000 * 12];
    for (size_t i = 0; i < 1000; i++) {
        many[44 + i * 12] = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : 2;
        many[44 + i * 12 + 1] = 12;
        many[44 + i * 12 + 4] = 1;
    }
    assert_true(acpi_parse_madt(many, sizeof many, &out));
    assert_int_equal(out.cpu_count, 334);
    assert_int_equal(out.ioapic_count, ACPI_IOAPICS_MAX);
    assert_int_equal(out.override_count, ACPI_OVERRIDES_MAX);
}

static void hpet(void **state) {
    (void)state;
    uint8_t table[56] = {0};
    uint64_t phys;
    set_number(table, 44, 0xFED00000, 8);
    assert_true(acpi_parse_hpet(table, sizeof table, &phys));
    assert_int_equal(phys, 0xFED00000);
    assert_false(acpi_parse_hpet(table, 51, &phys));
    table[40] = 1;
    assert_false(acpi_parse_hpet(table, sizeof table, &phys));
}

/* Name (_S5, Package (4) {…}) as iasl writes it, in three styles. */
static const uint8_t s5_bytes[] = {0x10, 0x08, '_',  'S',  '5',  '_',  0x12, 0x0A,
                                   0x04, 0x0A, 0x05, 0x0A, 0x06, 0x00, 0x00};
static const uint8_t s5_root[] = {0x08, '\\', '_',  'S',  '5', '_', 0x12,
                                  0x06, 0x04, 0x00, 0x01, 0,   0};
static const uint8_t s5_long[] = {0x08, '_',  'S',  '5',  '_',  0x12, 0x4A, 0x00, 0x02,
                                  0x0B, 0x07, 0x00, 0x0C, 0x03, 0,    0,    0};

static void s5(void **state) {
    (void)state;
    struct acpi_sleep_types out;
    assert_true(acpi_find_s5(s5_bytes, sizeof s5_bytes, &out));
    assert_int_equal(out.pm1a, 5);
    assert_int_equal(out.pm1b, 6);
    assert_true(acpi_find_s5(s5_root, sizeof s5_root, &out));
    assert_int_equal(out.pm1a, 0);
    assert_int_equal(out.pm1b, 1);
    assert_true(acpi_find_s5(s5_long, sizeof s5_long, &out));
    assert_int_equal(out.pm1a, 7);
    assert_int_equal(out.pm1b, 3);
}

static void s5_hostile(void **state) {
    (void)state;
    struct acpi_sleep_types out;
    for (size_t size = 0; size < sizeof s5_bytes; size++) {
        uint8_t *aml = malloc(size + 1);
        aml = realloc(aml, size > 0 ? size : 1);
        memcpy(aml, s5_bytes, size);
        assert_int_equal(acpi_find_s5(aml, size, &out), size >= 13);
        free(aml);
    }
    const uint8_t no_name[] = {0x00, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x00, 0x01};
    assert_false(acpi_find_s5(no_name, sizeof no_name, &out));
    const uint8_t too_big[] = {0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x02, 0x0A, 0x08, 0x00};
    assert_false(acpi_find_s5(too_big, sizeof too_big, &out));
    const uint8_t no_number[] = {0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x02, 0x70, 0x08, 0x00};
    assert_false(acpi_find_s5(no_number, sizeof no_number, &out));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rsdp), cmocka_unit_test(headers),      cmocka_unit_test(fadt),
        cmocka_unit_test(madt), cmocka_unit_test(madt_hostile), cmocka_unit_test(hpet),
        cmocka_unit_test(s5),   cmocka_unit_test(s5_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
