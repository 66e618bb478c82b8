/* The boot: a list of steps, each a line on the console and a point in the boot score. */
#ifndef ATHANOR_BOOT_H
#define ATHANOR_BOOT_H

#include "boot/boot_info.h"
#include <stdbool.h>
#include <stdint.h>

#define BOOT_NOTE_BYTES 160u

/* What a step says about itself on its line. */
struct boot_note {
    char text[BOOT_NOTE_BYTES];
};

struct boot_step {
    const char *name;
    bool (*run)(struct boot_note *note);
    bool vital; /* nothing can go on without it */
};

/* In boot/steps.c: the list, in order. */
extern const struct boot_step boot_steps[];
extern const uint32_t boot_step_count;

extern struct boot_info boot_info;
/* What the loader gave, before boot_steps run: protocol number and physical address (entry.asm). */
extern uint32_t boot_protocol;
extern uint64_t boot_information_phys;

/* Steps passed so far; boot_all_passed when they all did. */
uint32_t boot_score(void);
bool boot_all_passed(void);

void kmain(uint32_t protocol, uint32_t information_phys);

#endif
