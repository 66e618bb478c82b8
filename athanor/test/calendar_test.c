/* The clock chip's registers: every form of them, and every way in which they are no date. */
#include "time/calendar.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define BCD CALENDAR_24_HOURS
#define BINARY (CALENDAR_24_HOURS | CALENDAR_BINARY)

static void dates(void **state) {
    (void)state;
    /* second, minute, hour, day, month, year, century, status; the last column from `date -u +%s`
     */
    static const struct {
        struct calendar_registers registers;
        struct calendar date;
        uint64_t unix_s;
    } cases[] = {
        {{0x59, 0x59, 0x23, 0x29, 0x02, 0x24, 0x20, BCD}, {2024, 2, 29, 23, 59, 59}, 1709251199},
        {{59, 59, 23, 29, 2, 24, 20, BINARY}, {2024, 2, 29, 23, 59, 59}, 1709251199},
        {{0x00, 0x00, 0x00, 0x01, 0x01, 0x70, 0x19, BCD}, {1970, 1, 1, 0, 0, 0}, 0},
        {{0x08, 0x30, 0x12, 0x31, 0x12, 0x99, 0x00, BCD}, {2099, 12, 31, 12, 30, 8}, 4102403408},
        {{0x00, 0x00, 0x12, 0x28, 0x11, 0x26, 0x20, 0}, {2026, 11, 28, 0, 0, 0}, 1795824000},
        {{0x00, 0x00, 0x92, 0x28, 0x11, 0x26, 0x20, 0}, {2026, 11, 28, 12, 0, 0}, 1795867200},
        {{0x00, 0x00, 0x91, 0x28, 0x11, 0x26, 0x20, 0}, {2026, 11, 28, 23, 0, 0}, 1795906800},
        {{0, 0, 0x80 | 11, 28, 11, 26, 20, CALENDAR_BINARY}, {2026, 11, 28, 23, 0, 0}, 1795906800},
        {{0x00, 0x00, 0x00, 0x29, 0x02, 0x00, 0x20, BCD}, {2000, 2, 29, 0, 0, 0}, 951782400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct calendar date;
        const struct calendar *expected = &cases[i].date;
        assert_true(calendar_decode(&cases[i].registers, &date));
        assert_int_equal(date.year, expected->year);
        assert_int_equal(date.month, expected->month);
        assert_int_equal(date.day, expected->day);
        assert_int_equal(date.hour, expected->hour);
        assert_int_equal(date.minute, expected->minute);
        assert_int_equal(date.second, expected->second);
        assert_int_equal(calendar_unix_s(&date), cases[i].unix_s);
    }
}

static void no_dates(void **state) {
    (void)state;
    static const struct calendar_registers cases[] = {
        {0x60, 0x00, 0x00, 0x01, 0x01, 0x24, 0x20, BCD},
        {0x0A, 0x00, 0x00, 0x01, 0x01, 0x24, 0x20, BCD},
        {0x00, 0x60, 0x00, 0x01, 0x01, 0x24, 0x20, BCD},
        {0x00, 0x00, 0x24, 0x01, 0x01, 0x24, 0x20, BCD},
        {0x00, 0x00, 0x00, 0x00, 0x01, 0x24, 0x20, BCD},
        {0x00, 0x00, 0x00, 0x32, 0x01, 0x24, 0x20, BCD},
        {0x00, 0x00, 0x00, 0x29, 0x02, 0x23, 0x20, BCD},
        {0x00, 0x00, 0x00, 0x29, 0x02, 0x00, 0x21, BCD},
        {0x00, 0x00, 0x00, 0x31, 0x04, 0x24, 0x20, BCD},
        {0x00, 0x00, 0x00, 0x01, 0x00, 0x24, 0x20, BCD},
        {0x00, 0x00, 0x00, 0x01, 0x13, 0x24, 0x20, BCD},
        {0x00, 0x00, 0x00, 0x01, 0x01, 0xA0, 0x20, BCD},
        {0x00, 0x00, 0x00, 0x01, 0x01, 0x24, 0xFF, BCD},
        {0x00, 0x00, 0x00, 0x01, 0x01, 0x69, 0x19, BCD},
        {0x00, 0x00, 0x13, 0x01, 0x01, 0x24, 0x20, 0},
        {0x00, 0x00, 0x00, 0x01, 0x01, 0x24, 0x20, 0},
        {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
        {0, 0, 0, 0, 0, 0, 0, 0},
        {0, 0, 0, 1, 1, 100, 20, BINARY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct calendar date = {.year = 7};
        assert_false(calendar_decode(&cases[i], &date));
        assert_int_equal(date.year, 7);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(dates), cmocka_unit_test(no_dates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
