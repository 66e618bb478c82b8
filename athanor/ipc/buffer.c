/*
 * Shared buffers (buffer.h has the rules). In: what owner and borrowers want. Out: calls of the
 * mapper. Must never: leave one who may write beside another who may read, at any moment between
 * two calls.
 */
#include "ipc/buffer.h"
#include <stddef.h>

void buffer_init(struct buffer *buffer, const struct buffer_mapper *mapper, void *pages,
                 uint32_t page_count, uint32_t owner) {
    *buffer = (struct buffer){.mapper = mapper,
                              .pages = pages,
                              .page_count = page_count,
                              .owner = {owner, BUFFER_NOWHERE}};
    for (uint32_t i = 0; i < BUFFER_LOANS_MAX; i++)
        buffer->loans[i] = (struct buffer_party){BUFFER_NOBODY, BUFFER_NOWHERE};
}

static struct buffer_party *buffer_loan(struct buffer *buffer, uint32_t who) {
    for (uint32_t i = 0; i < BUFFER_LOANS_MAX; i++) {
        if (buffer->loans[i].who == who)
            return &buffer->loans[i];
    }
    return NULL;
}

static struct buffer_party *buffer_party(struct buffer *buffer, uint32_t who) {
    if (who == BUFFER_NOBODY)
        return NULL;
    return who == buffer->owner.who ? &buffer->owner : buffer_loan(buffer, who);
}

static enum buffer_access buffer_owner_access(const struct buffer *buffer) {
    if (buffer->loan_count == 0)
        return BUFFER_WRITE;
    return buffer->is_lent_for_writing ? BUFFER_NO_ACCESS : BUFFER_READ;
}

enum buffer_access buffer_access_of(const struct buffer *buffer, uint32_t who) {
    if (who == BUFFER_NOBODY)
        return BUFFER_NO_ACCESS;
    if (who == buffer->owner.who)
        return buffer_owner_access(buffer);
    for (uint32_t i = 0; i < BUFFER_LOANS_MAX; i++) {
        if (buffer->loans[i].who == who)
            return buffer->is_lent_for_writing ? BUFFER_WRITE : BUFFER_READ;
    }
    return BUFFER_NO_ACCESS;
}

/* --- Mappings. --- */

static void party_unmap(struct buffer *buffer, struct buffer_party *party) {
    if (party->place == BUFFER_NOWHERE)
        return;
    buffer->mapper->unmap(buffer->mapper->self, buffer, party->who, party->place);
    party->place = BUFFER_NOWHERE;
}

/* The owner's mapping becomes what the loans leave of it. */
static void buffer_settle_owner(struct buffer *buffer) {
    if (buffer->owner.place != BUFFER_NOWHERE)
        buffer->mapper->protect(buffer->mapper->self, buffer, buffer->owner.who,
                                buffer->owner.place, buffer_owner_access(buffer));
}

alka_status buffer_place(struct buffer *buffer, uint32_t who, uint64_t place) {
    struct buffer_party *party = buffer_party(buffer, who);
    if (party == NULL)
        return ALKA_E_HANDLE_RIGHTS;
    if (party->place != BUFFER_NOWHERE || place == BUFFER_NOWHERE)
        return ALKA_E_BUFFER_STATE;
    ALKA_TRY(buffer->mapper->map(buffer->mapper->self, buffer, who, place,
                                 buffer_access_of(buffer, who)));
    party->place = place;
    return ALKA_OK;
}

alka_status buffer_displace(struct buffer *buffer, uint32_t who) {
    struct buffer_party *party = buffer_party(buffer, who);
    if (party == NULL)
        return ALKA_E_HANDLE_RIGHTS;
    if (party->place == BUFFER_NOWHERE)
        return ALKA_E_BUFFER_STATE;
    party_unmap(buffer, party);
    return ALKA_OK;
}

/* --- Loans. --- */

static void buffer_end_loan(struct buffer *buffer, struct buffer_party *loan) {
    party_unmap(buffer, loan);
    loan->who = BUFFER_NOBODY;
    buffer->loan_count--;
    buffer_settle_owner(buffer);
}

static void buffer_end_loans(struct buffer *buffer) {
    for (uint32_t i = 0; i < BUFFER_LOANS_MAX; i++) {
        if (buffer->loans[i].who != BUFFER_NOBODY)
            buffer_end_loan(buffer, &buffer->loans[i]);
    }
}

alka_status buffer_lend(struct buffer *buffer, uint32_t who, uint32_t to,
                        enum buffer_access access) {
    if (who != buffer->owner.who)
        return ALKA_E_HANDLE_RIGHTS;
    if (to == BUFFER_NOBODY || (access != BUFFER_READ && access != BUFFER_WRITE))
        return ALKA_E_SERVICE_ARGUMENT;
    bool excludes = buffer->is_lent_for_writing || access == BUFFER_WRITE;
    if (to == who || (buffer->loan_count > 0 && excludes) || buffer_loan(buffer, to) != NULL)
        return ALKA_E_BUFFER_STATE;
    struct buffer_party *loan = buffer_loan(buffer, BUFFER_NOBODY);
    if (loan == NULL)
        return ALKA_E_SERVICE_LIMIT;
    loan->who = to;
    buffer->loan_count++;
    buffer->is_lent_for_writing = access == BUFFER_WRITE;
    buffer_settle_owner(buffer);
    return ALKA_OK;
}

alka_status buffer_return(struct buffer *buffer, uint32_t who) {
    struct buffer_party *loan = who == BUFFER_NOBODY ? NULL : buffer_loan(buffer, who);
    if (loan == NULL)
        return ALKA_E_HANDLE_RIGHTS;
    buffer_end_loan(buffer, loan);
    return ALKA_OK;
}

alka_status buffer_recall(struct buffer *buffer, uint32_t who, uint32_t from) {
    if (who != buffer->owner.who)
        return ALKA_E_HANDLE_RIGHTS;
    if (from == BUFFER_NOBODY) {
        buffer_end_loans(buffer);
        return ALKA_OK;
    }
    struct buffer_party *loan = buffer_loan(buffer, from);
    if (loan == NULL)
        return ALKA_E_BUFFER_STATE;
    buffer_end_loan(buffer, loan);
    return ALKA_OK;
}

alka_status buffer_give(struct buffer *buffer, uint32_t who, uint32_t to) {
    if (who != buffer->owner.who)
        return ALKA_E_HANDLE_RIGHTS;
    if (to == BUFFER_NOBODY)
        return ALKA_E_SERVICE_ARGUMENT;
    if (to == who || buffer->loan_count > 0)
        return ALKA_E_BUFFER_STATE;
    party_unmap(buffer, &buffer->owner);
    buffer->owner.who = to;
    return ALKA_OK;
}

bool buffer_forget(struct buffer *buffer, uint32_t who) {
    struct buffer_party *party = buffer_party(buffer, who);
    if (party == NULL)
        return false;
    if (party != &buffer->owner) {
        buffer_end_loan(buffer, party);
        return false;
    }
    party_unmap(buffer, &buffer->owner); /* first: it is not to be widened again */
    buffer_end_loans(buffer);
    buffer->owner.who = BUFFER_NOBODY;
    return true;
}
