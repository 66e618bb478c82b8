/* What producer.c and consumer.c say to each other. */
#ifndef JOBS_H
#define JOBS_H

#include <athanor.h>

#define JOBS_COUNT 8u

struct job {
    uint32_t number;
};
struct answer {
    uint32_t number, square;
};

#endif
