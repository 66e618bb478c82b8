/* Switching the machine off and starting it again. */
#ifndef ATHANOR_POWER_H
#define ATHANOR_POWER_H

#include <stdbool.h>

/* What the test exit device is told (exit code of QEMU: 2 n + 1). */
enum power_status { POWER_GOOD = 0x10, POWER_FAILED = 0x11, POWER_PANIC = 0x12 };

/*
 * Uses QEMU's isa-debug-exit device (at port 0xF4) for leaving, if the machine is virtual and something answers there, or
 * if `forced`.
 */
void power_find_debug_exit(bool forced);
/* Tells the test exit device, if it is in use. */
void power_debug_exit(enum power_status status);

/* Comes back only if the machine cannot be switched off. */
void power_off(enum power_status status);
_Noreturn void power_reboot(void);

#endif
