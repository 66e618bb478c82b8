/*
 * Random places. In: the generator of cpu/random.c, which RDRAND and the time stamp counter feed,
 * or a word of the command line, for runs that shall be alike. Out: offsets.
 */
#include "mm/aslr.h"
#include "boot/boot_info.h"
#include "cpu/random.h"
#include <stdbool.h>

#define ASLR_WORD_BYTES 32u

static bool aslr_is_fixed;
static uint64_t aslr_state;

void aslr_start(const char *cmdline) {
    char word[ASLR_WORD_BYTES];
    aslr_is_fixed = boot_option_value(cmdline, "aslr", word, sizeof word);
    aslr_state = UINT64_C(0xCBF29CE484222325); /* FNV-1a */
    for (const char *at = word; aslr_is_fixed && *at != '\0'; at++) {
        aslr_state = (aslr_state ^ (uint8_t)*at) * UINT64_C(0x100000001B3);
    }
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t aslr_next(void) {
    uint64_t value = aslr_state += UINT64_C(0x9E3779B97F4A7C15);
    value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
    return value ^ value >> 31;
}

uint64_t aslr_offset(uint64_t below, uint64_t align) {
    return (aslr_is_fixed ? aslr_next() : random_u64()) % (below / align) * align;
}
