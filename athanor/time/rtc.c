/*
 * The clock chip (Motorola MC146818 and its descendants) behind two ports. In: ACPI's word on where
 * the century is. Out: a date, read twice alike while no update was under way.
 */
#include "time/rtc.h"
#include "acpi/acpi.h"
#include "cpu/x86.h"
#include "time/clock.h"
#include <string.h>

#define RTC_INDEX 0x70u
#define RTC_DATA 0x71u
#define RTC_STATUS_A 0x0Au
#define RTC_STATUS_A_UPDATING 0x80u
#define RTC_STATUS_B 0x0Bu
#define RTC_CENTURY_LEAST 0x0Eu /* registers before it have other meanings */
#define RTC_CENTURY_MOST 0x7Fu
#define RTC_UPDATE_NS UINT64_C(10000000) /* an update takes 2 ms */
#define RTC_TRIES 4u

static uint8_t rtc_register(uint8_t index) {
    x86_out8(RTC_INDEX, index);
    return x86_in8(RTC_DATA);
}

static bool rtc_is_updating(void) {
    return (rtc_register(RTC_STATUS_A) & RTC_STATUS_A_UPDATING) != 0;
}

static bool rtc_wait(void) {
    uint64_t end_ns = clock_ns() + RTC_UPDATE_NS;
    while (rtc_is_updating()) {
        if (clock_ns() >= end_ns) {
            return false;
        }
        x86_pause();
    }
    return true;
}

static void rtc_read_registers(struct calendar_registers *out) {
    uint8_t century = acpi.has_fadt ? acpi.fadt.century : 0;
    bool has_century = century >= RTC_CENTURY_LEAST && century <= RTC_CENTURY_MOST;
    *out = (struct calendar_registers){
        .second = rtc_register(0x00),
        .minute = rtc_register(0x02),
        .hour = rtc_register(0x04),
        .day = rtc_register(0x07),
        .month = rtc_register(0x08),
        .year = rtc_register(0x09),
        .century = has_century ? rtc_register(century) : 0,
        .status_b = rtc_register(RTC_STATUS_B),
    };
}

bool rtc_read(struct calendar *out) {
    for (uint32_t i = 0; i < RTC_TRIES; i++) {
        struct calendar_registers first, again;
        if (!rtc_wait()) {
            return false;
        }
        rtc_read_registers(&first);
        rtc_read_registers(&again);
        if (memcmp(&first, &again, sizeof first) == 0 && !rtc_is_updating()) {
            return calendar_decode(&first, out);
        }
    }
    return false;
}
