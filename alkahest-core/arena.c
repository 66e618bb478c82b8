/*
 * Room: core. The arena: bump allocation in chunks of Crucible pages. Comes in: counts and element
 * sizes, hostile ones too. Goes out: zeroed memory, or a status. Must never touch memory that it
 * did not get from the Crucible, and never hold more than its limit.
 */
#include <alkahest/arena.h>
#include <stdbool.h>

enum {
    ARENA_ALIGN = 16,
    ARENA_CHUNK_FIRST_BYTES = 16 * (int)ALKA_PAGE_BYTES,
    ARENA_CHUNK_MOST_BYTES = 1024 * (int)ALKA_PAGE_BYTES,
};

/* At the start of each chunk. */
struct alka_arena_chunk {
    struct alka_arena_chunk *older;
    size_t bytes; /* pages of the chunk, this header included */
};

void *memset(void *, int, size_t);

_Static_assert(sizeof(struct alka_arena_chunk) == ARENA_ALIGN, "data behind the header is aligned");

void alka_arena_init(struct alka_arena *arena, const struct alka_crucible *crucible,
                     size_t limit_bytes) {
    *arena = (struct alka_arena){.crucible = crucible, .limit_bytes = limit_bytes};
}

static uint8_t *arena_chunk_end(struct alka_arena_chunk *chunk) {
    return (uint8_t *)chunk + chunk->bytes;
}

static void arena_chunk_free(struct alka_arena *arena, struct alka_arena_chunk *chunk) {
    arena->held_bytes -= chunk->bytes;
    arena->crucible->pages_unmap(arena->crucible->self, chunk, chunk->bytes);
}

/* Chunks grow with what is held, so that their number stays logarithmic. */
static size_t arena_chunk_wish(const struct alka_arena *arena) {
    if (arena->held_bytes < ARENA_CHUNK_FIRST_BYTES)
        return ARENA_CHUNK_FIRST_BYTES;
    size_t wish = arena->held_bytes / 2 & ~(size_t)(ALKA_PAGE_BYTES - 1);
    return wish < ARENA_CHUNK_MOST_BYTES ? wish : ARENA_CHUNK_MOST_BYTES;
}

static void arena_push(struct alka_arena *arena, struct alka_arena_chunk *chunk, bool is_zero) {
    chunk->older = arena->newest;
    arena->newest = chunk;
    arena->cursor = (uint8_t *)(chunk + 1);
    arena->limit = arena_chunk_end(chunk);
    arena->clean = is_zero ? arena->cursor : arena->limit;
}

/* A new newest chunk with room for `bytes`. */
static alka_status arena_grow(struct alka_arena *arena, size_t bytes) {
    size_t need;
    if (__builtin_add_overflow(bytes, sizeof(struct alka_arena_chunk) + ALKA_PAGE_BYTES - 1, &need))
        return ALKA_E_ARENA_LIMIT;
    need &= ~(size_t)(ALKA_PAGE_BYTES - 1);

    struct alka_arena_chunk *spare = arena->spare;
    arena->spare = NULL;
    if (spare && spare->bytes >= need) {
        arena_push(arena, spare, false);
        return ALKA_OK;
    }
    if (spare)
        arena_chunk_free(arena, spare);

    if (arena->limit_bytes) {
        if (arena->held_bytes > arena->limit_bytes || need > arena->limit_bytes - arena->held_bytes)
            return ALKA_E_ARENA_LIMIT;
    }
    size_t wish = arena_chunk_wish(arena);
    if (wish > need && (!arena->limit_bytes || wish <= arena->limit_bytes - arena->held_bytes))
        need = wish;

    void *pages;
    ALKA_TRY(arena->crucible->pages_map(arena->crucible->self, need, &pages));
    struct alka_arena_chunk *chunk = pages;
    chunk->bytes = need;
    arena->held_bytes += need;
    if (arena->held_bytes > arena->peak_bytes)
        arena->peak_bytes = arena->held_bytes;
    arena_push(arena, chunk, true);
    return ALKA_OK;
}

/* Moves the cursor; `clean` is left to the caller. */
static inline alka_status arena_bump(struct alka_arena *arena, size_t count, size_t element_bytes,
                                     uint8_t **out_start) {
    size_t bytes;
    if (__builtin_mul_overflow(count, element_bytes, &bytes) || bytes > SIZE_MAX - ARENA_ALIGN)
        return ALKA_E_ARENA_LIMIT;
    /* Even nothing has an address of its own. */
    bytes = bytes ? (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1) : ARENA_ALIGN;
    if (!arena->newest || (size_t)(arena->limit - arena->cursor) < bytes)
        ALKA_TRY(arena_grow(arena, bytes));
    *out_start = arena->cursor;
    arena->cursor += bytes;
    return ALKA_OK;
}

alka_status alka_arena_take_slow(struct alka_arena *arena, size_t count, size_t element_bytes,
                                 void *out_pointer) {
    ALKA_TRY(arena_bump(arena, count, element_bytes, out_pointer));
    if (arena->clean < arena->cursor)
        arena->clean = arena->cursor;
    return ALKA_OK;
}

alka_status alka_arena_alloc(struct alka_arena *arena, size_t count, size_t element_bytes,
                             void *out_pointer) {
    uint8_t *start;
    ALKA_TRY(arena_bump(arena, count, element_bytes, &start));
    if (start < arena->clean)
        memset(start, 0,
               (size_t)((arena->cursor < arena->clean ? arena->cursor : arena->clean) - start));
    if (arena->clean < arena->cursor)
        arena->clean = arena->cursor;
    *(void **)out_pointer = start;
    return ALKA_OK;
}

struct alka_arena_mark alka_arena_mark(const struct alka_arena *arena) {
    return (struct alka_arena_mark){arena->newest, arena->cursor};
}

void alka_arena_reset(struct alka_arena *arena, struct alka_arena_mark mark) {
    if (arena->newest == mark.chunk) {
        arena->cursor = mark.cursor;
        return;
    }
    /* The newest chunk is the largest, or as large as any: it is the one worth keeping. */
    while (arena->newest != mark.chunk) {
        struct alka_arena_chunk *chunk = arena->newest;
        arena->newest = chunk->older;
        if (!arena->spare || arena->spare->bytes < chunk->bytes) {
            struct alka_arena_chunk *smaller = arena->spare;
            arena->spare = chunk;
            chunk = smaller;
        }
        if (chunk)
            arena_chunk_free(arena, chunk);
    }
    arena->cursor = mark.cursor;
    arena->limit = arena->newest ? arena_chunk_end(arena->newest) : NULL;
    arena->clean = arena->limit;
}

void alka_arena_drop(struct alka_arena *arena) {
    alka_arena_reset(arena, (struct alka_arena_mark){NULL, NULL});
    if (arena->spare)
        arena_chunk_free(arena, arena->spare);
    arena->spare = NULL;
}
