/*
 * Shared buffers: pages that change hands instead of being copied. One instance owns a buffer; it
 * can lend it, and has it back, or give it away.
 *
 *   Many may read, or one may write, and never both:
 *     nothing is lent       the owner reads and writes
 *     lent for reading      the owner and the borrowers read, nobody writes
 *     lent for writing      the borrower reads and writes, the owner has no access at all
 *   So neither side can change a message under the other's eyes.
 *
 *   Where the pages appear in a memory is the choice of whose memory it is: a loan or a gift is an
 *   offer, and buffer_place takes it. Who has no place has no access, and may return all the same.
 *
 *   A loan ends when the borrower returns it, the owner recalls it, or the borrower is gone; then
 *   its mapping is gone before the call returns, and with the last loan the owner has full access
 *   again. If the owner is gone, so are all loans and the buffer.
 *
 * The mapping itself is behind struct buffer_mapper. Taking away and widening where there is a
 * mapping cannot fail; only a new mapping can, and then nothing has changed.
 * Whoever hosts it serializes the calls. Instances are numbers here.
 */
#ifndef ATHANOR_IPC_BUFFER_H
#define ATHANOR_IPC_BUFFER_H

#include <alkahest/status.h>
#include <stdbool.h>
#include <stdint.h>

#define BUFFER_LOANS_MAX 8u
#define BUFFER_NOWHERE UINT64_MAX
#define BUFFER_NOBODY UINT32_MAX

enum buffer_access { BUFFER_NO_ACCESS, BUFFER_READ, BUFFER_WRITE };

struct buffer;

struct buffer_mapper {
    /* The pages appear at `place` in the memory of `who`. ALKA_E_OUT_OF_MEMORY,
     * ALKA_E_SERVICE_ARGUMENT: there is no room for them there. `access` may be NO_ACCESS. */
    alka_status (*map)(void *self, struct buffer *buffer, uint32_t who, uint64_t place,
                       enum buffer_access access);
    /* Changes the access of what map has mapped. */
    void (*protect)(void *self, struct buffer *buffer, uint32_t who, uint64_t place,
                    enum buffer_access access);
    void (*unmap)(void *self, struct buffer *buffer, uint32_t who, uint64_t place);
    void *self;
};

/* Where a party has the pages. */
struct buffer_party {
    uint32_t who;   /* BUFFER_NOBODY: a free loan */
    uint64_t place; /* BUFFER_NOWHERE: not mapped */
};

struct buffer {
    const struct buffer_mapper *mapper;
    void *pages; /* the host's */
    uint32_t page_count;
    struct buffer_party owner;
    struct buffer_party loans[BUFFER_LOANS_MAX];
    uint32_t loan_count;
    bool is_lent_for_writing; /* while something is lent */
};

void buffer_init(struct buffer *buffer, const struct buffer_mapper *mapper, void *pages,
                 uint32_t page_count, uint32_t owner);

/* What `who` may do with it, wherever it is. */
enum buffer_access buffer_access_of(const struct buffer *buffer, uint32_t who);

/*
 * ALKA_E_HANDLE_RIGHTS: `who` is neither owner nor borrower. ALKA_E_BUFFER_STATE: it has a place
 * already. Or what the mapper says.
 */
ALKA_MUST_CHECK alka_status buffer_place(struct buffer *buffer, uint32_t who, uint64_t place);
/* Gives the place up, and keeps what it may do. ALKA_E_HANDLE_RIGHTS, ALKA_E_BUFFER_STATE. */
ALKA_MUST_CHECK alka_status buffer_displace(struct buffer *buffer, uint32_t who);

/*
 * ALKA_E_HANDLE_RIGHTS: `who` is not the owner. ALKA_E_BUFFER_STATE: lent in a way that excludes
 * this, lent to `to` already, or `to` is the owner. ALKA_E_SERVICE_LIMIT: lent too often.
 */
ALKA_MUST_CHECK alka_status buffer_lend(struct buffer *buffer, uint32_t who, uint32_t to,
                                        enum buffer_access access);
/* By the borrower. ALKA_E_HANDLE_RIGHTS: it has no loan. */
ALKA_MUST_CHECK alka_status buffer_return(struct buffer *buffer, uint32_t who);
/* By the owner; BUFFER_NOBODY: from all. ALKA_E_HANDLE_RIGHTS; ALKA_E_BUFFER_STATE: no such loan.
 */
ALKA_MUST_CHECK alka_status buffer_recall(struct buffer *buffer, uint32_t who, uint32_t from);
/* By the owner, if nothing is lent (else ALKA_E_BUFFER_STATE). `to` has no place for it yet. */
ALKA_MUST_CHECK alka_status buffer_give(struct buffer *buffer, uint32_t who, uint32_t to);

/* `who` is gone, or wants nothing to do with it any more. True: nobody has the buffer now, and its
 * pages are the host's. */
bool buffer_forget(struct buffer *buffer, uint32_t who);

#endif
