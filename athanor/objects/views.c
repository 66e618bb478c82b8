/*
 * The pages of shared buffers in memories of modules. In: where they shall be, and what may be done
 * there. Out: entries of page tables, exchanged for the memory's own. It must never leave a
 * buffer's page in a memory whose instance is reset or given back, nor need memory to take one out.
 */
#include "objects/views.h"
#include "mm/kernel_map.h"
#include "mm/memory.h"
#include "sched/thread.h"
#include <alkahest/call.h>

static struct shared_buffer *shared_of(struct buffer *buffer) { return buffer->pages; }

struct view *view_of(struct shared_buffer *shared, uint32_t who) {
    for (uint32_t i = 0; i < BUFFERS_VIEWS; i++) {
        if (shared->views[i].who == who) {
            return &shared->views[i];
        }
    }
    return NULL;
}

static enum paging_access view_access(enum buffer_access access) {
    static const enum paging_access accesses[] = {
        [BUFFER_NO_ACCESS] = PAGING_NO_ACCESS,
        [BUFFER_READ] = PAGING_READ_ONLY,
        [BUFFER_WRITE] = PAGING_READ_WRITE,
    };
    return accesses[access];
}

bool views_overlap(uint64_t virt, uint64_t bytes) {
    for (struct shared_buffer *shared = buffers_all; shared != NULL; shared = shared->next) {
        for (uint32_t i = 0; i < BUFFERS_VIEWS; i++) {
            const struct view *view = &shared->views[i];
            if (view->instance != NULL && view->virt < virt + bytes &&
                virt < view->virt + view_bytes(shared)) {
                return true;
            }
        }
    }
    return false;
}

/* `place` is an address, checked by buffers_place, which has noted whose memory it is in. */
static alka_status view_map(void *self, struct buffer *buffer, uint32_t who, uint64_t place,
                            enum buffer_access access) {
    (void)self;
    struct shared_buffer *shared = shared_of(buffer);
    struct view *view = view_of(shared, who);
    uint64_t *entries = memory_take(buffer->page_count * sizeof *entries);
    if (entries == NULL) {
        return ALKA_E_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < buffer->page_count; i++) {
        entries[i] = paging_entry(shared->frames[i], view_access(access));
    }
    kernel_map_exchange(place, entries, buffer->page_count);
    view->virt = place;
    view->kept = entries;
    return ALKA_OK;
}

static void view_protect(void *self, struct buffer *buffer, uint32_t who, uint64_t place,
                         enum buffer_access access) {
    (void)self;
    (void)who;
    kernel_map_set_access(place, buffer->page_count, view_access(access));
}

static void view_unmap(void *self, struct buffer *buffer, uint32_t who, uint64_t place) {
    (void)self;
    struct view *view = view_of(shared_of(buffer), who);
    kernel_map_exchange(place, view->kept, buffer->page_count);
    memory_give(view->kept, buffer->page_count * sizeof *view->kept);
    view->kept = NULL;
    view->instance = NULL;
}

const struct buffer_mapper views_mapper = {
    .map = view_map, .protect = view_protect, .unmap = view_unmap};

void views_settle(struct shared_buffer *shared) {
    for (uint32_t i = 0; i < BUFFERS_VIEWS; i++) {
        struct view *view = &shared->views[i];
        bool is_party = view->who == shared->buffer.owner.who;
        for (uint32_t loan = 0; loan < BUFFER_LOANS_MAX; loan++) {
            is_party = is_party || view->who == shared->buffer.loans[loan].who;
        }
        if (!is_party) {
            *view = (struct view){.who = BUFFER_NOBODY};
        }
    }
}

struct view *view_take(struct shared_buffer *shared, uint32_t who, uint64_t handle) {
    struct view *view = view_of(shared, BUFFER_NOBODY);
    *view = (struct view){.who = who, .handle = handle};
    return view;
}

void buffers_leave(const struct alka_instance *instance) {
    for (struct shared_buffer *shared = buffers_all; shared != NULL; shared = shared->next) {
        for (uint32_t i = 0; i < BUFFERS_VIEWS; i++) {
            const struct view *view = &shared->views[i];
            if (view->instance != NULL && view->instance == instance) {
                alka_status status = buffer_displace(&shared->buffer, view->who);
                (void)status; /* it has a place */
            }
        }
    }
}

/* --- Faults. --- */

/* The innermost module in whose call this thread is. */
static bool fault_is_own(const struct alka_thread *stacks, const struct alka_instance *instance) {
    return stacks->gate != NULL && stacks->gate->callee == (uint64_t)(instance->context + 1);
}

/* The module that it happened to traps when the kernel returns to it. */
static void fault_end_call(const struct alka_instance *instance) {
    struct alka_thread *stacks = thread_this()->stacks;
    if (fault_is_own(stacks, instance)) {
        (void)alka_trap_pend(stacks, ALKA_TRAP_MEMORY_BOUNDS);
    }
}

bool buffers_take_fault(uint64_t address) {
    for (struct shared_buffer *shared = buffers_all; shared != NULL; shared = shared->next) {
        for (uint32_t i = 0; i < BUFFERS_VIEWS; i++) {
            const struct view *view = &shared->views[i];
            const struct alka_instance *instance = view->instance;
            if (instance != NULL && address - view->virt < view_bytes(shared)) {
                alka_status status = buffer_displace(&shared->buffer, view->who);
                fault_end_call(instance);
                return status == ALKA_OK;
            }
        }
    }
    return false;
}
