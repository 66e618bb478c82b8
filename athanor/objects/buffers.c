/*
 * Shared buffers and their parties (buffers.h says how). In: handles and offsets from modules. Out:
 * loans, gifts, and pages in memories (objects/views.c). It must never let somebody use a buffer
 * whose handle for it is dead.
 */
#include "objects/buffers.h"
#include "mm/frames.h"
#include "mm/layout.h"
#include "mm/memory.h"
#include "modules/modules.h"
#include "objects/views.h"
#include <string.h>

#define BUFFERS_RIGHTS (CAP_READ | CAP_WRITE | CAP_CONTROL | CAP_DELEGATE)
struct shared_buffer *buffers_all;

/* --- Making and ending. --- */

static void buffers_give_frames(struct shared_buffer *shared, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        frames_give(shared->frames[i], 0);
    }
    memory_give(shared->frames, shared->buffer.page_count * sizeof *shared->frames);
    memory_give(shared, sizeof *shared);
}

static void buffers_destroy(struct object *object) {
    struct shared_buffer *shared = (struct shared_buffer *)object;
    (void)buffer_forget(&shared->buffer, shared->buffer.owner.who);
    if (shared->previous != NULL) {
        shared->previous->next = shared->next;
    } else {
        buffers_all = shared->next;
    }
    if (shared->next != NULL) {
        shared->next->previous = shared->previous;
    }
    buffers_give_frames(shared, shared->buffer.page_count);
}

static void buffers_own(struct shared_buffer *shared, uint32_t owner) {
    buffer_init(&shared->buffer, &views_mapper, shared, shared->buffer.page_count, owner);
    for (uint32_t i = 0; i < BUFFERS_VIEWS; i++) {
        shared->views[i] = (struct view){.who = BUFFER_NOBODY};
    }
    if (owner != BUFFER_NOBODY) {
        (void)view_take(shared, owner, CAP_NO_HANDLE);
    }
}

static alka_status buffers_new(struct bundle_text name, uint32_t pages, uint32_t owner,
                               struct shared_buffer **out_shared) {
    struct shared_buffer *shared = memory_take(sizeof *shared);
    uint64_t *frames = memory_take(pages * sizeof *frames);
    uint32_t taken = 0;
    while (frames != NULL && taken < pages && frames_take_clean(&frames[taken])) {
        taken++;
    }
    if (shared == NULL || taken < pages) {
        while (taken > 0) {
            frames_give_clean(frames[--taken]);
        }
        memory_give(frames, pages * sizeof *frames);
        memory_give(shared, sizeof *shared);
        return ALKA_E_OUT_OF_MEMORY;
    }
    shared->frames = frames;
    shared->buffer.page_count = pages;
    buffers_own(shared, owner);
    object_init(&shared->object, CAP_BUFFER, name, buffers_destroy);
    shared->next = buffers_all;
    if (buffers_all != NULL) {
        buffers_all->previous = shared;
    }
    buffers_all = shared;
    *out_shared = shared;
    return ALKA_OK;
}

alka_status buffers_make(const struct bundle_object *spec, struct object **out_object) {
    struct shared_buffer *shared;
    uint32_t owner = spec->owner_idx == BUNDLE_NO_INDEX ? BUFFER_NOBODY : spec->owner_idx;
    ALKA_TRY(buffers_new(spec->name, spec->size, owner, &shared));
    *out_object = &shared->object;
    return ALKA_OK;
}

/* May it own `pages` more? As many as its memory may have, together. */
static alka_status buffers_admit(const struct holder *holder, uint64_t pages) {
    uint64_t most = holder->module->entry.memory_pages_max *
                    (uint64_t)(ALKA_WASM_PAGE_BYTES / PAGING_PAGE_BYTES);
    for (struct shared_buffer *shared = buffers_all; shared != NULL; shared = shared->next) {
        pages += shared->buffer.owner.who == holder->table.id ? shared->buffer.page_count : 0;
    }
    return pages <= most ? ALKA_OK : ALKA_E_SERVICE_LIMIT;
}

alka_status buffers_create(struct holder *holder, uint32_t pages, uint64_t *out_handle) {
    struct shared_buffer *shared;
    if (pages == 0 || pages > BUNDLE_BUFFER_PAGES_MAX) {
        return ALKA_E_SERVICE_ARGUMENT;
    }
    ALKA_TRY(buffers_admit(holder, pages));
    ALKA_TRY(buffers_new((struct bundle_text){NULL, 0}, pages, holder->table.id, &shared));
    alka_status status = object_grant(holder, &shared->object, BUFFERS_RIGHTS, out_handle);
    object_drop(&shared->object); /* its handle keeps it */
    return status;
}

/* --- What modules do with them. --- */

/* A named one that is nobody's is the caller's now, if it may write. */
static alka_status buffers_look(struct holder *holder, uint64_t handle, uint32_t rights,
                                struct shared_buffer **out_shared) {
    struct object *object;
    ALKA_TRY(object_look(holder, handle, CAP_BUFFER, rights, &object));
    struct shared_buffer *shared = (struct shared_buffer *)object;
    struct object *writable;
    if (shared->buffer.owner.who == BUFFER_NOBODY &&
        object_look(holder, handle, CAP_BUFFER, CAP_WRITE, &writable) == ALKA_OK) {
        buffers_own(shared, holder->table.id);
    }
    *out_shared = shared;
    return ALKA_OK;
}

static bool buffers_fit(const struct alka_instance *instance, uint64_t place, uint64_t bytes) {
    if (instance->image->module.memory_count == 0) {
        return false;
    }
    const struct alka_memory *memory = instance->memories[0];
    uint64_t memory_bytes = memory->pages * (uint64_t)ALKA_WASM_PAGE_BYTES;
    /* Only there the module's own code is stopped by the page tables, and nobody else's is. */
    bool is_possible = memory->owner == instance && !memory->is_64 && !memory->is_wrapped &&
                       instance->image->code.memory_model == ALKA_MEMORY_GUARD;
    return is_possible && place % PAGING_PAGE_BYTES == 0 && place <= memory_bytes &&
           bytes <= memory_bytes - place;
}

alka_status buffers_place(struct holder *holder, uint64_t handle, struct alka_instance *instance,
                          uint32_t place) {
    struct shared_buffer *shared;
    ALKA_TRY(buffers_look(holder, handle, CAP_READ, &shared));
    uint32_t who = holder->table.id;
    struct view *view = view_of(shared, who);
    if (view == NULL) {
        return ALKA_E_HANDLE_RIGHTS;
    }
    if (!buffers_fit(instance, place, view_bytes(shared)) ||
        views_overlap(instance->base.value + place, view_bytes(shared))) {
        return view->instance != NULL ? ALKA_E_BUFFER_STATE : ALKA_E_SERVICE_ARGUMENT;
    }
    ALKA_TRY(buffer_place(&shared->buffer, who, instance->base.value + place));
    view->instance = instance;
    return ALKA_OK;
}

alka_status buffers_displace(struct holder *holder, uint64_t handle) {
    struct shared_buffer *shared;
    ALKA_TRY(buffers_look(holder, handle, CAP_READ, &shared));
    return buffer_displace(&shared->buffer, holder->table.id);
}

static alka_status buffers_peer(struct holder *holder, uint64_t peer, struct holder **out_peer) {
    struct object *object;
    ALKA_TRY(object_look(holder, peer, CAP_INSTANCE, CAP_WRITE, &object));
    *out_peer = holder_of_instance(object);
    return (*out_peer)->module->instance == NULL ? ALKA_E_CLOSED : ALKA_OK;
}

alka_status buffers_lend(struct holder *holder, uint64_t handle, uint64_t peer,
                         enum buffer_access access, uint64_t *out_handle) {
    struct shared_buffer *shared;
    struct holder *to;
    uint32_t rights = access == BUFFER_WRITE ? CAP_READ | CAP_WRITE : CAP_READ;
    ALKA_TRY(buffers_look(holder, handle, rights | CAP_DELEGATE, &shared));
    ALKA_TRY(buffers_peer(holder, peer, &to));
    ALKA_TRY(buffer_lend(&shared->buffer, holder->table.id, to->table.id, access));
    alka_status status = cap_derive(&holder->table, handle, rights, &to->table, out_handle);
    objects_settle();
    if (status != ALKA_OK) {
        return buffer_recall(&shared->buffer, holder->table.id, to->table.id) == ALKA_OK
                   ? status
                   : ALKA_E_INTERNAL;
    }
    (void)view_take(shared, to->table.id, *out_handle);
    return ALKA_OK;
}

alka_status buffers_return(struct holder *holder, uint64_t handle) {
    struct shared_buffer *shared;
    ALKA_TRY(buffers_look(holder, handle, CAP_READ, &shared));
    ALKA_TRY(buffer_return(&shared->buffer, holder->table.id));
    views_settle(shared);
    alka_status status = cap_close(&holder->table, handle);
    objects_settle();
    return status;
}

/* The handle that came with a loan; it may be closed already, by its holder. */
static void buffers_close_loan(const struct view *view) {
    const struct module *module = modules_by_id(view->who);
    if (module != NULL && view->handle != CAP_NO_HANDLE &&
        cap_close(&module->holder->table, view->handle) == ALKA_OK) {
        objects_settle();
    }
}

alka_status buffers_recall(struct holder *holder, uint64_t handle, uint64_t peer) {
    struct shared_buffer *shared;
    struct holder *from = NULL;
    ALKA_TRY(buffers_look(holder, handle, CAP_READ, &shared));
    if (peer != CAP_NO_HANDLE) {
        struct object *object;
        ALKA_TRY(object_look(holder, peer, CAP_INSTANCE, CAP_WRITE, &object));
        from = holder_of_instance(object);
    }
    struct view views[BUFFERS_VIEWS];
    memcpy(views, shared->views, sizeof views);
    ALKA_TRY(buffer_recall(&shared->buffer, holder->table.id,
                           from == NULL ? BUFFER_NOBODY : from->table.id));
    views_settle(shared);
    for (uint32_t i = 0; i < BUFFERS_VIEWS; i++) {
        if (views[i].who != BUFFER_NOBODY && view_of(shared, views[i].who) == NULL) {
            buffers_close_loan(&views[i]);
        }
    }
    return ALKA_OK;
}

alka_status buffers_give(struct holder *holder, uint64_t handle, uint64_t peer,
                         uint64_t *out_handle) {
    struct shared_buffer *shared;
    struct holder *to;
    ALKA_TRY(buffers_look(holder, handle, CAP_READ | CAP_WRITE | CAP_DELEGATE, &shared));
    ALKA_TRY(buffers_peer(holder, peer, &to));
    if (shared->buffer.owner.who != holder->table.id) {
        return ALKA_E_HANDLE_RIGHTS;
    }
    if (shared->buffer.loan_count > 0 || to == holder) {
        return ALKA_E_BUFFER_STATE;
    }
    ALKA_TRY(buffers_admit(to, shared->buffer.page_count));
    ALKA_TRY(object_grant(to, &shared->object, BUFFERS_RIGHTS, out_handle));
    ALKA_TRY(buffer_give(&shared->buffer, holder->table.id, to->table.id)); /* as just checked */
    views_settle(shared);
    (void)view_take(shared, to->table.id, CAP_NO_HANDLE);
    alka_status status = cap_close(&holder->table, handle);
    objects_settle();
    return status;
}

alka_status buffers_info(struct holder *holder, uint64_t handle, struct buffers_info *out) {
    struct shared_buffer *shared;
    ALKA_TRY(buffers_look(holder, handle, 0, &shared));
    const struct buffer *buffer = &shared->buffer;
    *out = (struct buffers_info){
        .pages = buffer->page_count,
        .access = (uint32_t)buffer_access_of(buffer, holder->table.id),
        .loans = buffer->loan_count,
        .is_owner = buffer->owner.who == holder->table.id ? 1 : 0,
    };
    return ALKA_OK;
}

/* --- Ends of handles, lives and instances. --- */

void buffers_note(const struct cap_audit *record) {
    bool is_end = record->act == CAP_ACT_CLOSE || record->act == CAP_ACT_REVOKE;
    if (!is_end || record->object.kind != CAP_BUFFER) {
        return;
    }
    struct shared_buffer *shared = record->object.object;
    if (shared->buffer.owner.who == record->from) {
        alka_status status = buffer_recall(&shared->buffer, record->from, BUFFER_NOBODY);
        (void)status; /* by the owner, from all: nothing to refuse */
    } else {
        (void)buffer_forget(&shared->buffer, record->from);
    }
    views_settle(shared);
}

void buffers_end(const struct module *module) {
    if (module->instance != NULL) {
        buffers_leave(module->instance);
    }
    if (module->holder == NULL || module->of != NULL) {
        return;
    }
    uint32_t who = module->holder->table.id;
    for (struct shared_buffer *shared = buffers_all; shared != NULL; shared = shared->next) {
        bool is_left = buffer_forget(&shared->buffer, who);
        views_settle(shared);
        for (uint32_t i = 0; is_left && i < shared->buffer.page_count; i++) {
            memset(layout_direct(shared->frames[i]), 0, PAGING_PAGE_BYTES);
        }
    }
}

/* --- For people. --- */

const struct shared_buffer *buffers_next(const struct shared_buffer *after) {
    return after == NULL ? buffers_all : after->next;
}

const struct buffer *buffers_state(const struct shared_buffer *shared, const char **out_name) {
    *out_name = shared->object.name;
    return &shared->buffer;
}
