/* allocator (control): a general memory allocator (size classes, boundary tags, coalescing) under a
 * random load; the contents of every block are checked when it is freed.
 *
 * Stresses: header arithmetic on pointers and flag bits, doubly linked lists, bit scans, and many
 * short branches: the code under malloc in every program. */
#include "../bench.h"

enum {
    HEAP_BYTES = 4 << 20,
    CLASSES = 20,
    LIVE = 4096,
    OPERATIONS = 1500000,
    MIN_BLOCK = 32,
    USED = 1, /* flag in `size` */
};

/* Sizes count the header, are multiples of 16, and stand at both ends of a free block. */
struct block {
    uint32_t previous_size; /* of the block before this one, whether free or not */
    uint32_t size;
    uint64_t pad;
    struct block *next, **link; /* only while free */
};
#define HEADER_BYTES 16u

static uint64_t heap[HEAP_BYTES / 8];
static struct block *classes[CLASSES];
static uint32_t filled_classes; /* bit c: classes[c] is not empty */

static struct block *after(struct block *b) {
    return (struct block *)(void *)((char *)b + (b->size & ~(uint32_t)USED));
}
static struct block *before(struct block *b) {
    return (struct block *)(void *)((char *)b - b->previous_size);
}

/* Class c holds sizes from 2^(c+5) up to the next power of two. */
static uint32_t class_of(uint32_t size) {
    const uint32_t log2 = 31u - (uint32_t)__builtin_clz(size);
    return log2 - 5 < CLASSES ? log2 - 5 : CLASSES - 1;
}

static void unlink_free(struct block *b) {
    *b->link = b->next;
    if (b->next)
        b->next->link = b->link;
    const uint32_t c = class_of(b->size);
    if (!classes[c])
        filled_classes &= ~(1u << c);
}

static void set_size(struct block *b, uint32_t size, uint32_t used) {
    b->size = size | used;
    after(b)->previous_size = size;
}

static void link_free(struct block *b) {
    const uint32_t c = class_of(b->size);
    b->next = classes[c];
    b->link = &classes[c];
    if (b->next)
        b->next->link = &b->next;
    classes[c] = b;
    filled_classes |= 1u << c;
}

static void *allocate(uint32_t bytes) {
    uint32_t size = (bytes + HEADER_BYTES + 15) & ~15u;
    size = size < MIN_BLOCK ? MIN_BLOCK : size;
    struct block *b = NULL;
    for (b = classes[class_of(size)]; b && b->size < size;)
        b = b->next;
    if (!b) { /* any block of a larger class fits */
        const uint32_t larger = filled_classes & ~((2u << class_of(size)) - 1);
        if (!larger)
            return NULL;
        b = classes[__builtin_ctz(larger)];
    }
    unlink_free(b);
    const uint32_t rest = b->size - size;
    if (rest >= MIN_BLOCK) {
        set_size(b, size, USED);
        struct block *tail = after(b);
        tail->previous_size = size;
        set_size(tail, rest, 0);
        link_free(tail);
    } else {
        b->size |= USED;
    }
    return (char *)b + HEADER_BYTES;
}

static void release(void *memory) {
    struct block *b = (struct block *)(void *)((char *)memory - HEADER_BYTES);
    uint32_t size = b->size & ~(uint32_t)USED;
    struct block *next = after(b), *previous = before(b);
    if (!(next->size & USED)) {
        unlink_free(next);
        size += next->size;
    }
    if (b->previous_size && !(previous->size & USED)) {
        unlink_free(previous);
        size += previous->size;
        b = previous;
    }
    set_size(b, size, 0);
    link_free(b);
}

static void prepare(void) {
    for (int c = 0; c < CLASSES; c++)
        classes[c] = NULL;
    filled_classes = 0;
    struct block *all = (struct block *)(void *)heap;
    all->previous_size = 0;
    set_size(all, HEAP_BYTES - MIN_BLOCK, 0);
    after(all)->size = MIN_BLOCK | USED; /* the end, never free */
    link_free(all);
}

static uint64_t run(void) {
    static struct { uint32_t *words, count, mark; } live[LIVE];
    for (int i = 0; i < LIVE; i++)
        live[i].words = NULL;

    uint64_t seed = 29, check = 0;
    for (uint32_t n = 0; n < OPERATIONS; n++) {
        const uint64_t r = bench_random(&seed);
        const uint32_t i = r % LIVE;
        if (live[i].words) {
            if (live[i].words[0] != live[i].mark ||
                live[i].words[live[i].count - 1] != ~live[i].mark)
                return 0;
            release(live[i].words);
            live[i].words = NULL;
            continue;
        }
        live[i].count = 2 + (uint32_t)(r >> 20 & 63) * (uint32_t)(r >> 26 & 63) / 8;
        live[i].mark = n;
        live[i].words = allocate(live[i].count * 4);
        if (!live[i].words)
            return 0;
        live[i].words[0] = n;
        live[i].words[live[i].count - 1] = ~n;
        check = bench_mix(check, (uint64_t)((char *)live[i].words - (char *)heap));
    }
    for (int i = 0; i < LIVE; i++)
        if (live[i].words)
            release(live[i].words);
    const struct block *all = (const struct block *)(const void *)heap;
    return all->size == HEAP_BYTES - MIN_BLOCK ? check : 0; /* everything coalesced again */
}

const struct bench_program bench_program = {"allocator", prepare, run, 0xda4e160c0ce9bfdb};
