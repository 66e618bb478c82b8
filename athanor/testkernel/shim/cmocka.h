/*
 * As much of cmocka as the unit tests use, for the kernel for tests. A failed assertion ends the
 * test, not the kernel.
 */
#ifndef SHIM_CMOCKA_H
#define SHIM_CMOCKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int shim_function(void **state);

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
    shim_function *setup, *teardown;
    void *initial_state;
};

#define cmocka_unit_test(function) \
    { #function, function, NULL, NULL, NULL }
#define cmocka_unit_test_setup(function, setup) \
    { #function, function, setup, NULL, NULL }
#define cmocka_unit_test_teardown(function, teardown) \
    { #function, function, NULL, teardown, NULL }
#define cmocka_unit_test_setup_teardown(function, setup, teardown) \
    { #function, function, setup, teardown, NULL }

/* Returns how many failed. */
int shim_run_group(const struct CMUnitTest *tests, size_t count, shim_function *setup,
                   shim_function *teardown);
#define cmocka_run_group_tests(tests, setup, teardown) \
    shim_run_group(tests, sizeof(tests) / sizeof(tests)[0], setup, teardown)

_Noreturn void shim_fail(const char *file, int line, const char *what);
void shim_equal(uint64_t left, uint64_t right, bool is_wanted, const char *file, int line,
                const char *what);

void shim_in_range(uint64_t value, uint64_t low, uint64_t high, const char *file, int line,
                   const char *what);

#define assert_true(condition) ((condition) ? (void)0 : shim_fail(__FILE__, __LINE__, #condition))
#define assert_false(condition) assert_true(!(condition))
#define assert_null(pointer) assert_true((pointer) == NULL)
#define assert_non_null(pointer) assert_true((pointer) != NULL)
#define assert_ptr_equal(a, b) assert_true((const void *)(a) == (const void *)(b))
#define assert_ptr_not_equal(a, b) assert_true((const void *)(a) != (const void *)(b))
#define assert_int_equal(a, b) \
    shim_equal((uint64_t)(a), (uint64_t)(b), true, __FILE__, __LINE__, #a " == " #b)
#define assert_int_not_equal(a, b) \
    shim_equal((uint64_t)(a), (uint64_t)(b), false, __FILE__, __LINE__, #a " != " #b)
#define assert_string_equal(a, b) assert_true(strcmp(a, b) == 0)
#define assert_string_not_equal(a, b) assert_true(strcmp(a, b) != 0)
#define assert_memory_equal(a, b, size) assert_true(memcmp(a, b, size) == 0)
#define assert_memory_not_equal(a, b, size) assert_true(memcmp(a, b, size) != 0)
#define assert_in_range(value, low, high) \
    shim_in_range((uint64_t)(value), (uint64_t)(low), (uint64_t)(high), __FILE__, __LINE__, #value)
#define fail() shim_fail(__FILE__, __LINE__, "fail")
#define fail_msg(...) shim_fail(__FILE__, __LINE__, #__VA_ARGS__)

#endif
