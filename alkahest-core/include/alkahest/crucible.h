/*
 * The Crucible: all that Alkahest asks of whoever hosts it. The kernel implements it with frames
 * and page tables, the host with mmap, tests with a fake that fails on demand. Sizes are bytes and
 * multiples of ALKA_PAGE_BYTES unless said otherwise. No page is ever writable and executable, not
 * even through another alias.
 */
#ifndef ALKAHEST_CRUCIBLE_H
#define ALKAHEST_CRUCIBLE_H

#include <alkahest/address.h>
#include <alkahest/diag.h>
#include <alkahest/status.h>
#include <stddef.h>
#include <stdint.h>

#define ALKA_PAGE_BYTES 4096u

enum alka_log_level { ALKA_LOG_ERROR, ALKA_LOG_WARNING, ALKA_LOG_INFO, ALKA_LOG_DEBUG };

/* A session's state transitions are logged through the same sink as diagnostics. */
enum alka_event_kind { ALKA_EVENT_DIAGNOSTIC, ALKA_EVENT_STATE };

struct alka_event {
    enum alka_event_kind kind;
    enum alka_log_level level;
    struct alka_diag diag;         /* kind DIAGNOSTIC */
    uint32_t state_from, state_to; /* kind STATE: enum alka_session_state */
    struct alka_span_name {
        const char *data;
        size_t size;
    } module_name; /* may be empty; borrowed for the duration of the call */
};

/* How a wait ended, as the results of memory.atomic.wait. */
enum alka_wake { ALKA_WAKE_NOTIFIED, ALKA_WAKE_NOT_EQUAL, ALKA_WAKE_TIMED_OUT };

struct alka_crucible {
    void *self; /* handed back as the first argument of every function */

    /* Zeroed read-write pages, anywhere. ALKA_E_OUT_OF_MEMORY if there are none. */
    alka_status (*pages_map)(void *self, size_t bytes, void **out_base);
    /* Takes back exactly what pages_map gave. */
    void (*pages_unmap)(void *self, void *base, size_t bytes);

    /*
     * Address space for one instance: `context_bytes` of committed, zeroed read-write pages that
     * end at *out_base, and `reserve_bytes` of address space from *out_base on, of which the first
     * `commit_bytes` are committed, too, and nothing else is mapped. *out_base is the value of r15.
     * Either of context and space may be 0 (a module without memory, a memory without module), not
     * both.
     */
    alka_status (*slot_reserve)(void *self, size_t context_bytes, uint64_t commit_bytes,
                                uint64_t reserve_bytes, struct alka_host_addr *out_base);
    /* Maps zeroed read-write pages at [base + from_bytes, base + to_bytes). All or nothing. */
    alka_status (*slot_commit)(void *self, struct alka_host_addr base, uint64_t from_bytes,
                               uint64_t to_bytes);
    /* Gives back everything of the slot. `committed_bytes` of its space are committed by now; other
     * arguments as they were at slot_reserve. */
    void (*slot_release)(void *self, struct alka_host_addr base, size_t context_bytes,
                         uint64_t committed_bytes, uint64_t reserve_bytes);

    /*
     * Code space for one module: address space of `reserve_bytes`, nothing of it mapped.
     * code_commit maps zeroed read-write pages in it; code_seal turns all committed pages [0,
     * used_bytes) read-execute for good and gives the rest of the address space back.
     */
    alka_status (*code_reserve)(void *self, size_t reserve_bytes, void **out_base);
    alka_status (*code_commit)(void *self, void *base, size_t from_bytes, size_t to_bytes);
    alka_status (*code_seal)(void *self, void *base, size_t used_bytes, size_t reserve_bytes);
    /* `bytes`: reserve_bytes before sealing, used_bytes (rounded up to pages) after. */
    void (*code_release)(void *self, void *base, size_t bytes);

    /*
     * Threads that wait at an address. If the `bytes` (4 or 8, aligned) there are `expected`,
     * blocks until somebody notifies that address, or for `timeout_ns` (negative: for ever); no
     * notification can come between the comparison and the wait. Ends at will when the thread has a
     * trap pending. NULL: there is one thread only, and nobody could notify it.
     */
    enum alka_wake (*wait)(void *self, const void *address, uint32_t bytes, uint64_t expected,
                           int64_t timeout_ns);
    /* Ends the wait of up to `count` threads, first come, first served; how many. With `wait`. */
    uint32_t (*notify)(void *self, const void *address, uint32_t count);

    /* Takes a record; must not keep pointers into it. May be called from any pipeline stage. Never
     * NULL. */
    void (*event)(void *self, const struct alka_event *event);
};

#endif
