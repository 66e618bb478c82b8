/*
 * The fault campaign: faults in modules of a running system, one after the other, chosen by a seed;
 * after each one everything is looked at. tests/faults has the modules and the driver.
 */
#ifndef ATHANOR_CAMPAIGN_H
#define ATHANOR_CAMPAIGN_H

#include <stdint.h>

/* Prints key=value lines; the last one begins with "campaign". */
void campaign_run(uint64_t seed, uint64_t count);
/* The witness's throughput with a crash each 10 ms against that without, in turns. */
void campaign_load(uint64_t seed, uint64_t rounds);

#endif
