/*
 * The objects of the kernel that modules hold handles of, and who holds which.
 *
 * The rooms cap/ and ipc/ know neither modules nor memory; this one brings them together: one space
 * of capabilities for the whole kernel, one table for each module that is no version of another,
 * and the objects that the manifest names, made once at boot.
 *
 *   An object counts its references: each root capability has one, and so does whoever keeps a
 *   pointer to it while it waits, or for good. A handle derived from another has none of its own:
 *   it is dead before its root is gone. With the last reference `destroy` is called, never from
 *   inside a function of cap/: those only note that a root is gone, and objects_settle, which
 *   everything here that changes a table calls, looks at the notes.
 *   A new life begins with the handles that the manifest grants, and no others: what the life
 *   before held, and what others derived from that, is dead. A version that takes over in a hot
 *   swap is no new life. Its table is that of the module whose version it is, from its start
 *   section on, so that handles mean the same on both sides.
 *
 * Threads are not preempted in here, so nothing is locked. What runs in exception handlers may not
 * call anything here.
 */
#ifndef ATHANOR_OBJECTS_H
#define ATHANOR_OBJECTS_H

#include "bundle/bundle.h"
#include "cap/cap.h"
#include "ipc/names.h"
#include "time/rate.h"
#include <alkahest/instance.h>

/* Capabilities that may be in messages at a time, in the whole system. */
#define OBJECTS_PARCELS_MAX 1024u

/* The first member of what a kind is made of. */
struct object {
    enum cap_kind kind;
    uint32_t references;
    void (*destroy)(struct object *object); /* NULL: it is there for good. May not wait */
    struct object *next_gone;
    char name[NAMES_BYTES_MAX + 1]; /* empty: it was made at run time */
};

/* With one reference, the caller's. `name` is empty or at most NAMES_BYTES_MAX long. */
void object_init(struct object *object, enum cap_kind kind, struct bundle_text name,
                 void (*destroy)(struct object *object));
void object_hold(struct object *object);
void object_drop(struct object *object);
/* The same without destroying anything: objects_settle is called later. Under any lock. */
void object_release(struct object *object);

/* --- What modules hold. --- */

struct module;
struct event_object;

struct objects_grant {     /* of the manifest, or of the loader */
    struct object *object; /* NULL: it could not be made, or `source` leads to it */
    uint64_t source;       /* the loader's handle; CAP_NO_HANDLE: the manifest grants it */
    uint32_t rights;
    uint64_t handle;                     /* the last one that was made for it; may be dead */
    bool is_revoked;                     /* from the console, for this life */
    char passed_as[NAMES_BYTES_MAX + 1]; /* the loader's name for it */
};

/* What a module has loaded, all of it together; modules/loader.h. */
struct loader_use {
    uint32_t modules, memory_pages, code_bytes, handles;
};

struct holder {
    struct cap_table table; /* its id is the module's */
    struct module *module;
    struct holder *payer; /* for places in queues and log lines: itself, or who has loaded it */
    struct bundle_loader may_load;
    struct loader_use uses;
    struct cap_entry *entries; /* of a module that was loaded at run time: its table's */
    /* What handles of this module name. One reference is the kernel's. */
    struct object instance;
    struct objects_grant *grants;
    uint32_t grant_count;
    struct rate log_lines; /* that it may write */
    uint32_t queue_places; /* of what it made, and memory for that: objects/ipc.h */
    uint64_t queue_bytes;
    uint64_t sent, received;        /* messages */
    struct event_object *own_event; /* NULL: it never asked for it */
    uint64_t own_handle;            /* the last one of that; may be dead */
};

/* Of an object of kind INSTANCE. */
struct holder *holder_of_instance(struct object *object);

/* What holders' tables are in; its functions may be used directly, followed by objects_settle. */
extern struct cap_space objects_space;

/*
 * For services: the object of a handle. As cap_look. It stays as long as the thread does not wait;
 * whoever waits holds it.
 */
ALKA_MUST_CHECK static inline alka_status object_look(const struct holder *holder, uint64_t handle,
                                                      enum cap_kind kind, uint32_t rights,
                                                      struct object **out_object) {
    struct cap_object found;
    if (holder == NULL) {
        return ALKA_E_HANDLE_STALE;
    }
    ALKA_TRY(cap_look(&holder->table, handle, kind, rights, &found));
    *out_object = found.object;
    return ALKA_OK;
}

/* A root for the holder, which gets a reference of its own. ALKA_E_HANDLE_LIMIT. */
ALKA_MUST_CHECK alka_status object_grant(struct holder *holder, struct object *object,
                                         uint32_t rights, uint64_t *out_handle);

/*
 * The handle of what the manifest grants under this name: the same one each time, as long as it
 * lives; if it was closed or given away, a new one. ALKA_E_NO_SUCH_NAME, ALKA_E_HANDLE_LIMIT;
 * ALKA_E_HANDLE_RIGHTS: it was revoked.
 */
ALKA_MUST_CHECK alka_status holder_open(struct holder *holder, struct alka_span name,
                                        uint64_t *out_handle);

/*
 * Takes the grant of this name from the holder until its next life: the handle is dead, and all
 * that was derived from it. What was moved away is not the holder's any more. ALKA_E_NO_SUCH_NAME.
 */
ALKA_MUST_CHECK alka_status holder_revoke(struct holder *holder, struct alka_span name);

/* Destroys what nobody refers to any more; who waits with a handle that may be dead looks again.
 * Not under a lock. */
void objects_settle_now(void);
extern bool objects_are_unsettled; /* there is something to do */
static inline void objects_settle(void) {
    if (objects_are_unsettled) {
        objects_settle_now();
    }
}

/* --- Lives of modules. --- */

/* A new life, before its first instruction runs. Nothing for a version of another module. */
void holder_renew(struct module *module);
/* The end of one: holds nothing. */
void holder_clear(struct module *module);

/*
 * A holder of OBJECTS_LENT_HANDLES for a module that is lent (modules_lend), which is the n-th, n <
 * MODULES_LENT_MAX; the module may become a version of another one afterwards. False: no memory.
 */
#define OBJECTS_LENT_HANDLES 8u
ALKA_MUST_CHECK bool objects_lend(struct module *module, uint32_t n);
/* It holds nothing any more. */
void objects_take_back(uint32_t n);
/* --- Modules that are loaded at run time. --- */

/* A handle of the loader's, with these rights, under this name. */
struct holder_passed {
    uint64_t handle;
    uint32_t rights;
    char name[NAMES_BYTES_MAX + 1];
};

/*
 * For a vacant holder, with module->id, name and limits in place: a table, and what the loader
 * passes on, each time it is new. ALKA_E_HANDLE_STALE, ALKA_E_HANDLE_RIGHTS: the loader cannot pass
 * that on; ALKA_E_SERVICE_LIMIT, ALKA_E_OUT_OF_MEMORY.
 */
ALKA_MUST_CHECK alka_status holder_move_in(struct module *module, struct holder *loader,
                                           const struct holder_passed *passed, uint32_t count);
/* Nobody refers to it any more; it is vacant again. */
void holder_move_out(struct module *module);
/* Whether anybody holds a handle of it, or waits for it. */
bool holder_is_held(const struct holder *holder);

/* --- The system's. --- */

/*
 * Once, before the first module is loaded, with modules_at in place: tables, and the objects that
 * are there from boot on. An object that cannot be made is in the log, and nobody is granted it.
 * Returns NULL, or why there is nothing at all.
 */
const char *objects_start(const struct bundle *bundle);

/* The objects with names: first the defaults, by enum ipc_default_id, then the manifest's, by name.
 * *out_object may be NULL: it could not be made. False: no more. */
bool objects_at(uint32_t index, struct object **out_object);

/* One that the manifest names, or a default; objects/makers.c has the table by kind. */
typedef alka_status objects_make(const struct bundle_object *spec, struct object **out_object);
extern objects_make *const objects_makers[CAP_KIND_COUNT];

struct objects_stats {
    uint32_t objects;                    /* that exist, named or not; without modules' instances */
    uint32_t nodes_used, nodes, parcels; /* used: by living capabilities */
};
void objects_stats(struct objects_stats *out);

#endif
