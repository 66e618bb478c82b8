/* Both loaders' structures: as they should be, cut off at every byte, and with every byte changed.
 */
#include "boot/boot_info.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PHYS 0x10000u

/* Memory of exactly `size` bytes at PHYS: a sanitizer sees each read beyond it. */
struct fake {
    uint8_t *bytes;
    size_t size;
};

static const void *fake_at(void *self, uint64_t phys, uint64_t bytes) {
    const struct fake *fake = self;
    if (phys < PHYS || phys - PHYS > fake->size || bytes > fake->size - (phys - PHYS)) {
        return NULL;
    }
    return fake->bytes + (phys - PHYS);
}

struct builder {
    uint8_t bytes[4096];
    size_t size;
};

static void put(struct builder *b, const void *bytes, size_t size) {
    memcpy(b->bytes + b->size, bytes, size);
    b->size += size;
}

static void put32(struct builder *b, uint32_t value) { put(b, &value, 4); }
static void put64(struct builder *b, uint64_t value) { put(b, &value, 8); }

static void tag(struct builder *b, uint32_t type, const void *bytes, size_t size) {
    put32(b, type);
    put32(b, (uint32_t)size + 8);
    put(b, bytes, size);
    b->size = (b->size + 7) & ~(size_t)7;
}

static void build_multiboot2(struct builder *b) {
    memset(b, 0, sizeof *b);
    put64(b, 0);
    tag(b, 1, "debug-exit log=\"a b\"", 21);
    tag(b, 2, "GRUB", 5);
    struct builder t = {.size = 0};
    put32(&t, 0x100000);
    put32(&t, 0x100800);
    put(&t, "system", 7);
    tag(b, 3, t.bytes, t.size);
    t.size = 0;
    put32(&t, 24);
    put32(&t, 0);
    for (uint32_t i = 0; i < 3; i++) {
        put64(&t, i * 0x100000);
        put64(&t, 0x80000);
        put32(&t, i + 1);
        put32(&t, 0);
    }
    tag(b, 6, t.bytes, t.size);
    t.size = 0;
    put64(&t, 0xFD000000);
    put32(&t, 4160);
    put32(&t, 1024);
    put32(&t, 768);
    put(&t, (const uint8_t[]){32, 1, 0, 0, 16, 8, 8, 8, 0, 8}, 10);
    tag(b, 8, t.bytes, t.size);
    tag(b, 14, "RSD PTR aaaaaaaaaaaa", 20);
    tag(b, 15, "RSD PTR bbbbbbbbbbbbbbbbbbbbbbbbbbbb", 36);
    tag(b, 99, "unknown", 7);
    tag(b, 0, "", 0);
    uint32_t total = (uint32_t)b->size;
    memcpy(b->bytes, &total, 4);
}

static const char *parse(const uint8_t *bytes, size_t size, struct boot_info *out,
                         const char *(*parser)(const struct boot_reader *, uint64_t,
                                               struct boot_info *)) {
    struct fake fake = {malloc(size + 1), size};
    if (size > 0) {
        memcpy(fake.bytes, bytes, size);
    }
    const struct boot_reader reader = {fake_at, &fake};
    const char *error = parser(&reader, PHYS, out);
    free(fake.bytes);
    return error;
}

static struct boot_info info;

static void multiboot2_complete(void **state) {
    (void)state;
    struct builder b;
    build_multiboot2(&b);
    assert_null(parse(b.bytes, b.size, &info, boot_parse_multiboot2));
    assert_string_equal(info.loader, "GRUB");
    assert_true(boot_option(info.cmdline, "debug-exit"));
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.modules[0].base_phys, 0x100000);
    assert_int_equal(info.modules[0].size_bytes, 0x800);
    assert_string_equal(info.modules[0].name, "system");
    assert_int_equal(info.memory.count, 3);
    assert_int_equal(info.memory.ranges[0].kind, MEMORY_USABLE);
    assert_int_equal(info.memory.ranges[1].kind, MEMORY_RESERVED);
    assert_int_equal(info.memory.ranges[2].kind, MEMORY_ACPI);
    assert_int_equal(info.framebuffer.base_phys, 0xFD000000);
    assert_int_equal(info.framebuffer.pitch_bytes, 4160);
    assert_int_equal(info.framebuffer.red_shift, 16);
    assert_int_equal(info.rsdp_bytes, 36);
    assert_int_equal(info.rsdp[8], 'b');
}

static void multiboot2_truncated(void **state) {
    (void)state;
    struct builder b;
    build_multiboot2(&b);
    for (size_t size = 0; size < b.size; size++) {
        /* Memory ends there; and the structure says that it ends there. */
        assert_non_null(parse(b.bytes, size, &info, boot_parse_multiboot2));
        struct builder cut = b;
        uint32_t total = (uint32_t)size;
        memcpy(cut.bytes, &total, 4);
        assert_non_null(parse(cut.bytes, b.size, &info, boot_parse_multiboot2));
    }
}

static void multiboot2_every_byte_changed(void **state) {
    (void)state;
    struct builder b;
    build_multiboot2(&b);
    static const uint8_t values[] = {0x00, 0x01, 0x07, 0x7F, 0x80, 0xFF};
    for (size_t at = 0; at < b.size; at++) {
        for (size_t i = 0; i < sizeof values; i++) {
            struct builder changed = b;
            changed.bytes[at] = values[i];
            const char *error = parse(changed.bytes, b.size, &info, boot_parse_multiboot2);
            (void)error; /* either is right; reading outside is not */
            assert_true(info.module_count <= BOOT_MODULES_MAX);
            assert_int_equal(info.cmdline[BOOT_CMDLINE_BYTES - 1], 0);
        }
    }
}

static void multiboot2_refuses(void **state) {
    (void)state;
    struct builder b = {.size = 0};
    put32(&b, 0xFFFFFFFF);
    put32(&b, 0);
    assert_string_equal(parse(b.bytes, b.size, &info, boot_parse_multiboot2),
                        "the boot information is too large");
    b.size = 0;
    put32(&b, 24);
    put32(&b, 0);
    put32(&b, 77);
    put32(&b, 0xFFFFFFF0); /* rounding this up would wrap */
    put64(&b, 0);
    assert_string_equal(parse(b.bytes, b.size, &info, boot_parse_multiboot2),
                        "a boot information tag has an impossible size");
    b.size = 0;
    put32(&b, 24);
    put32(&b, 0);
    put32(&b, 6);
    put32(&b, 24); /* fits into the whole, not into the rest */
    put32(&b, 24);
    put32(&b, 0);
    assert_string_equal(parse(b.bytes, b.size, &info, boot_parse_multiboot2),
                        "a boot information tag has an impossible size");
}

static void multiboot2_counts_surplus_modules(void **state) {
    (void)state;
    struct builder b = {.size = 0};
    put64(&b, 0);
    for (uint32_t i = 0; i < BOOT_MODULES_MAX + 3; i++) {
        struct builder t = {.size = 0};
        put32(&t, 0x1000 * i);
        put32(&t, 0x1000 * i + 16);
        tag(&b, 3, t.bytes, t.size);
    }
    tag(&b, 0, "", 0);
    uint32_t total = (uint32_t)b.size;
    memcpy(b.bytes, &total, 4);
    assert_null(parse(b.bytes, b.size, &info, boot_parse_multiboot2));
    assert_int_equal(info.module_count, BOOT_MODULES_MAX);
    assert_int_equal(info.modules_dropped, 3);
    assert_string_equal(info.modules[0].name, "");
}

#define PVH_MODULES (PHYS + 64)
#define PVH_MEMORY (PHYS + 128)
#define PVH_TEXT (PHYS + 192)

static void build_pvh(struct builder *b) {
    memset(b, 0, sizeof *b);
    put32(b, 0x336EC578);
    put32(b, 1);
    put32(b, 0);
    put32(b, 1);
    put64(b, PVH_MODULES);
    put64(b, PVH_TEXT);
    put64(b, 0xF5B00);
    put64(b, PVH_MEMORY);
    put32(b, 2);
    b->size = PVH_MODULES - PHYS;
    put64(b, 0x200000);
    put64(b, 0x123);
    put64(b, PVH_TEXT + 6);
    b->size = PVH_MEMORY - PHYS;
    for (uint32_t i = 0; i < 2; i++) {
        put64(b, i * 0x100000);
        put64(b, 0x90000);
        put32(b, i + 1);
        put32(b, 0);
    }
    b->size = PVH_TEXT - PHYS;
    put(b, "quiet\0bundle", 12); /* the last text has no end but memory's */
}

static void pvh_complete(void **state) {
    (void)state;
    struct builder b;
    build_pvh(&b);
    assert_null(parse(b.bytes, b.size, &info, boot_parse_pvh));
    assert_string_equal(info.cmdline, "quiet");
    assert_int_equal(info.rsdp_phys, 0xF5B00);
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.modules[0].size_bytes, 0x123);
    assert_string_equal(info.modules[0].name, "bundle");
    assert_int_equal(info.memory.count, 2);
}

static void pvh_hostile(void **state) {
    (void)state;
    struct builder b;
    build_pvh(&b);
    for (size_t size = 0; size < b.size; size++) {
        const char *error = parse(b.bytes, size, &info, boot_parse_pvh);
        assert_true(size >= PVH_MEMORY - PHYS + 48 || error != NULL); /* texts may be cut */
    }
    static const uint8_t values[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    for (size_t at = 0; at < b.size; at++) {
        for (size_t i = 0; i < sizeof values; i++) {
            struct builder changed = b;
            changed.bytes[at] = values[i];
            const char *error = parse(changed.bytes, b.size, &info, boot_parse_pvh);
            assert_true(at >= 4 || error != NULL || values[i] == b.bytes[at]);
            assert_true(info.module_count <= BOOT_MODULES_MAX);
        }
    }
}

static void options(void **state) {
    (void)state;
    char value[8];
    assert_true(boot_option("a debug-exit", "debug-exit"));
    assert_true(boot_option("debug-exit b", "debug-exit"));
    assert_false(boot_option("debug-exits", "debug-exit"));
    assert_false(boot_option("xdebug-exit", "debug-exit"));
    assert_false(boot_option("debug-exit=1", "debug-exit"));
    assert_false(boot_option("x=\"a debug-exit\"", "debug-exit"));
    assert_false(boot_option("", "debug-exit"));
    assert_true(boot_option_value("x=1 y=two z", "y", value, sizeof value));
    assert_string_equal(value, "two");
    assert_true(boot_option_value("y=\"a b\" z", "y", value, sizeof value));
    assert_string_equal(value, "a b");
    assert_true(boot_option_value("y=\"longer than it fits", "y", value, sizeof value));
    assert_string_equal(value, "longer ");
    assert_true(boot_option_value("y=", "y", value, sizeof value));
    assert_string_equal(value, "");
    assert_false(boot_option_value("xy=1", "y", value, sizeof value));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiboot2_complete),
        cmocka_unit_test(multiboot2_truncated),
        cmocka_unit_test(multiboot2_every_byte_changed),
        cmocka_unit_test(multiboot2_refuses),
        cmocka_unit_test(multiboot2_counts_surplus_modules),
        cmocka_unit_test(pvh_complete),
        cmocka_unit_test(pvh_hostile),
        cmocka_unit_test(options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
