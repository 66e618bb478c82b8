/*
 * The host side of the façade: what Linux gives to the freestanding libraries. Files: crucible.c
 * (pages), stacks.c (control and data stacks of threads), wait.c (threads that wait), signals.c
 * (faults), engine.c (the façade).
 */
#ifndef ALKAHEST_HOST_H
#define ALKAHEST_HOST_H

#include <alkahest.h>

#include <stdatomic.h>

/* Stacks of one thread for one engine. In the list of its thread and in that of its engine. */
struct host_thread {
    struct host_thread *next_of_thread, *next_of_engine;
    struct alka_engine *_Atomic engine; /* NULL: closed, its thread may forget it */
    struct alka_thread *thread;
    void *control, *data; /* mappings */
    size_t control_bytes, data_bytes;
    struct alka_trap_report report;
};

/* A slot that was released and waits for the next instance: its context and what is open of the
 * space behind it are zero, and nothing else can be accessed. */
struct host_slot {
    uint64_t low; /* of the context; 0: none */
    size_t context_bytes;
    uint64_t open_bytes; /* readable and writable, from the context on */
    uint64_t reserve_bytes;
};

enum { HOST_SPARE_SLOTS = 4 };

struct alka_engine {
    struct alka_registry registry;
    struct alka_crucible crucible;
    struct alka_engine_options options;
    struct host_thread *threads;
    struct host_slot spare_slots[HOST_SPARE_SLOTS];
};

/* crucible.c */
void host_crucible_init(struct alka_crucible *crucible, struct alka_engine *engine);
/* Gives the spare slots back to Linux. */
void host_slots_drop(struct alka_engine *engine);

/* stacks.c */
ALKA_MUST_CHECK alka_status host_thread_get(struct alka_engine *engine,
                                            struct host_thread **out_thread);
/* Takes the stacks of all threads; none of them is in module code. */
void host_threads_drop(struct alka_engine *engine);
/* The calling thread's stacks that hold this rsp; NULL if none do. Safe in signal handlers. */
struct host_thread *host_thread_at(uint64_t rsp);

/* wait.c: threads that wait at addresses, for the Crucible. */
enum alka_wake host_wait(void *self, const void *address, uint32_t bytes, uint64_t expected,
                         int64_t timeout_ns);
uint32_t host_notify(void *self, const void *address, uint32_t count);

/* signals.c: puts the handlers in front of whoever has the signals now. */
ALKA_MUST_CHECK alka_status host_signals_install(void);
/* Sees to it that the calling thread handles signals on a stack of their own. */
ALKA_MUST_CHECK alka_status host_signals_stack(void);

#endif
