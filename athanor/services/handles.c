/*
 * Services about handles. In: numbers from module code. Out: handles in the caller's table or a
 * peer's, or a status. What is granted is within what was granted to the caller: cap/ sees to that.
 * No function here says more about a handle that is not the caller's than that it is stale.
 */
#include "services/handles.h"
#include "modules/modules.h"
#include "objects/objects.h"
#include "services/argument.h"

uint32_t service_open(uint32_t name, uint32_t bytes, uint32_t out, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_open, bytes);
    const void *text = service_range(caller, name, bytes);
    void *range = text == NULL ? NULL : service_range(caller, out, sizeof(uint64_t));
    uint64_t handle;
    if (range == NULL) {
        return 0;
    }
    const struct alka_span span = {text, bytes};
    alka_status status = holder_open(holder_of(caller), span, &handle);
    if (status == ALKA_OK) {
        service_put_handle(range, handle);
    }
    return (uint32_t)status;
}

uint32_t service_close(uint64_t handle, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_close, handle);
    alka_status status = cap_close(&holder_of(caller)->table, handle);
    objects_settle();
    return (uint32_t)status;
}

uint32_t service_revoke(uint64_t handle, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_revoke, handle);
    alka_status status = cap_revoke(&holder_of(caller)->table, handle);
    objects_settle();
    return (uint32_t)status;
}

uint32_t service_derive(uint64_t handle, uint32_t rights, uint32_t out,
                        struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_derive, handle);
    struct cap_table *table = &holder_of(caller)->table;
    void *range = service_range(caller, out, sizeof(uint64_t));
    uint64_t derived;
    if (range == NULL) {
        return 0;
    }
    alka_status status = cap_derive(table, handle, rights, table, &derived);
    objects_settle();
    if (status == ALKA_OK) {
        service_put_handle(range, derived);
    }
    return (uint32_t)status;
}

/* The table of a peer that can be given something: its handle carries the right to write. */
static alka_status handles_peer(struct holder *holder, uint64_t peer, struct cap_table **out) {
    struct object *object;
    ALKA_TRY(object_look(holder, peer, CAP_INSTANCE, CAP_WRITE, &object));
    struct holder *other = holder_of_instance(object);
    if (other->module->instance == NULL) {
        return ALKA_E_CLOSED;
    }
    *out = &other->table;
    return ALKA_OK;
}

uint32_t service_delegate(uint64_t handle, uint32_t rights, uint64_t peer, uint32_t out,
                          struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_delegate, handle);
    struct holder *holder = holder_of(caller);
    struct cap_table *to = NULL;
    void *range = service_range(caller, out, sizeof(uint64_t));
    uint64_t derived;
    if (range == NULL) {
        return 0;
    }
    alka_status status = handles_peer(holder, peer, &to);
    if (status == ALKA_OK) {
        status = cap_derive(&holder->table, handle, rights, to, &derived);
        objects_settle();
    }
    if (status == ALKA_OK) {
        service_put_handle(range, derived);
    }
    return (uint32_t)status;
}

uint32_t service_move(uint64_t handle, uint64_t peer, uint32_t out, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_move, handle);
    struct holder *holder = holder_of(caller);
    struct cap_table *to = NULL;
    void *range = service_range(caller, out, sizeof(uint64_t));
    uint64_t moved;
    if (range == NULL) {
        return 0;
    }
    alka_status status = handles_peer(holder, peer, &to);
    if (status == ALKA_OK) {
        status = cap_move(&holder->table, handle, to, &moved);
        objects_settle();
    }
    if (status == ALKA_OK) {
        service_put_handle(range, moved);
    }
    return (uint32_t)status;
}

/* As sdk/include/athanor.h declares it. */
struct handles_info {
    uint32_t kind, rights, depth, name_bytes;
    char name[NAMES_BYTES_MAX];
};

uint32_t service_handle_info(uint64_t handle, uint32_t out, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_handle_info, handle);
    void *range = service_range(caller, out, sizeof(struct handles_info));
    struct cap_view view;
    if (range == NULL) {
        return 0;
    }
    alka_status status = cap_info(&holder_of(caller)->table, handle, &view);
    if (status != ALKA_OK) {
        return (uint32_t)status;
    }
    const struct object *object = view.object.object;
    struct handles_info info = {.kind = (uint32_t)view.object.kind,
                                .rights = view.rights,
                                .depth = view.depth,
                                .name_bytes = (uint32_t)strlen(object->name)};
    memcpy(info.name, object->name, info.name_bytes);
    memcpy(range, &info, sizeof info);
    return 0;
}
