/*
 * The counters that the time stamp counter is measured against: the HPET (IA-PC HPET
 * Specification 1.0a, 2.3) where ACPI names one, else the second channel of the 8254 interval
 * timer.
 */
#include "cpu/x86.h"
#include "time/clock.h"

#define HPET_PERIOD 1u /* index of a 32-bit register, as all below */
#define HPET_CONFIGURATION 4u
#define HPET_COUNTER 60u
#define HPET_PERIOD_MAX 100000000u /* femtoseconds: the specification's bound */
#define HPET_HZ_MIN 1000000u
#define FS_PER_S UINT64_C(1000000000000000)

static uint64_t reference_read_hpet(const struct clock_reference *reference) {
    return reference->registers[HPET_COUNTER];
}

bool clock_reference_hpet(volatile uint32_t *registers, struct clock_reference *out) {
    uint32_t period_fs = registers[HPET_PERIOD];
    if (period_fs == 0 || period_fs > HPET_PERIOD_MAX || FS_PER_S / period_fs < HPET_HZ_MIN) {
        return false;
    }
    registers[HPET_CONFIGURATION] |= 1; /* count */
    *out = (struct clock_reference){
        .name = "HPET",
        .hz = FS_PER_S / period_fs,
        .mask = UINT32_MAX,
        .read = reference_read_hpet,
        .registers = registers,
    };
    return true;
}

#define PIT_HZ 1193182u
#define PIT_CHANNEL_2 0x42u
#define PIT_COMMAND 0x43u
#define PIT_GATE 0x61u
#define PIT_GATE_ON 1u
#define PIT_SPEAKER 2u

/* The channel counts down from 65536 again and again: 0xFFFF - count counts up. */
static uint64_t reference_read_pit(const struct clock_reference *reference) {
    (void)reference;
    x86_out8(PIT_COMMAND, 0x80); /* latch channel 2 */
    uint32_t count = x86_in8(PIT_CHANNEL_2);
    count |= (uint32_t)x86_in8(PIT_CHANNEL_2) << 8;
    return 0xFFFF - count;
}

void clock_reference_pit(struct clock_reference *out) {
    x86_out8(PIT_GATE, (uint8_t)((x86_in8(PIT_GATE) & ~PIT_SPEAKER) | PIT_GATE_ON));
    x86_out8(PIT_COMMAND, 0xB4); /* channel 2, both bytes, mode 2: rate generator */
    x86_out8(PIT_CHANNEL_2, 0);
    x86_out8(PIT_CHANNEL_2, 0);
    *out = (struct clock_reference){
        .name = "PIT",
        .hz = PIT_HZ,
        .mask = 0xFFFF,
        .read = reference_read_pit,
    };
}
