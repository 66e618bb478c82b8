/* The machine's clock chip, which knows what day it is. */
#ifndef ATHANOR_RTC_H
#define ATHANOR_RTC_H

#include "time/calendar.h"

/* False: the chip does not answer, changes all the time, or holds no date. Takes up to some
 * milliseconds. */
bool rtc_read(struct calendar *out);

#endif
