/* No more than so many in a second; how many there were besides is known. */
#ifndef ATHANOR_RATE_H
#define ATHANOR_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_SECOND_NS UINT64_C(1000000000)

/* {0} at first. */
struct rate {
    uint64_t second_ns; /* when it began */
    uint32_t taken;     /* in it */
    uint64_t refused;   /* since the last one that was taken */
    uint64_t refused_ever;
};

/* False: not this one. True: *out_refused were refused since the last one. per_second 0: no limit.
 */
static inline bool rate_take(struct rate *rate, uint32_t per_second, uint64_t now_ns,
                             uint64_t *out_refused) {
    if (now_ns - rate->second_ns >= RATE_SECOND_NS) {
        rate->second_ns = now_ns;
        rate->taken = 0;
    }
    if (per_second != 0 && rate->taken >= per_second) {
        rate->refused++;
        rate->refused_ever++;
        return false;
    }
    rate->taken++;
    *out_refused = rate->refused;
    rate->refused = 0;
    return true;
}

#endif
