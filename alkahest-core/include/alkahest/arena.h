/*
 * Bump allocation in chunks of pages from the Crucible. Nothing is freed one by one: an arena is
 * reset to a mark, or dropped whole. Allocations are 16-byte aligned, and zeroed unless taken as
 * they are.
 */
#ifndef ALKAHEST_ARENA_H
#define ALKAHEST_ARENA_H

#include <alkahest/crucible.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct alka_arena_chunk;

struct alka_arena {
    const struct alka_crucible *crucible;
    struct alka_arena_chunk *newest;
    struct alka_arena_chunk *spare; /* kept by a reset for the next chunk; NULL: none */
    uint8_t *cursor, *limit;
    uint8_t *clean;     /* from here to `limit` the newest chunk was never used: still zero */
    size_t held_bytes;  /* pages held now */
    size_t peak_bytes;  /* most pages ever held */
    size_t limit_bytes; /* refuses to hold more than this: ALKA_E_ARENA_LIMIT; 0: no limit */
};

struct alka_arena_mark {
    struct alka_arena_chunk *chunk;
    uint8_t *cursor;
};

void alka_arena_init(struct alka_arena *arena, const struct alka_crucible *crucible,
                     size_t limit_bytes);

/* `count` elements of `element_bytes`, zeroed; count 0 yields a valid pointer.
 * ALKA_E_OUT_OF_MEMORY, ALKA_E_ARENA_LIMIT. */
ALKA_MUST_CHECK alka_status alka_arena_alloc(struct alka_arena *arena, size_t count,
                                             size_t element_bytes, void *out_pointer /* T ** */);

ALKA_MUST_CHECK alka_status alka_arena_take_slow(struct alka_arena *arena, size_t count,
                                                 size_t element_bytes, void *out_pointer);
/* The same, but what is in it is anything: for what is written before it is read. */
ALKA_MUST_CHECK static inline alka_status alka_arena_take(struct alka_arena *arena, size_t count,
                                                          size_t element_bytes,
                                                          void *out_pointer /* T ** */) {
    size_t bytes, room = (size_t)(arena->limit - arena->cursor); /* a multiple of 16 */
    bool is_huge = __builtin_mul_overflow(count, element_bytes, &bytes);
    bytes += bytes == 0; /* even nothing has an address of its own */
    if (is_huge || bytes > room)
        return alka_arena_take_slow(arena, count, element_bytes, out_pointer);
    *(void **)out_pointer = arena->cursor;
    arena->cursor += (bytes + 15) & ~(size_t)15;
    arena->clean = arena->clean < arena->cursor ? arena->cursor : arena->clean;
    return ALKA_OK;
}

struct alka_arena_mark alka_arena_mark(const struct alka_arena *arena);
/* Forgets what was allocated after the mark; keeps at most one spare chunk, gives the others back.
 */
void alka_arena_reset(struct alka_arena *arena, struct alka_arena_mark mark);
/* Gives every page back. The arena can be used again. */
void alka_arena_drop(struct alka_arena *arena);

#endif
