/*
 * Shared buffers of modules: ipc/buffer.h has the rules of lending, this is where the pages are.
 *
 * A place is an offset in the caller's own memory 0, page-aligned and within what the memory has
 * now: there the buffer's pages stand in for the memory's own, which are kept aside, and are back
 * when the place is given up, as they were. So every check of bounds means what it did before, and
 * taking a buffer away needs no memory. The hardware enforces what may be done with it.
 *
 *   Module code that does what its access does not allow traps (ALKA_601), as at the memory's end.
 *   Kernel code that does so for a module (memory.copy, a service's result) is not stopped in the
 *   middle: the memory's own pages are put back, it goes on with those, and the module traps when
 * it returns. The buffer is unharmed.
 *
 * Handles name buffers; who may do what follows from the buffer, which knows its owner and its
 * borrowers. A handle of a lent one is derived from the lender's; closing it, or revoking it, ends
 * the loan. Whose life ends has nothing any more: loans to it are back, what it owned and lent is
 * taken from the borrowers. A buffer without a name is gone with its owner; one that the manifest
 * names is cleared, and belongs to the next module that uses it with the right to write.
 */
#ifndef ATHANOR_OBJECTS_BUFFERS_H
#define ATHANOR_OBJECTS_BUFFERS_H

#include "ipc/buffer.h"
#include "objects/objects.h"

/* --- For services: `instance` is the caller's, whose holder that is. --- */

/* ALKA_E_SERVICE_LIMIT: the owner has as much in buffers as its memory may have. */
ALKA_MUST_CHECK alka_status buffers_create(struct holder *holder, uint32_t pages,
                                           uint64_t *out_handle);
/* ALKA_E_SERVICE_ARGUMENT: not such a place, or another buffer is there. */
ALKA_MUST_CHECK alka_status buffers_place(struct holder *holder, uint64_t handle,
                                          struct alka_instance *instance, uint32_t place);
ALKA_MUST_CHECK alka_status buffers_displace(struct holder *holder, uint64_t handle);
/* *out_handle is the borrower's. */
ALKA_MUST_CHECK alka_status buffers_lend(struct holder *holder, uint64_t handle, uint64_t peer,
                                         enum buffer_access access, uint64_t *out_handle);
/* Closes the handle. */
ALKA_MUST_CHECK alka_status buffers_return(struct holder *holder, uint64_t handle);
/* `peer` CAP_NO_HANDLE: from all. Closes the borrowers' handles. */
ALKA_MUST_CHECK alka_status buffers_recall(struct holder *holder, uint64_t handle, uint64_t peer);
/* Closes the handle; *out_handle is the new owner's. */
ALKA_MUST_CHECK alka_status buffers_give(struct holder *holder, uint64_t handle, uint64_t peer,
                                         uint64_t *out_handle);

/* As modules see it: sdk/include/athanor.h. */
struct buffers_info {
    uint32_t pages, access, loans, is_owner;
};
ALKA_MUST_CHECK alka_status buffers_info(struct holder *holder, uint64_t handle,
                                         struct buffers_info *out);

/* --- For the rest of the kernel. --- */

/* For objects_makers. */
alka_status buffers_make(const struct bundle_object *spec, struct object **out_object);

/* A handle was closed or revoked; calls nothing of cap/. */
void buffers_note(const struct cap_audit *record);

/* The instance's memory is its own again, whoever's the buffers are; before it is reset or given
 * back, or its successor takes over. */
void buffers_leave(const struct alka_instance *instance);
/* The end of a life: the same, and it neither owns nor borrows any more. */
void buffers_end(const struct module *module);

/*
 * A page fault at this address that is no module's trap: true if a buffer was there, and nothing
 * but the memory's own page is there now. Safe in exception handlers.
 */
bool buffers_take_fault(uint64_t address);

/* What there is, for people; NULL: no more. */
struct shared_buffer;
const struct shared_buffer *buffers_next(const struct shared_buffer *after);
const struct buffer *buffers_state(const struct shared_buffer *shared, const char **out_name);

#endif
