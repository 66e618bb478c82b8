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
#include "objects/audit.h"
#include "objects/ipc.h"
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
    struct object *gone; /* nobody refers to them any more */
    bool is_settling;
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
    if (objects.is_settling) { /* further up the stack: the loop there goes on */
        return;
    }
    objects.is_settling = true;
    while (objects.gone != NULL) {
        struct object *object = objects.gone;
        objects.gone = object->next_gone;
        objects.count--;
        object->destroy(object); /* which may let go of others */
    }
    objects.is_settling = false;
}

static void objects_heard(void *self, const struct cap_audit *record) {
    audit_note(self, record);
    ipc_note(record);
}

static void objects_dropped(void *self, const struct cap_object *object) {
    (void)self;
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

static struct objects_grant *holder_grant(struct holder *holder, struct alka_span name) {
    for (uint32_t i = 0; i < holder->grant_count; i++) {
        const struct object *object = holder->grants[i].object;
        if (object != NULL && strlen(object->name) == name.size &&
            memcmp(object->name, name.data, name.size) == 0) {
            return &holder->grants[i];
        }
    }
    return NULL;
}

alka_status holder_open(struct holder *holder, struct alka_span name, uint64_t *out_handle) {
    struct objects_grant *grant = holder_grant(holder, name);
    struct cap_object found;
    if (grant == NULL) {
        return ALKA_E_NO_SUCH_NAME;
    }
    if (grant->is_revoked) {
        return ALKA_E_HANDLE_RIGHTS;
    }
    if (cap_look(&holder->table, grant->handle, grant->object->kind, 0, &found) != ALKA_OK) {
        ALKA_TRY(object_grant(holder, grant->object, grant->rights, &grant->handle));
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
        if (grant->object != NULL &&
            object_grant(holder, grant->object, grant->rights, &grant->handle) != ALKA_OK) {
            log_error("%s: no handle of %s", module->name, grant->object->name);
        }
    }
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
static struct cap_entry *objects_make_holder(struct module *module, uint32_t id,
                                             struct cap_entry *entries) {
    struct holder *holder = &objects.holders[id];
    module->holder = holder;
    holder->module = module;
    object_init(&holder->instance, CAP_INSTANCE, module->entry.name, NULL);
    if (cap_table_init(&holder->table, &objects_space, id, entries, module->entry.handles_max) !=
        ALKA_OK) { /* it may hold none */
        holder->table = (struct cap_table){
            .space = &objects_space, .id = id, .free_first = CAP_NO_NODE, .free_last = CAP_NO_NODE};
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

const char *objects_start(const struct bundle *bundle) {
    uint64_t handles = (uint64_t)MODULES_LENT_MAX * OBJECTS_LENT_HANDLES, grants = 0;
    for (uint32_t i = 0; i < bundle->module_count; i++) {
        struct bundle_module entry = bundle_module(bundle, i);
        handles += entry.version_of_idx == BUNDLE_NO_INDEX ? entry.handles_max : 0;
        grants += entry.grant_count;
    }
    objects.named_count = IPC_DEFAULT_COUNT + bundle->object_count;
    objects.holders = objects_take(bundle->module_count, sizeof *objects.holders);
    objects.named = objects_take(objects.named_count, sizeof(struct object *));
    struct cap_node *nodes = objects_take(handles + OBJECTS_PARCELS_MAX, sizeof *nodes);
    struct cap_entry *entries = objects_take(handles, sizeof *entries);
    struct objects_grant *granted = objects_take(grants, sizeof *granted);
    if (objects.holders == NULL || objects.named == NULL || nodes == NULL || entries == NULL ||
        granted == NULL || !audit_start()) {
        return "no memory for the handles of its modules";
    }
    const struct cap_host host = {.audit = objects_heard, .dropped = objects_dropped};
    cap_space_init(&objects_space, nodes, (uint32_t)handles + OBJECTS_PARCELS_MAX,
                   OBJECTS_PARCELS_MAX, &host);
    objects_make_all(bundle);
    for (uint32_t i = 0; i < bundle->module_count; i++) {
        struct module *module = modules_at(i);
        if (module->of == NULL) {
            entries = objects_make_holder(module, i, entries);
        } else {
            module->holder = module->of->holder; /* which comes before it */
        }
    }
    objects_make_grants(bundle, granted);
    return NULL;
}

bool objects_lend(struct module *module, uint32_t n) {
    const struct bundle none = {.module_count = 0};
    if (objects_space.nodes == NULL && objects_start(&none) != NULL) {
        return false;
    }
    struct holder *holder = &objects_lent[n].holder;
    *holder = (struct holder){.module = module};
    object_init(&holder->instance, CAP_INSTANCE, module->entry.name, NULL);
    module->holder = holder;
    return cap_table_init(&holder->table, &objects_space, modules_index(module),
                          objects_lent[n].entries, OBJECTS_LENT_HANDLES) == ALKA_OK;
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
