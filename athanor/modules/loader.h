/*
 * Modules that modules load at run time, from bytes in their memory, if the manifest says that they
 * may (`loader`).
 *
 *   What it may.  Nothing that its loader could not pass on: of the kernel's functions those that
 *   the manifest lists in `pass_on`, of other modules' functions those that the loader may call
 *   (`pass_calls`) and what the same loader has loaded; handles that are derived from the
 *   loader's. Memory, code, handles and threads are bounded by the loader's grant, all that it has
 *   loaded together; log lines and places in queues are the loader's own; the clock, and the
 *   processor time of each, are like the loader's.
 *   How long it lives.  As long as the loader's handle of it: with the loader's life, at the most.
 *   Whoever has a handle derived from that one may look at it, start and unload it, by its rights.
 *   Where.  Places for modules are set aside at boot, as many as all loaders together may load. A
 *   place is taken from the first moment of a load on. It is vacant again when nothing refers to
 *   what was there: no thread of it, no importer, no report of a trap.
 *
 * It is compiled, and its start section runs, on a thread of its own that others can interrupt and
 * the loader pays for. The caretaker (modules/workers.h) is who unloads, and vacates places:
 * whoever asks for it may be in the middle of a call of the module.
 */
#ifndef ATHANOR_LOADER_H
#define ATHANOR_LOADER_H

#include "modules/modules.h"
#include "objects/objects.h"
#include "sched/wait.h"

#define LOADER_GRANTS_MAX 16u
/* Of a module; a mebibyte of entries at the most, which does not count against the loader. */
#define LOADER_TABLES_MAX 4u
#define LOADER_TABLE_ENTRIES_MAX 16384u

/* What the SDK's flags mean: the module may import from ... */
#define LOADER_CALLS 1u    /* whom the loader may call */
#define LOADER_SIBLINGS 2u /* what the same loader has loaded */

/* Beside a module that came at run time; all zero but for `changed`: its place is vacant. */
struct loaded {
    struct holder *loader; /* who pays */
    uint64_t root;         /* the loader's handle of it; may be dead */
    void *file;            /* pages, which its image borrows from */
    uint64_t file_held_bytes;
    uint32_t code_bytes; /* that count against the loader */
    uint32_t flags;
    bool is_loading; /* somebody is at it */
    bool is_leaving;
    struct wait_queue changed; /* loaded, or gone */
};

/* What a loader asks for. Texts and bytes are borrowed. */
struct loader_terms {
    struct alka_span bytes;
    struct bundle_text name;
    uint64_t capabilities; /* bits, in the order of services.def */
    const struct holder_passed *grants;
    uint32_t grant_count;
    uint32_t memory_pages, handles;
    uint32_t flags;
};

/* `place` of a module that is vacant. */
void loader_place(struct module *module, struct loaded *place);

/*
 * Comes back when the module serves, or does not. ALKA_E_HANDLE_RIGHTS: more is asked for than the
 * loader may pass on; ALKA_E_NAME_TAKEN; ALKA_E_SERVICE_LIMIT, ALKA_E_HANDLE_LIMIT;
 * ALKA_E_SERVICE_ARGUMENT: a name that is none; ALKA_E_OUT_OF_MEMORY; ALKA_E_INTERRUPTED: the
 * caller's memory must not be touched any more; ALKA_E_CLOSED: it was unloaded at once; or what is
 * wrong with the bytes, of which the log tells more.
 */
ALKA_MUST_CHECK alka_status loader_load(struct holder *loader, const struct loader_terms *terms,
                                        uint64_t *out_handle);

/*
 * An export, on a thread of the module's. ALKA_E_HANDLE_KIND: nobody has loaded it;
 * ALKA_E_CLOSED: it has no instance; ALKA_E_NO_SUCH_NAME; ALKA_E_SERVICE_ARGUMENT: the function's
 * type; ALKA_E_SERVICE_LIMIT: threads.
 */
ALKA_MUST_CHECK alka_status loader_start(struct holder *holder, uint64_t handle,
                                         struct alka_span function);

/* The SDK's struct athanor_module_state. */
struct loader_state {
    uint32_t state; /* enum athanor_module_is */
    uint32_t threads, ended, last;
    uint32_t memory_pages, code_bytes;
    uint64_t traps, restarts;
};
/* Of any module that the holder may read of. */
ALKA_MUST_CHECK alka_status loader_look(struct holder *holder, uint64_t handle,
                                        struct loader_state *out);

/* Comes back when it is gone. ALKA_E_INTERRUPTED: the caller was in it. */
ALKA_MUST_CHECK alka_status loader_unload(struct holder *holder, uint64_t handle);
/* The same from the console. ALKA_E_TIMED_OUT: it is under way. */
ALKA_MUST_CHECK alka_status loader_unload_module(struct module *module, uint64_t deadline_ns);

/* --- For modules/load.c, call.c and workers.c. --- */

/* May it be linked? `code_bytes` was made of it. ALKA_E_SERVICE_LIMIT, ALKA_E_INTERRUPTED: it is
 * not wanted any more. ALKA_OK for modules of the bundle. */
ALKA_MUST_CHECK alka_status loader_admits(struct module *module, uint64_t code_bytes);
/* Another module's export may be imported for that reason; NULL: there is no such sibling. */
const struct module *loader_sibling(const struct module *module, struct alka_span name);
/* It is neither being loaded nor unloaded; so is each of the bundle's. */
bool loader_is_settled(const struct module *module);
/* Somebody does not refer to it any more: its place may be vacant now. */
void loader_released(const struct module *module);
/* On the caretaker's thread: unloads what is to be, and vacates places. */
void loader_attend(void);

#endif
