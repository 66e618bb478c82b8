/*
 * Room: host. Control and data stacks: one pair per thread and engine, made at the thread's first
 * call, found again by the fault handler through a list of the thread's own. Comes in: an engine.
 * Goes out: a struct alka_thread. Must never free what the signal handler of another thread may be
 * looking at: entries are forgotten by their own thread only.
 */
#include "host.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    STACKS_CONTROL_GUARD_BYTES = 64 << 10,
    /* Instrumented host functions take several times the stack. */
    STACKS_HOST_ROOM_BYTES = 256 << 10,
    STACKS_DATA_BYTES = 16 << 20,
};

static _Thread_local struct host_thread *stacks_of_thread;
/* Guards the lists of engines, which threads that end take themselves out of. */
static pthread_mutex_t stacks_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t stacks_key;
static pthread_once_t stacks_once = PTHREAD_ONCE_INIT;

static void stacks_unmap(struct host_thread *thread) {
    if (thread->control)
        munmap(thread->control, thread->control_bytes);
    if (thread->data)
        munmap(thread->data, thread->data_bytes);
    thread->control = NULL;
    thread->data = NULL;
}

static void stacks_leave_engine(struct host_thread *thread) {
    pthread_mutex_lock(&stacks_lock);
    struct alka_engine *engine = thread->engine;
    if (engine) {
        struct host_thread **at = &engine->threads;
        while (*at != thread)
            at = &(*at)->next_of_engine;
        *at = thread->next_of_engine;
        stacks_unmap(thread);
    }
    pthread_mutex_unlock(&stacks_lock);
}

/* At the end of a thread. */
static void stacks_forget_all(void *list) {
    stacks_of_thread = NULL;
    for (struct host_thread *thread = list; thread;) {
        struct host_thread *next = thread->next_of_thread;
        stacks_leave_engine(thread);
        free(thread);
        thread = next;
    }
}

static void stacks_make_key(void) { (void)pthread_key_create(&stacks_key, stacks_forget_all); }

/* The control stack must be aligned to its size: map twice as much, give the rest back. */
static bool stacks_map_control(struct host_thread *thread) {
    size_t bytes = ALKA_CONTROL_STACK_BYTES;
    uint8_t *twice =
        mmap(NULL, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (twice == MAP_FAILED)
        return false;
    size_t before = (bytes - ((uintptr_t)twice & (bytes - 1))) & (bytes - 1);
    if (before)
        munmap(twice, before);
    munmap(twice + before + bytes, bytes - before);
    thread->control = twice + before;
    thread->control_bytes = bytes;
    return mprotect(twice + before + STACKS_CONTROL_GUARD_BYTES, bytes - STACKS_CONTROL_GUARD_BYTES,
                    PROT_READ | PROT_WRITE) == 0;
}

static bool stacks_map_data(struct host_thread *thread) {
    size_t bytes = ALKA_DATA_GUARD_BYTES + STACKS_DATA_BYTES;
    void *data = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED)
        return false;
    thread->data = data;
    thread->data_bytes = bytes;
    return mprotect((uint8_t *)data + ALKA_DATA_GUARD_BYTES, STACKS_DATA_BYTES,
                    PROT_READ | PROT_WRITE) == 0;
}

static void stacks_describe(struct host_thread *thread) {
    uint64_t control = (uint64_t)thread->control, data = (uint64_t)thread->data;
    thread->thread = alka_thread_make(&(struct alka_stacks){
        .control_base = control,
        .control_limit = control + STACKS_CONTROL_GUARD_BYTES,
        .host_room_bytes = STACKS_HOST_ROOM_BYTES,
        .data_limit = data + ALKA_DATA_GUARD_BYTES,
        .data_top = data + thread->data_bytes,
        .data_guard_bytes = ALKA_DATA_GUARD_BYTES,
    });
    thread->thread->owner = thread;
    thread->thread->report = &thread->report;
}

static alka_status stacks_make(struct alka_engine *engine, struct host_thread **out_thread) {
    pthread_once(&stacks_once, stacks_make_key);
    ALKA_TRY(host_signals_stack());
    struct host_thread *thread = calloc(1, sizeof *thread);
    if (!thread)
        return ALKA_E_OUT_OF_MEMORY;
    if (!stacks_map_control(thread) || !stacks_map_data(thread) ||
        pthread_setspecific(stacks_key, thread) != 0) {
        stacks_unmap(thread);
        free(thread);
        return ALKA_E_OUT_OF_MEMORY;
    }
    stacks_describe(thread);
    thread->engine = engine;
    pthread_mutex_lock(&stacks_lock);
    thread->next_of_engine = engine->threads;
    engine->threads = thread;
    pthread_mutex_unlock(&stacks_lock);
    thread->next_of_thread = stacks_of_thread;
    stacks_of_thread = thread;
    *out_thread = thread;
    return ALKA_OK;
}

/* Entries whose engine was closed. */
static void stacks_forget_closed(void) {
    struct host_thread **at = &stacks_of_thread;
    while (*at) {
        struct host_thread *thread = *at;
        if (thread->engine) {
            at = &thread->next_of_thread;
            continue;
        }
        *at = thread->next_of_thread;
        free(thread);
    }
}

alka_status host_thread_get(struct alka_engine *engine, struct host_thread **out_thread) {
    for (struct host_thread *thread = stacks_of_thread; thread; thread = thread->next_of_thread) {
        if (thread->engine == engine) {
            *out_thread = thread;
            return ALKA_OK;
        }
    }
    stacks_forget_closed();
    return stacks_make(engine, out_thread);
}

void host_threads_drop(struct alka_engine *engine) {
    pthread_mutex_lock(&stacks_lock);
    for (struct host_thread *thread = engine->threads; thread; thread = thread->next_of_engine) {
        stacks_unmap(thread);
        thread->engine = NULL;
    }
    engine->threads = NULL;
    pthread_mutex_unlock(&stacks_lock);
    stacks_forget_closed();
    (void)pthread_setspecific(stacks_key, stacks_of_thread);
}

struct host_thread *host_thread_at(uint64_t rsp) {
    for (struct host_thread *thread = stacks_of_thread; thread; thread = thread->next_of_thread)
        if (thread->engine && rsp - (uint64_t)thread->control < thread->control_bytes)
            return thread;
    return NULL;
}
