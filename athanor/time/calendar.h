/* Calendar time: what the machine's clock chip says, checked. */
#ifndef ATHANOR_CALENDAR_H
#define ATHANOR_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

struct calendar {
    uint32_t year, month, day, hour, minute, second; /* month, day from 1 */
};

/* Registers of an MC146818 clock as they were read; `century` is 0 where there is no such register.
 */
struct calendar_registers {
    uint8_t second, minute, hour, day, month, year, century, status_b;
};

#define CALENDAR_BINARY 0x04u   /* in status_b: else binary-coded decimals */
#define CALENDAR_24_HOURS 0x02u /* else hours 1 to 12, with CALENDAR_PM for the afternoon */
#define CALENDAR_PM 0x80u

/* False: they are no date, or no time. Without a century the year is of 2000 to 2099. */
bool calendar_decode(const struct calendar_registers *registers, struct calendar *out);
/* Seconds since 1970-01-01 00:00:00, of dates from then on. */
uint64_t calendar_unix_s(const struct calendar *date);

#endif
