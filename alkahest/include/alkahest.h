/*
 * Alkahest for a Linux program: compile modules, instantiate them, call them.
 *
 *     struct alka_engine *engine;
 *     alka_engine_open(NULL, &engine);
 *     alka_engine_compile(engine, bytes, NULL, &image, &diag);
 *     alka_engine_instantiate(engine, image, &vtable, NULL, &instance, &error);
 *     alka_instance_export(instance, alka_name("add"), &add);
 *     alka_engine_call(engine, add.func, values, &trap, &report);
 *     alka_engine_close(engine);
 *
 * The engine owns a registry on a Crucible of mmap. Signal handlers for SIGSEGV, SIGBUS, SIGFPE and
 * SIGILL are installed when an engine is opened, in front of those that are there; faults that are
 * no module's go to the handlers that were there before. One engine is used by one thread at a
 * time; each thread that calls module code gets stacks of its own at its first call. Threads that
 * work in one shared memory have an engine each, and import it: the host's (alka_memory_make, of an
 * engine that outlives them).
 *
 * What the libraries declare is there too: exports, memories, tables, globals are those of
 * instance.h and extern.h.
 */
#ifndef ALKAHEST_H
#define ALKAHEST_H

#include <alkahest/instance.h>
#include <alkahest/registry.h>
#include <alkahest/session.h>

struct alka_engine;

struct alka_engine_options {
    /* Diagnostics and state transitions; NULL: nobody listens. */
    void (*event)(void *self, const struct alka_event *event);
    void *event_self;
};

/* ALKA_E_OUT_OF_MEMORY. `options` may be NULL. */
ALKA_MUST_CHECK alka_status alka_engine_open(const struct alka_engine_options *options,
                                             struct alka_engine **out_engine);
/* Drops all instances and images, and the stacks of all threads. */
void alka_engine_close(struct alka_engine *engine);

/* Everything that is built, default limits, guard memory, the processor that we run on. */
struct alka_session_options alka_engine_defaults(void);
/* What this processor can do. */
alka_cpu_set alka_host_cpu(void);

struct alka_registry *alka_engine_registry(struct alka_engine *engine);
const struct alka_crucible *alka_engine_crucible(struct alka_engine *engine);

/* `bytes` are borrowed until the image is released and its instances are gone. `options` may be
 * NULL. For single steps use session.h with alka_engine_registry. */
ALKA_MUST_CHECK alka_status alka_engine_compile(struct alka_engine *engine, struct alka_span bytes,
                                                const struct alka_session_options *options,
                                                struct alka_image **out_image,
                                                struct alka_diag *out_diag);

/* Why an instance could not be made: a diagnostic, or the trap of the start function. */
struct alka_instantiate_error {
    struct alka_diag diag;
    enum alka_trap trap;            /* ALKA_TRAP_NONE: it did not come to the start function */
    struct alka_trap_report report; /* of the trap */
};

/* Instantiates and runs the start function: ALKA_E_START_TRAPPED if that traps. `vtable`, `options`
 * may be NULL. */
ALKA_MUST_CHECK alka_status alka_engine_instantiate(struct alka_engine *engine,
                                                    struct alka_image *image,
                                                    const struct alka_vtable *vtable,
                                                    const struct alka_instance_options *options,
                                                    struct alka_instance **out_instance,
                                                    struct alka_instantiate_error *out_error);

/* Calls a function with `values` as in alka_call. `out_report` may be NULL. ALKA_E_OUT_OF_MEMORY if
 * there are no stacks for this thread; else ALKA_OK, and *out_trap says how it ended. */
ALKA_MUST_CHECK alka_status alka_engine_call(struct alka_engine *engine,
                                             const struct alka_func *func, uint64_t *values,
                                             enum alka_trap *out_trap,
                                             struct alka_trap_report *out_report);

/* The stacks of the calling thread, made if need be. For alka_call. */
ALKA_MUST_CHECK alka_status alka_engine_thread(struct alka_engine *engine,
                                               struct alka_thread **out_thread);

static inline struct alka_span alka_name(const char *text) {
    return (struct alka_span){(const uint8_t *)text, __builtin_strlen(text)};
}

#endif
