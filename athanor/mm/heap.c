/*
 * The heap. A slab is one page: a header with a bitmap of its blocks, then the
 * blocks, all of one size. In: sizes. Out: zeroed memory, or NULL. Pure but for
 * the page source. It must never panic: memory running out is an answer like
 * any other.
 */
#include "mm/heap.h"
#include "mm/buddy.h"
#include "mm/poison.h"
#include <string.h>

#define HEAP_BITMAP_WORDS 4u
#define HEAP_MAGIC 0x5AB5u

struct heap_slab {
    struct heap_slab *next, *prev; /* in the list of its class, while it has room */
    uint16_t magic, class_idx;
    uint16_t used, capacity;
    uint64_t taken[HEAP_BITMAP_WORDS];
    uint64_t reserved;
};

#define HEAP_HEADER_BYTES sizeof(struct heap_slab)

_Static_assert(HEAP_HEADER_BYTES % 16 == 0, "blocks follow the header, 16-byte aligned");

/* Chosen so that little of the 4096 - 64 bytes is left over. */
static const uint16_t heap_class_bytes[HEAP_CLASSES] = {16,  32,  48,  64,  96,  128,
                                                        192, 256, 384, 576, 1008};

_Static_assert((HEAP_PAGE_BYTES - HEAP_HEADER_BYTES) / 16 <= HEAP_BITMAP_WORDS * UINT64_C(64),
               "a bit for each of the smallest blocks");

void heap_start(struct heap *heap, const struct heap_source *source) {
    *heap = (struct heap){.source = *source};
}

static uint32_t heap_class_of(size_t bytes) {
    uint32_t class_idx = 0;
    while (heap_class_bytes[class_idx] < bytes) {
        class_idx++;
    }
    return class_idx;
}

static void heap_link(struct heap *heap, struct heap_slab *slab) {
    struct heap_slab **head = &heap->partial[slab->class_idx];
    slab->prev = NULL;
    slab->next = *head;
    if (*head != NULL) {
        (*head)->prev = slab;
    }
    *head = slab;
}

static void heap_unlink(struct heap *heap, struct heap_slab *slab) {
    if (slab->prev != NULL) {
        slab->prev->next = slab->next;
    } else {
        heap->partial[slab->class_idx] = slab->next;
    }
    if (slab->next != NULL) {
        slab->next->prev = slab->prev;
    }
}

static struct heap_slab *heap_new_slab(struct heap *heap, uint32_t class_idx) {
    struct heap_slab *slab = heap->source.take(heap->source.self, 0);
    if (slab == NULL) {
        return NULL;
    }
    *slab = (struct heap_slab){
        .magic = HEAP_MAGIC,
        .class_idx = (uint16_t)class_idx,
        .capacity = (uint16_t)((HEAP_PAGE_BYTES - HEAP_HEADER_BYTES) / heap_class_bytes[class_idx]),
    };
    if (heap->damaged != NULL) {
        poison_fill((uint8_t *)slab + HEAP_HEADER_BYTES, HEAP_PAGE_BYTES - HEAP_HEADER_BYTES);
    }
    heap->stats.pages++;
    heap->class_slabs[class_idx]++;
    heap_link(heap, slab);
    return slab;
}

static void heap_check_block(const struct heap *heap, const void *block, size_t bytes) {
    size_t offset;
    if (heap->damaged != NULL && !poison_is_whole(block, bytes, POISON_WORD, &offset)) {
        heap->damaged(block, bytes, offset);
    }
}

/* The slab has room. */
static void *heap_take_block(struct heap *heap, struct heap_slab *slab) {
    uint32_t word = 0;
    while (slab->taken[word] == UINT64_MAX) {
        word++;
    }
    uint32_t index = word * 64 + (uint32_t)__builtin_ctzll(~slab->taken[word]);
    slab->taken[word] |= UINT64_C(1) << index % 64;
    slab->used++;
    if (slab->used == slab->capacity) {
        heap_unlink(heap, slab);
    }
    heap->class_used[slab->class_idx]++;
    size_t bytes = heap_class_bytes[slab->class_idx];
    void *block = (uint8_t *)slab + HEAP_HEADER_BYTES + index * bytes;
    heap_check_block(heap, block, bytes);
    return block;
}

static void *heap_take_pages(struct heap *heap, size_t bytes) {
    uint32_t order = buddy_order((bytes + HEAP_PAGE_BYTES - 1) / HEAP_PAGE_BYTES);
    if (bytes > SIZE_MAX - HEAP_PAGE_BYTES || order >= BUDDY_ORDERS) {
        return NULL;
    }
    void *pages = heap->source.take(heap->source.self, order);
    if (pages != NULL) {
        heap->stats.pages += UINT64_C(1) << order;
    }
    return pages;
}

static void *heap_take_small(struct heap *heap, size_t bytes) {
    uint32_t class_idx = heap_class_of(bytes);
    struct heap_slab *slab = heap->partial[class_idx];
    if (slab == NULL) {
        slab = heap_new_slab(heap, class_idx);
    }
    return slab == NULL ? NULL : heap_take_block(heap, slab);
}

void *heap_take(struct heap *heap, size_t bytes) {
    if (bytes == 0) {
        return NULL;
    }
    void *block =
        bytes <= HEAP_SMALL_MAX ? heap_take_small(heap, bytes) : heap_take_pages(heap, bytes);
    if (block == NULL) {
        heap->stats.refusals++;
        return NULL;
    }
    heap->stats.takes++;
    heap->stats.used_bytes += bytes;
    if (heap->stats.used_bytes > heap->stats.peak_used_bytes) {
        heap->stats.peak_used_bytes = heap->stats.used_bytes;
    }
    memset(block, 0, bytes);
    return block;
}

/* The block's index in its slab, if it is one in use of the class for `bytes`.
 */
static bool heap_find_block(const struct heap_slab *slab, const void *block, size_t bytes,
                            uint32_t *out_index) {
    size_t offset = (uintptr_t)block % HEAP_PAGE_BYTES;
    uint32_t class_idx = heap_class_of(bytes);
    if (offset < HEAP_HEADER_BYTES || slab->magic != HEAP_MAGIC || slab->class_idx != class_idx ||
        (offset - HEAP_HEADER_BYTES) % heap_class_bytes[class_idx] != 0) {
        return false;
    }
    uint32_t index = (uint32_t)((offset - HEAP_HEADER_BYTES) / heap_class_bytes[class_idx]);
    *out_index = index;
    return index < slab->capacity && (slab->taken[index / 64] >> index % 64 & 1) != 0;
}

static bool heap_give_small(struct heap *heap, void *block, size_t bytes) {
    struct heap_slab *slab =
        (struct heap_slab *)((uint8_t *)block - (uintptr_t)block % HEAP_PAGE_BYTES);
    uint32_t index;
    if (!heap_find_block(slab, block, bytes, &index)) {
        return false;
    }
    slab->taken[index / 64] &= ~(UINT64_C(1) << index % 64);
    heap->class_used[slab->class_idx]--;
    if (heap->damaged != NULL) {
        poison_fill(block, heap_class_bytes[slab->class_idx]);
    }
    if (slab->used == slab->capacity) {
        heap_link(heap, slab);
    }
    slab->used--;
    if (slab->used == 0) {
        heap_unlink(heap, slab);
        slab->magic = 0;
        heap->class_slabs[slab->class_idx]--;
        heap->source.give(heap->source.self, slab, 0);
        heap->stats.pages--;
    }
    return true;
}

static bool heap_give_pages(struct heap *heap, void *block, size_t bytes) {
    if ((uintptr_t)block % HEAP_PAGE_BYTES != 0) {
        return false;
    }
    uint32_t order = buddy_order((bytes + HEAP_PAGE_BYTES - 1) / HEAP_PAGE_BYTES);
    heap->source.give(heap->source.self, block, order);
    heap->stats.pages -= UINT64_C(1) << order;
    return true;
}

void heap_give(struct heap *heap, void *block, size_t bytes) {
    if (block == NULL) {
        return;
    }
    bool known = bytes > 0 && (bytes <= HEAP_SMALL_MAX ? heap_give_small(heap, block, bytes)
                                                       : heap_give_pages(heap, block, bytes));
    if (!known) {
        heap->stats.bad_gives++;
        return;
    }
    heap->stats.gives++;
    heap->stats.used_bytes -= bytes;
}

void heap_class_stats(const struct heap *heap, uint32_t class_idx, struct heap_class_stats *out) {
    uint32_t bytes = heap_class_bytes[class_idx];
    uint64_t blocks =
        heap->class_slabs[class_idx] * ((HEAP_PAGE_BYTES - HEAP_HEADER_BYTES) / bytes);
    *out = (struct heap_class_stats){.block_bytes = bytes,
                                     .used = heap->class_used[class_idx],
                                     .free = blocks - heap->class_used[class_idx]};
}
