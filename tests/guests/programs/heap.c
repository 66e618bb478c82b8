/*
 * malloc under churn: random sizes, reallocation, every block's contents checked before it goes.
 * Memory has to grow.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 512
#define ROUNDS 60000u

struct block {
    unsigned char *bytes;
    uint32_t size;
    unsigned char fill;
};

static struct block blocks[SLOTS];
static uint32_t state = 2463534242u;

static uint32_t next(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void check(const struct block *block) {
    for (uint32_t i = 0; i < block->size; i++) {
        if (block->bytes[i] != block->fill) {
            printf("byte %u of a block of %u changed\n", i, block->size);
            exit(1);
        }
    }
}

static void fill(struct block *block, uint32_t size) {
    block->bytes = realloc(block->bytes, size);
    if (!block->bytes) {
        printf("out of memory at %u\n", size);
        exit(1);
    }
    block->size = size;
    block->fill = (unsigned char)next();
    memset(block->bytes, block->fill, size);
}

int main(void) {
    uint64_t allocated = 0, freed = 0;
    uint32_t grown = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct block *block = &blocks[next() % SLOTS];
        check(block);
        if (next() % 3 == 0) {
            freed += block->size;
            free(block->bytes);
            memset(block, 0, sizeof *block);
            continue;
        }
        uint32_t size = 1 + next() % (next() % 16 ? 300 : 40000);
        grown += size > block->size;
        fill(block, size);
        allocated += size;
    }
    uint32_t live = 0;
    for (int i = 0; i < SLOTS; i++) {
        check(&blocks[i]);
        live += blocks[i].bytes != NULL;
        free(blocks[i].bytes);
    }
    printf("%llu bytes allocated, %llu freed, %u times larger, %u live at the end\n",
           (unsigned long long)allocated, (unsigned long long)freed, grown, live);
    return 0;
}
