/* Tests that the booting kernel runs on itself, on the real machine. */
#ifndef ATHANOR_SELFTEST_H
#define ATHANOR_SELFTEST_H

#include <stdint.h>

struct selftest {
    const char *name;
    const char *(*run)(void); /* NULL, or what went wrong */
};

/* Runs all and logs a line for each. Returns how many failed; *out_count is how many there are. */
uint32_t selftest_run(uint32_t *out_count);

/* The lists; each ends with a NULL name. */
extern const struct selftest selftest_protection[];
extern const struct selftest selftest_memory[];
extern const struct selftest selftest_machine[];
extern const struct selftest selftest_threads[];
extern const struct selftest selftest_crucible[];

#endif
