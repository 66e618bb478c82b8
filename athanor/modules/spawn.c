/*
 * Threads that call one export and end. In: a module and a name, which is copied. Out: a line in
 * the log. Their memory is given back when the next one begins.
 */
#include "modules/spawn.h"
#include "console/format.h"
#include "modules/call.h"
#include "sched/thread.h"
#include "time/clock.h"
#include <string.h>

struct spawned {
    struct thread *thread; /* NULL: free */
    struct module *module;
    char function[THREAD_NAME_BYTES * 2];
};

static struct spawned spawn_list[SPAWN_MOST];

static void spawn_run(void *arg) {
    const struct spawned *self = arg;
    const struct bundle_text function = {self->function, (uint32_t)strlen(self->function)};
    struct call_result result;
    call_export(self->module, function, 0, &result);
    call_log(self->module, function, &result, result.outcome == CALL_RETURNED);
}

/* One that is free, or has ended. */
static struct spawned *spawn_find(void) {
    for (uint32_t i = 0; i < SPAWN_MOST; i++) {
        struct spawned *spawned = &spawn_list[i];
        if (spawned->thread == NULL || thread_join(spawned->thread, clock_ns()) == ALKA_OK) {
            spawned->thread = NULL;
            return spawned;
        }
    }
    return NULL;
}

const char *spawn(struct module *module, const char *function) {
    struct spawned *spawned = spawn_find();
    if (spawned == NULL) {
        return "enough is running in the background already";
    }
    if (strlen(function) >= sizeof spawned->function) {
        return "this name is too long";
    }
    spawned->module = module;
    memcpy(spawned->function, function, strlen(function) + 1);
    if (thread_make(module->name, NULL, SCHED_PRIORITY_NORMAL, spawn_run, spawned,
                    &spawned->thread) != ALKA_OK) {
        spawned->thread = NULL;
        return "no memory for a thread";
    }
    thread_start(spawned->thread);
    return NULL;
}
