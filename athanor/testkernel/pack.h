/*
 * Reads a pack (tests/kernel/pack.py has the layout). Whoever reads past its end, or what is no
 * text, gets zeros, and `is_broken` says so: a reader looks once, at the end of a command.
 */
#ifndef ATHANOR_PACK_H
#define ATHANOR_PACK_H

#include <alkahest/span.h>
#include <stdbool.h>
#include <stdint.h>

#define PACK_MAGIC "AZSUITE1"

struct pack {
    const uint8_t *at, *end;
    bool is_broken;
};

uint64_t pack_number(struct pack *pack, uint32_t bytes);
/* Zero-terminated; `data` is NULL if there is none. Borrows the pack's bytes. */
struct alka_span pack_text(struct pack *pack);
struct alka_span pack_blob(struct pack *pack);

/* The pack behind a system bundle in the first boot module. False: there is none. */
bool pack_find(struct pack *out);

#endif
