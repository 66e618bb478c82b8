/* Durations of the fault campaign, counted by class. */
#ifndef ATHANOR_CAMPAIGN_LATENCIES_H
#define ATHANOR_CAMPAIGN_LATENCIES_H

#include <stdint.h>

#define LATENCIES_CLASSES 256u /* the leading bit and two more */

struct latencies {
    uint64_t classes[LATENCIES_CLASSES], count, max;
};

void latencies_add(struct latencies *latencies, uint64_t ticks);
/* A line of key=value pairs, about `what`. */
void latencies_print(const char *what, const struct latencies *latencies);

#endif
