/* Switching the machine off and starting it again. */
#ifndef ATHANOR_POWER_H
#define ATHANOR_POWER_H

#include <stdbool.h>

/* What the test exit device is told (exit code of QEMU: 2 n + 1). */
enum power_status { POWER_GOOD = 0x10, POWER_FAILED = 0x11, POWER_PANIC = 0x12 };

/* From now on power_off leaves through QEMU's isa-debug-exit device (the option `debug-exit`). */
void power_use_debug_exit(void);
/* Tells the test exit device, if it is in use. */
void power_debug_exit(enum power_status status);

/* Comes back only if the machine cannot be switched off. */
void power_off(enum power_status status);
_Noreturn void power_reboot(void);

#endif
