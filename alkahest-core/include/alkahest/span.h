/* Borrowed byte ranges. A span owns nothing; whoever made it says how long the bytes live. */
#ifndef ALKAHEST_SPAN_H
#define ALKAHEST_SPAN_H

#include <stddef.h>
#include <stdint.h>

struct alka_span {
    const uint8_t *data;
    size_t size; /* bytes */
};

#endif
