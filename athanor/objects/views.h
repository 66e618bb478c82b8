/* Where the pages of shared buffers are: objects/views.c, for objects/buffers.c. */
#ifndef ATHANOR_OBJECTS_VIEWS_H
#define ATHANOR_OBJECTS_VIEWS_H

#include "mm/paging.h"
#include "objects/buffers.h"

#define BUFFERS_VIEWS (BUFFER_LOANS_MAX + 1)

/* One party's; a free one has nobody. */
struct view {
    uint32_t who;
    uint64_t handle;                /* a borrower's */
    struct alka_instance *instance; /* whose memory it is in; NULL: in none */
    uint64_t virt;
    uint64_t *kept; /* the entries of the memory's own pages */
};

struct shared_buffer {
    struct object object;
    struct buffer buffer;
    struct shared_buffer *next, *previous;
    uint64_t *frames;
    struct view views[BUFFERS_VIEWS];
};

extern struct shared_buffer *buffers_all;

/* Its places are addresses, checked, of a view that view_take made for that party. */
extern const struct buffer_mapper views_mapper;

/* BUFFER_NOBODY: a free one. NULL: there is none. */
struct view *view_of(struct shared_buffer *shared, uint32_t who);
/* There is room for each party. */
struct view *view_take(struct shared_buffer *shared, uint32_t who, uint64_t handle);
/* Whoever is no party any more has no view. */
void views_settle(struct shared_buffer *shared);
/* Does any buffer stand at [virt, virt + bytes)? */
bool views_overlap(uint64_t virt, uint64_t bytes);

static inline uint64_t view_bytes(const struct shared_buffer *shared) {
    return shared->buffer.page_count * PAGING_PAGE_BYTES;
}

#endif
