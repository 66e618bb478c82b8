/* Calendar time. In: registers of a clock chip, which may hold anything. Out: a date that exists.
 * Pure. */
#include "time/calendar.h"

#define CALENDAR_BAD UINT32_MAX

/* A register's number; CALENDAR_BAD if its digits are none. */
static uint32_t calendar_number(uint8_t value, bool is_binary) {
    uint32_t tens = value >> 4, ones = value & 15u;
    if (is_binary) {
        return value;
    }
    return tens < 10 && ones < 10 ? tens * 10 + ones : CALENDAR_BAD;
}

static bool calendar_is_leap(uint32_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t calendar_month_days(uint32_t year, uint32_t month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && calendar_is_leap(year) ? 1u : 0u);
}

static uint32_t calendar_hour(const struct calendar_registers *registers, bool is_binary) {
    if ((registers->status_b & CALENDAR_24_HOURS) != 0) {
        return calendar_number(registers->hour, is_binary);
    }
    bool is_afternoon = (registers->hour & CALENDAR_PM) != 0;
    uint32_t hour = calendar_number((uint8_t)(registers->hour & ~CALENDAR_PM), is_binary);
    if (hour < 1 || hour > 12) {
        return CALENDAR_BAD;
    }
    return hour % 12 + (is_afternoon ? 12u : 0u);
}

bool calendar_decode(const struct calendar_registers *registers, struct calendar *out) {
    bool is_binary = (registers->status_b & CALENDAR_BINARY) != 0;
    uint32_t century =
        registers->century == 0 ? 20 : calendar_number(registers->century, is_binary);
    uint32_t year = calendar_number(registers->year, is_binary);
    struct calendar date = {
        .month = calendar_number(registers->month, is_binary),
        .day = calendar_number(registers->day, is_binary),
        .hour = calendar_hour(registers, is_binary),
        .minute = calendar_number(registers->minute, is_binary),
        .second = calendar_number(registers->second, is_binary),
    };
    if (century < 19 || century > 99 || year > 99) {
        return false;
    }
    date.year = century * 100 + year;
    if (date.year < 1970 || date.month < 1 || date.month > 12 || date.day < 1 ||
        date.day > calendar_month_days(date.year, date.month) || date.hour > 23 ||
        date.minute > 59 || date.second > 59) {
        return false;
    }
    *out = date;
    return true;
}

uint64_t calendar_unix_s(const struct calendar *date) {
    uint64_t years = date->year - 1;
    uint64_t days = years * 365 + years / 4 - years / 100 + years / 400 - 719162; /* until 1970 */
    for (uint32_t month = 1; month < date->month; month++) {
        days += calendar_month_days(date->year, month);
    }
    days += date->day - 1;
    return ((days * 24 + date->hour) * 60 + date->minute) * 60 + date->second;
}
