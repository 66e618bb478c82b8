/*
 * The local APIC (Intel SDM 3A, chapter 11). In: the clock. Out: interrupts that are acknowledged,
 * a one-shot timer. The legacy 8259 controllers are moved off the exceptions' vectors and masked
 * for good.
 */
#include "cpu/apic.h"
#include "cpu/features.h"
#include "cpu/x86.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "time/clock.h"
#include "trap/trap.h"

#define APIC_BASE_ENABLED (UINT64_C(1) << 11)
#define APIC_BASE_X2 (UINT64_C(1) << 10)
#define APIC_BASE_ADDRESS UINT64_C(0x000FFFFFFFFFF000)
#define APIC_REGISTERS_BYTES 4096u
#define X2APIC_MSR 0x800u

#define APIC_ID 0x20u
#define APIC_PRIORITY 0x80u
#define APIC_END 0xB0u
#define APIC_SPURIOUS 0xF0u
#define APIC_LVT_TIMER 0x320u
#define APIC_LVT_LINT0 0x350u
#define APIC_LVT_LINT1 0x360u
#define APIC_LVT_ERROR 0x370u
#define APIC_TIMER_INITIAL 0x380u
#define APIC_TIMER_CURRENT 0x390u
#define APIC_TIMER_DIVIDE 0x3E0u

#define APIC_SPURIOUS_ENABLE 0x100u
#define APIC_LVT_MASKED 0x10000u
#define APIC_DIVIDE_BY_16 3u

#define APIC_MEASURE_NS UINT64_C(1000000)

static volatile uint32_t *apic_registers; /* NULL in x2APIC mode */
static bool apic_x2;
static uint64_t apic_hz;

static uint32_t apic_read(uint32_t offset) {
    if (apic_x2) {
        return (uint32_t)x86_read_msr(X2APIC_MSR + offset / 16);
    }
    return apic_registers[offset / 4];
}

static void apic_write(uint32_t offset, uint32_t value) {
    if (apic_x2) {
        x86_write_msr(X2APIC_MSR + offset / 16, value);
        return;
    }
    apic_registers[offset / 4] = value;
}

/* Initialised to vectors 0xF0–0xFF and masked: a spurious interrupt of theirs must not look like an
 * exception. */
static void apic_silence_legacy(void) {
    static const struct {
        uint16_t port;
        uint8_t value;
    } sequence[] = {{0x20, 0x11}, {0xA0, 0x11}, {0x21, 0xF0}, {0xA1, 0xF8}, {0x21, 0x04},
                    {0xA1, 0x02}, {0x21, 0x01}, {0xA1, 0x01}, {0x21, 0xFF}, {0xA1, 0xFF}};
    for (uint32_t i = 0; i < sizeof sequence / sizeof sequence[0]; i++) {
        x86_out8(sequence[i].port, sequence[i].value);
    }
}

static alka_status apic_map(void) {
    uint64_t base = x86_read_msr(X86_MSR_APIC_BASE);
    apic_x2 = (base & APIC_BASE_X2) != 0;
    if (apic_x2) {
        return ALKA_OK;
    }
    x86_write_msr(X86_MSR_APIC_BASE, base | APIC_BASE_ENABLED);
    void *registers;
    ALKA_TRY(memory_map_phys(base & APIC_BASE_ADDRESS, APIC_REGISTERS_BYTES,
                             PAGING_WRITE | PAGING_UNCACHED, &registers));
    apic_registers = registers;
    return ALKA_OK;
}

alka_status apic_start(void) {
    apic_silence_legacy();
    ALKA_TRY(apic_map());
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT1, APIC_LVT_MASKED);
    apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED);
    apic_write(APIC_PRIORITY, 0);
    apic_write(APIC_SPURIOUS, APIC_SPURIOUS_ENABLE | TRAP_VECTOR_SPURIOUS);
    return ALKA_OK;
}

uint32_t apic_id(void) { return apic_x2 ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24; }

void apic_end_of_interrupt(void) { apic_write(APIC_END, 0); }

bool apic_timer_start(void) {
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_16);
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
    uint64_t start = clock_ns();
    clock_wait_ns(APIC_MEASURE_NS);
    uint64_t count = UINT32_MAX - apic_read(APIC_TIMER_CURRENT);
    uint64_t passed = clock_ns() - start;
    apic_write(APIC_TIMER_INITIAL, 0);
    if (count == 0 || passed == 0) {
        return false;
    }
    apic_hz = count * UINT64_C(1000000000) / passed;
    apic_write(APIC_LVT_TIMER, TRAP_VECTOR_TIMER);
    return apic_hz > 0 && apic_hz <= CLOCK_HZ_MAX;
}

void apic_timer_arm(uint64_t ns) {
    uint64_t ticks = clock_ns_to_ticks(ns, apic_hz);
    ticks = ticks < 1 ? 1 : ticks;
    apic_write(APIC_TIMER_INITIAL, ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
}

uint64_t apic_timer_hz(void) { return apic_hz; }
