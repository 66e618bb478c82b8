/* The pages as embed_pages.py makes them: sorted by code. */
#ifndef DIAGNOSTICS_PAGES_H
#define DIAGNOSTICS_PAGES_H

#include <stdint.h>

struct page {
    uint32_t code;
    const char *text;
};

extern const struct page pages[];
extern const uint32_t page_count;

#endif
