/* The table of function names: what tools/symbols.py makes of symbols.nm, and tables of nonsense.
 */
#include "trap/symbol_table.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const uint8_t kernel_symbols[], kernel_symbols_end[];

#define CODES_BYTES (SYMBOL_CODES * sizeof(struct symbol_code))

static struct symbol_table table_of(const uint8_t *bytes, const uint8_t *end) {
    return (struct symbol_table){(const struct symbol_code *)bytes, bytes + CODES_BYTES, end};
}

static void names(void **state) {
    (void)state;
    static const struct {
        uint64_t text_off;
        const char *name;
        uint64_t off;
    } cases[] = {
        {0, "call_export", 0},
        {1, "call_export", 1},
        {0x3F, "call_export", 0x3F},
        {0x40, "call_import", 0},
        {0xBF, "call_import", 0x7F},
        {0xC0, "call_import", 0},
        {0x100, "sched_wake", 0},
        {0x4017F, "sched_wake", 0x4007F},
        {0x40180, "call_exported_names_are_seldom_so_long_but_this_one_would_not_f", 0},
        {0x40192, "call_back", 2},
        {0x40193, "x", 0},
        {0x40FFF, "x", 0xE6C},
        {0x41000, NULL, 0},
        {UINT64_MAX, NULL, 0},
    };
    const struct symbol_table table = table_of(kernel_symbols, kernel_symbols_end);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[SYMBOL_NAME_BYTES] = "";
        uint64_t off = 0;
        bool found = symbol_table_find(&table, cases[i].text_off, name, &off);
        assert_int_equal(found, cases[i].name != NULL);
        if (found) {
            assert_string_equal(name, cases[i].name);
            assert_int_equal(off, cases[i].off);
        }
    }
}

static void pairs_are_used(void **state) {
    (void)state;
    assert_true((size_t)(kernel_symbols_end - kernel_symbols) < CODES_BYTES + 130);
}

/* Asks a copy of the table's first `size` bytes that ends where they end, so that a sanitizer sees
 * a read behind them. */
static void ask(const uint8_t *bytes, size_t size) {
    static const uint64_t offs[] = {0, 0x50, 0x40185, 0x40FFF, UINT64_MAX};
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    const struct symbol_table table = table_of(copy, copy + size);
    for (size_t i = 0; i < sizeof offs / sizeof offs[0]; i++) {
        char *name = malloc(SYMBOL_NAME_BYTES);
        uint64_t off;
        assert_non_null(name);
        if (symbol_table_find(&table, offs[i], name, &off)) {
            assert_true(strlen(name) < SYMBOL_NAME_BYTES);
        }
        free(name);
    }
    free(copy);
}

static void cut_tables(void **state) {
    (void)state;
    for (size_t size = CODES_BYTES; size <= (size_t)(kernel_symbols_end - kernel_symbols); size++) {
        ask(kernel_symbols, size);
    }
}

static void damaged_tables(void **state) {
    (void)state;
    enum { ROUNDS = 20000, CHANGES = 4 };
    size_t size = (size_t)(kernel_symbols_end - kernel_symbols);
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    uint32_t random = 1;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        memcpy(bytes, kernel_symbols, size);
        for (uint32_t i = 0; i < CHANGES; i++) {
            random = random * 1664525u + 1013904223u;
            bytes[(random >> 8) % size] = (uint8_t)(random >> 24);
        }
        ask(bytes, size);
    }
    free(bytes);
}

/* Codes that stand for themselves, or for higher ones, end. */
static void circles(void **state) {
    (void)state;
    uint8_t bytes[CODES_BYTES + 4];
    for (uint32_t code = 0; code < SYMBOL_CODES; code++) {
        bytes[2 * code] = (uint8_t)(255 - code);
        bytes[2 * code + 1] = (uint8_t)(code ? code : 1);
    }
    const uint8_t entry[] = {0x7F, 200, 127, 0};
    memcpy(bytes + CODES_BYTES, entry, sizeof entry);
    ask(bytes, sizeof bytes);
}

/* Two codes of the one below, up to the last: far more characters than a name has. */
static void bombs(void **state) {
    (void)state;
    uint8_t bytes[CODES_BYTES + 3] = {0, 0, 'a', 0};
    for (uint32_t code = 2; code < SYMBOL_CODES; code++) {
        bytes[2 * code] = bytes[2 * code + 1] = (uint8_t)(code - 1);
    }
    const uint8_t entry[] = {0x7F, 14, 0};
    memcpy(bytes + CODES_BYTES, entry, sizeof entry);
    char name[SYMBOL_NAME_BYTES];
    uint64_t off;
    const struct symbol_table table = table_of(bytes, bytes + sizeof bytes);
    assert_true(symbol_table_find(&table, 1, name, &off));
    assert_int_equal(strlen(name), SYMBOL_NAME_BYTES - 1);
    assert_int_equal(strspn(name, "a"), SYMBOL_NAME_BYTES - 1);
    bytes[CODES_BYTES + 1] = 255;
    ask(bytes, sizeof bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),      cmocka_unit_test(pairs_are_used),
        cmocka_unit_test(cut_tables), cmocka_unit_test(damaged_tables),
        cmocka_unit_test(circles),    cmocka_unit_test(bombs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
