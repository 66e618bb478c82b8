/* Ticks and nanoseconds, against long double. */
#include "time/clock.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void scales(void **state) {
    (void)state;
    static const uint64_t rates[] = {1, 1193182, 62500000, 1000000000, 2299999000, CLOCK_HZ_MAX};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        uint64_t scale = clock_scale(rates[i]);
        for (uint64_t seconds = 1; seconds < 1000000 && seconds < UINT64_MAX / rates[i];
             seconds *= 7) {
            long double expected = (long double)seconds * 1e9L;
            long double got = (long double)clock_scaled(seconds * rates[i], scale);
            assert_true(got <= expected && (expected - got) / expected < 1.0L / (1 << 27));
        }
        assert_int_equal(clock_scaled(0, scale), 0);
    }
}

static void to_ticks(void **state) {
    (void)state;
    assert_int_equal(clock_ns_to_ticks(0, 1000), 0);
    assert_int_equal(clock_ns_to_ticks(1000000000, 62500000), 62500000);
    assert_int_equal(clock_ns_to_ticks(10000000, 62500000), 625000);
    assert_int_equal(clock_ns_to_ticks(999999999, CLOCK_HZ_MAX), 17999999982);
    assert_int_equal(clock_ns_to_ticks(UINT64_MAX, CLOCK_HZ_MAX), UINT64_MAX);
    assert_int_equal(clock_ns_to_ticks(UINT64_MAX, 1), 18446744073);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(scales), cmocka_unit_test(to_ticks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
