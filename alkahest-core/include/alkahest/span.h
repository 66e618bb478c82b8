/* Borrowed byte ranges. A span owns nothing; whoever made it says how long the bytes live. */
#ifndef ALKAHEST_SPAN_H
#define ALKAHEST_SPAN_H

#include <stddef.h>
#include <stdint.h>

struct alka_span {
    const uint8_t *data;
    size_t size; /* bytes */
};

/* The bytes of a zero-terminated text, without its end. strlen would be a C library's symbol. */
static inline struct alka_span alka_span_of_text(const char *text) {
    size_t size = 0;
    while (text[size])
        size++;
    struct alka_span span = {(const uint8_t *)text, size};
    return span;
}

#endif
