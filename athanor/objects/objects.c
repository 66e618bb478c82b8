/*
 * Objects and their holders (objects.h). In: the bundle's grants; handles that modules made up or
 * were given. Out: objects, or a refusal. It must never let an object go that a living capability
 * leads to, nor leave a handle alive over the end of its holder's life.
 */
#include "objects/objects.h"
#include "console/log.h"
#include "mm/memory.h"
#include "mm/memory_map.h"
#include "modules/modules.h"
#include "modules/workers.h"
#include "objects/audit.h"
#include "objects/events.h"
#include "objects/ipc.h"
#include "sched/thread.h"
#include <alkahest/render.h>
#include <stddef.h>
#include <string.h>

struct cap_space objects_space;

static struct {
    struct holder holder;
    struct cap_entry entries[OBJECTS_LENT_HANDLES];
} objects_lent[MODULES_LENT_MAX];

static struct {
    struct holder *holders; /* by the module's index; versions' places stay empty */
    struct object **named;
    uint32_t named_count;
    struct object *gone;      /* nobody refers to them any more */
    bool is_instance_dropped; /* a module that was loaded may be nobody's now */
    uint32_t count;
} objects;

/* --- References. --- */

void object_init(struct object *object, enum cap_kind kind, struct bundle_text name,
                 void (*destroy)(struct object *object)) {
    *object = (struct object){.kind = kind, .references = 1, .destroy = destroy};
    memcpy(object->name, name.data, name.size);
    objects.count += kind == CAP_INSTANCE ? 0 : 1;
}

void object_hold(struct object *object) { object->references++; }

/* Destroying is for later: this may be inside of a function of cap/. */
void object_release(struct object *object) {
    if (--object->references == 0) {
        object->next_gone = objects.gone;
        objects.gone = object;
        objects_are_unsettled = true;
    }
}

void object_drop(struct object *object) {
    object_release(object);
    objects_settle();
}

bool objects_are_unsettled;

void objects_settle_now(void) {
    objects_are_unsettled = false;
    ipc_settle();
    struct thread *self = thread_this();
    if (self->settles_objects) { /* further up its stack: the loop there goes on */
        return;
    }
    self->settles_objects = true; /* others may be at it, too, if that one waits for its turn */
    while (objects.gone != NULL) {
        struct object *object = objects.gone;
        objects.gone = object->next_gone;
        objects.count--;
        object->destroy(object); /* which may let go of others */
    }
    self->settles_objects = false;
    if (objects.is_instance_dropped) {
        objects.is_instance_dropped = false;
        workers_wake_caretaker();
    }
}

static void objects_heard(void *self, const struct cap_audit *record) {
    audit_note(self, record);
    ipc_note(record);
}

static void objects_dropped(void *self, const struct cap_object *object) {
    (void)self;
    if (object->kind == CAP_INSTANCE) {
        objects.is_instance_dropped = objects_are_unsettled = true;
    }
    object_release(object->object);
}

/* --- Handles. --- */

struct holder *holder_of_instance(struct object *object) {
    return (struct holder *)((uint8_t *)object - offsetof(struct holder, instance));
}

alka_status object_grant(struct holder *holder, struct object *object, uint32_t rights,
                         uint64_t *out_handle) {
    const struct cap_object named = {.kind = object->kind, .object = object};
    alka_status status = cap_grant(&holder->table, &named, rights, out_handle);
    if (status == ALKA_OK) {
        object_hold(object);
    }
    objects_settle();
    return status;
}

static bool grant_is_there(const struct objects_grant *grant) {
    return grant->object != NULL || grant->source != CAP_NO_HANDLE;
}

static const char *grant_name(const struct objects_grant *grant) {
    return grant->object != NULL ? grant->object->name : grant->passed_as;
}

static alka_status grant_make(struct holder *holder, struct objects_grant *grant) {
    if (grant->object != NULL) {
        return object_grant(holder, grant->object, grant->rights, &grant->handle);
    }
    alka_status status = cap_derive(&holder->payer->table, grant->source, grant->rights,
                                    &holder->table, &grant->handle);
    objects_settle();
    return status;
}

static struct objects_grant *holder_grant(struct holder *holder, struct alka_span name) {
    for (uint32_t i = 0; i < holder->grant_count; i++) {
        struct objects_grant *grant = &holder->grants[i];
        if (grant_is_there(grant) && strlen(grant_name(grant)) == name.size &&
            memcmp(grant_name(grant), name.data, name.size) == 0) {
            return grant;
        }
    }
    return NULL;
}

alka_status holder_open(struct holder *holder, struct alka_span name, uint64_t *out_handle) {
    struct objects_grant *grant = holder_grant(holder, name);
    struct cap_view view;
    if (grant == NULL) {
        return ALKA_E_NO_SUCH_NAME;
    }
    if (grant->is_revoked) {
        return ALKA_E_HANDLE_RIGHTS;
    }
    if (cap_info(&holder->table, grant->handle, &view) != ALKA_OK) {
        ALKA_TRY(grant_make(holder, grant));
    }
    *out_handle = grant->handle;
    return ALKA_OK;
}

alka_status holder_revoke(struct holder *holder, struct alka_span name) {
    struct objects_grant *grant = holder_grant(holder, name);
    if (grant == NULL) {
        return ALKA_E_NO_SUCH_NAME;
    }
    grant->is_revoked = true;
    alka_status status = cap_close(&holder->table, grant->handle);
    objects_settle();
    return status == ALKA_E_HANDLE_STALE ? ALKA_OK : status; /* it held none now */
}

/* --- Lives. --- */

/* A table without places. */
static void holder_empty(struct holder *holder, uint32_t id) {
    holder->table = (struct cap_table){
        .space = &objects_space, .id = id, .free_first = CAP_NO_NODE, .free_last = CAP_NO_NODE};
}

void holder_clear(struct module *module) {
    struct holder *holder = module->holder;
    if (holder == NULL || module->of != NULL || holder->table.used == 0) {
        return;
    }
    cap_table_clear(&holder->table);
    objects_settle();
}

void holder_renew(struct module *module) {
    struct holder *holder = module->holder;
    holder_clear(module);
    if (holder != NULL && module->of == NULL) {
        ipc_renew(holder);
    }
    for (uint32_t i = 0; holder != NULL && module->of == NULL && i < holder->grant_count; i++) {
        struct objects_grant *grant = &holder->grants[i];
        grant->is_revoked = false;
        if (grant_is_there(grant) && grant_make(holder, grant) != ALKA_OK) {
            log_error("%s: no handle of %s", module->name, grant_name(grant));
        }
    }
}

/* --- At run time. --- */

bool holder_is_held(const struct holder *holder) { return holder->instance.references > 1; }

/* What the loader could derive now. */
static alka_status holder_may_pass(struct holder *loader, const struct holder_passed *passed) {
    struct cap_view view;
    ALKA_TRY(cap_info(&loader->table, passed->handle, &view));
    uint32_t needed = passed->rights | CAP_DELEGATE;
    return (needed & ~view.rights) == 0 ? ALKA_OK : ALKA_E_HANDLE_RIGHTS;
}

static struct objects_grant holder_passed_on(const struct holder_passed *passed) {
    struct objects_grant grant = {.source = passed->handle, .rights = passed->rights};
    memcpy(grant.passed_as, passed->name, sizeof grant.passed_as);
    return grant;
}

alka_status holder_move_in(struct module *module, struct holder *loader,
                           const struct holder_passed *passed, uint32_t count) {
    struct holder *holder = module->holder;
    uint32_t handles = module->entry.handles_max;
    *holder = (struct holder){.module = module, .payer = loader};
    holder_empty(holder, module->id);
    object_init(&holder->instance, CAP_INSTANCE, module->entry.name, NULL);
    holder->entries = memory_take(handles * sizeof *holder->entries);
    holder->grants = memory_take(count * sizeof *holder->grants);
    holder->grant_count = holder->grants != NULL ? count : 0;
    if ((handles > 0 && holder->entries == NULL) || holder->grant_count < count) {
        return ALKA_E_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        ALKA_TRY(holder_may_pass(loader, &passed[i]));
        holder->grants[i] = holder_passed_on(&passed[i]);
    }
    return handles == 0 ? ALKA_OK
                        : cap_table_init(&holder->table, &objects_space, module->id,
                                         holder->entries, handles);
}

void holder_move_out(struct module *module) {
    struct holder *holder = module->holder;
    if (holder->own_event != NULL) {
        object_drop(&holder->own_event->ipc.object);
    }
    if (holder->table.capacity > 0) {
        cap_table_drop(&holder->table);
        objects_settle();
    }
    memory_give(holder->entries, module->entry.handles_max * sizeof *holder->entries);
    memory_give(holder->grants, holder->grant_count * sizeof *holder->grants);
    *holder = (struct holder){.module = module};
    holder_empty(holder, CAP_NOBODY);
}

/* --- At boot. --- */

static struct object *objects_make_one(const struct bundle_object *spec) {
    struct object *object = NULL;
    objects_make *make = objects_makers[spec->kind];
    alka_status status = make == NULL ? ALKA_E_SERVICE_ARGUMENT : make(spec, &object);
    if (status != ALKA_OK) {
        log_error("%s %.*s: cannot be made: ALKA_%u %s", cap_kind_name(spec->kind),
                  (int)spec->name.size, spec->name.data, (unsigned)status,
                  alka_code_text((uint32_t)status));
        return NULL;
    }
    return object;
}

static struct bundle_object objects_default(uint32_t index) {
    const struct ipc_default *it = &ipc_defaults[index];
    return (struct bundle_object){
        .kind = it->is_topic ? CAP_TOPIC : CAP_CHANNEL,
        .name = {it->name, (uint32_t)strlen(it->name)},
        .size = it->message_max,
        .places = it->places,
        .subscribers = it->is_topic ? BUNDLE_MODULES_MAX : 0,
        .allowed = it->allowed,
        .owner_idx = BUNDLE_NO_INDEX,
    };
}

static void objects_make_all(const struct bundle *bundle) {
    for (uint32_t i = 0; i < objects.named_count; i++) {
        const struct bundle_object spec = i < IPC_DEFAULT_COUNT
                                              ? objects_default(i)
                                              : bundle_object(bundle, i - IPC_DEFAULT_COUNT);
        objects.named[i] = objects_make_one(&spec);
    }
}

static struct objects_grant objects_granted(const struct bundle *bundle,
                                            const struct bundle_module *entry, uint32_t index) {
    struct bundle_grant grant = bundle_grant(bundle, entry, index);
    struct object *object = NULL;
    switch (grant.target) {
    case BUNDLE_TARGET_DEFAULT:
        object = objects.named[grant.target_idx];
        break;
    case BUNDLE_TARGET_OBJECT:
        object = objects.named[IPC_DEFAULT_COUNT + grant.target_idx];
        break;
    case BUNDLE_TARGET_MODULE:
        object = &objects.holders[grant.target_idx].instance;
        break;
    }
    return (struct objects_grant){.object = object, .rights = grant.rights};
}

static void objects_make_grants(const struct bundle *bundle, struct objects_grant *grants) {
    for (uint32_t i = 0; i < bundle->module_count; i++) {
        struct module *module = modules_at(i);
        if (module->of != NULL) {
            continue;
        }
        module->holder->grants = grants;
        module->holder->grant_count = module->entry.grant_count;
        for (uint32_t grant = 0; grant < module->entry.grant_count; grant++) {
            *grants++ = objects_granted(bundle, &module->entry, grant);
        }
    }
}

/* Returns the first entry behind its own. */
static struct cap_entry *objects_make_holder(struct module *module, struct holder *holder,
                                             struct cap_entry *entries) {
    module->holder = holder;
    holder->module = module;
    holder->payer = holder;
    holder->may_load = module->entry.loader;
    object_init(&holder->instance, CAP_INSTANCE, module->entry.name, NULL);
    if (cap_table_init(&holder->table, &objects_space, module->id, entries,
                       module->entry.handles_max) != ALKA_OK) { /* it may hold none */
        holder_empty(holder, module->id);
    }
    return entries + holder->table.capacity;
}

/* Zeroed; NULL: no memory. Stays. */
static void *objects_take(uint64_t count, size_t bytes_each) {
    uint64_t bytes = (count * bytes_each + MEMORY_PAGE_BYTES - 1) / MEMORY_PAGE_BYTES;
    void *block = NULL;
    alka_status status =
        memory_map_pages(bytes == 0 ? MEMORY_PAGE_BYTES : bytes * MEMORY_PAGE_BYTES, &block);
    return status == ALKA_OK ? block : NULL;
}

/* How much of everything there will be. */
struct objects_counts {
    uint32_t modules; /* with places for those that are loaded at run time */
    uint64_t handles, loaded_handles, grants;
};

static struct objects_counts objects_counted(const struct bundle *bundle) {
    struct objects_counts counts = {.modules = 0};
    for (uint32_t i = 0; i < bundle->module_count; i++) {
        struct bundle_module entry = bundle_module(bundle, i);
        counts.handles += entry.version_of_idx == BUNDLE_NO_INDEX ? entry.handles_max : 0;
        counts.loaded_handles += entry.loader.handles;
        counts.modules += 1 + entry.loader.modules;
        counts.grants += entry.grant_count;
    }
    return counts;
}

/* Every module has a holder: of its own, of whose version it is, or a vacant one. */
static void objects_make_holders(struct cap_entry *entries) {
    struct module *module;
    for (uint32_t i = 0; (module = modules_at(i)) != NULL; i++) {
        struct holder *holder = &objects.holders[i];
        if (module->of != NULL) {
            module->holder = module->of->holder; /* which comes before it */
        } else if (module->loaded == NULL) {
            entries = objects_make_holder(module, holder, entries);
        } else {
            module->holder = holder;
            holder->module = module;
            holder_empty(holder, CAP_NOBODY);
        }
    }
}

const char *objects_start(const struct bundle *bundle) {
    const struct objects_counts counts = objects_counted(bundle);
    uint64_t lent_handles = (uint64_t)MODULES_LENT_MAX * OBJECTS_LENT_HANDLES;
    uint64_t handles = counts.handles + counts.loaded_handles + lent_handles;
    objects.named_count = IPC_DEFAULT_COUNT + bundle->object_count;
    objects.holders = objects_take(counts.modules, sizeof *objects.holders);
    objects.named = objects_take(objects.named_count, sizeof(struct object *));
    struct cap_node *nodes = objects_take(handles + OBJECTS_PARCELS_MAX, sizeof *nodes);
    struct cap_entry *entries = objects_take(counts.handles, sizeof *entries);
    struct objects_grant *granted = objects_take(counts.grants, sizeof *granted);
    if (objects.holders == NULL || objects.named == NULL || nodes == NULL || entries == NULL ||
        granted == NULL || !audit_start()) {
        return "no memory for the handles of its modules";
    }
    const struct cap_host host = {.audit = objects_heard, .dropped = objects_dropped};
    cap_space_init(&objects_space, nodes, (uint32_t)handles + OBJECTS_PARCELS_MAX,
                   OBJECTS_PARCELS_MAX, &host);
    objects_make_all(bundle);
    objects_make_holders(entries);
    objects_make_grants(bundle, granted);
    return NULL;
}

bool objects_lend(struct module *module, uint32_t n) {
    const struct bundle none = {.module_count = 0};
    if (objects_space.nodes == NULL && objects_start(&none) != NULL) {
        return false;
    }
    struct holder *holder = &objects_lent[n].holder;
    *holder = (struct holder){.module = module, .payer = holder};
    object_init(&holder->instance, CAP_INSTANCE, module->entry.name, NULL);
    module->holder = holder;
    return cap_table_init(&holder->table, &objects_space, module->id, objects_lent[n].entries,
                          OBJECTS_LENT_HANDLES) == ALKA_OK;
}

void objects_take_back(uint32_t n) {
    cap_table_drop(&objects_lent[n].holder.table);
    objects_settle();
}

bool objects_at(uint32_t index, struct object **out_object) {
    if (index >= objects.named_count) {
        return false;
    }
    *out_object = objects.named[index];
    return true;
}

void objects_stats(struct objects_stats *out) {
    for (uint32_t i = 0; modules_at(i) != NULL; i++) {
        (void)cap_room(&modules_at(i)->holder->table, UINT32_MAX); /* gives back what is dead */
    }
    objects_settle();
    *out = (struct objects_stats){
        .objects = objects.count,
        .nodes_used = objects_space.used,
        .nodes = objects_space.node_count,
        .parcels = objects_space.parcel_count,
    };
}
