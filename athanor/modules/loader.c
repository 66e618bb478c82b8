/*
 * Modules that modules load at run time (loader.h has the rules). In: what a module asks for,
 * checked against what its manifest lets it pass on. Out: a module like the bundle's, and a handle
 * of it. It must never bind what the loader could not have passed on, nor reuse a place that
 * anything refers to.
 */
#include "modules/loader.h"
#include "console/log.h"
#include "mm/memory.h"
#include "mm/memory_map.h"
#include "modules/call.h"
#include "modules/postmortem.h"
#include "modules/supervision.h"
#include "modules/workers.h"
#include "sched/thread.h"
#include <string.h>

#define LOADER_RIGHTS (CAP_READ | CAP_WRITE | CAP_CONTROL | CAP_DELEGATE)

static bool loader_is_taken(const struct module *module) {
    return module->loaded != NULL && module->loaded->loader != NULL;
}

void loader_place(struct module *module, struct loaded *place) {
    struct alka_limits *limits = module->limits;
    struct holder *holder = module->holder;
    *place = (struct loaded){.loader = NULL};
    *module = (struct module){.id = BUNDLE_NO_INDEX,
                              .state = MODULE_VACANT,
                              .limits = limits,
                              .holder = holder,
                              .loaded = place,
                              .node = SUPERVISION_NONE};
}

/* --- Places. --- */

/* Nothing refers to what was there; `changed` may still have somebody who was told. */
static bool loader_is_over(const struct module *module) {
    bool is_used = module->workers != NULL || module->running > 0 || module->is_recovering ||
                   module->next_struck != NULL || module->instance != NULL;
    bool is_needed = module->image != NULL && module->image->references > 1;
    return loader_is_taken(module) && module->state == MODULE_VACANT && !is_used && !is_needed &&
           !holder_is_held(module->holder) && module->loaded->changed.first == NULL;
}

static void loader_refund(const struct module *module) {
    struct loader_use *uses = &module->loaded->loader->uses;
    uses->modules--;
    uses->memory_pages -= module->entry.memory_pages_max;
    uses->handles -= module->entry.handles_max;
    uses->code_bytes -= module->loaded->code_bytes;
}

static void loader_vacate(struct module *module) {
    struct loaded *loaded = module->loaded;
    if (module->image != NULL) {
        alka_image_release(module->image);
    }
    if (loaded->file != NULL) {
        memory_unmap_pages(loaded->file, loaded->file_held_bytes);
    }
    postmortem_drop(module);
    loader_refund(module);
    holder_move_out(module);
    loader_place(module, loaded);
}

static void loader_vacate_all(void) {
    struct module *module;
    for (uint32_t i = 0; (module = modules_at(i)) != NULL; i++) {
        if (loader_is_over(module)) {
            loader_vacate(module);
        }
    }
}

static struct module *loader_vacant(void) {
    struct module *module;
    loader_vacate_all();
    for (uint32_t i = 0; (module = modules_at(i)) != NULL; i++) {
        if (module->loaded != NULL && !loader_is_taken(module)) {
            return module;
        }
    }
    return NULL;
}

/* --- Unloading. --- */

static void loader_tell(struct module *module) {
    uint64_t flags = threads_lock();
    wait_wake_all(&module->loaded->changed);
    threads_unlock(flags);
}

/* All handles of it are dead from here on. */
static void loader_leave(struct module *module) {
    struct loaded *loaded = module->loaded;
    loaded->is_leaving = true;
    (void)!cap_close(&loaded->loader->table, loaded->root); /* or it was dead before */
    objects_settle();
    workers_wake_caretaker();
}

/* Who is at it sees that it is not wanted any more, and comes back here. */
static void loader_end(struct module *module) {
    module_stop(module);
    if (module->loaded->is_loading) {
        return;
    }
    module->state = MODULE_VACANT;
    log_info("%s: unloaded", module->name);
    loader_tell(module);
}

void loader_attend(void) {
    struct module *module;
    for (uint32_t i = 0; (module = modules_at(i)) != NULL; i++) {
        if (!loader_is_taken(module) || module->state == MODULE_VACANT) {
            continue;
        }
        if (!module->loaded->is_leaving && !holder_is_held(module->holder)) {
            loader_leave(module); /* its loader's life is over, or it closed its handle */
        }
        if (module->loaded->is_leaving) {
            loader_end(module);
        }
    }
    loader_vacate_all();
}

bool loader_is_settled(const struct module *module) {
    const struct loaded *loaded = module->loaded;
    return loaded == NULL ||
           (loader_is_taken(module) && !loaded->is_loading && !loaded->is_leaving);
}

void loader_released(const struct module *module) {
    if (module->state == MODULE_VACANT) {
        workers_wake_caretaker();
    }
}

/* --- Waiting. --- */

typedef bool loader_condition(const struct module *module);

static bool loader_is_loaded(const struct module *module) { return !module->loaded->is_loading; }
static bool loader_is_gone(const struct module *module) { return module->state == MODULE_VACANT; }

/* Until it is so, or `id` is not the module that is there any more. */
static alka_status loader_wait(struct module *module, uint32_t id, loader_condition *is_so,
                               uint64_t deadline_ns) {
    struct wait_entry *entry = &thread_this()->wait;
    alka_status status = ALKA_OK;
    uint64_t flags = threads_lock();
    while (status == ALKA_OK && module->id == id && !is_so(module)) {
        wait_join(&module->loaded->changed, entry);
        status = call_block(deadline_ns);
    }
    wait_leave(entry);
    threads_unlock(flags);
    loader_released(module);
    return status;
}

/* --- What may be loaded. --- */

/* Of a module, a supervisor or an object, so that a name means one thing. */
static bool loader_is_taken_name(const char *name) {
    struct object *object;
    for (uint32_t i = 0; objects_at(i, &object); i++) {
        if (object != NULL && strcmp(object->name, name) == 0) {
            return true;
        }
    }
    return modules_find(name) != NULL || supervision_find(name) != SUPERVISION_NONE;
}

static bool loader_has_room(uint32_t most, uint32_t used, uint64_t more) {
    return used <= most && more <= most - used;
}

/* Within what the manifest grants, with all that it has loaded before. */
static alka_status loader_may(const struct holder *loader, const struct loader_terms *terms) {
    const struct bundle_loader *may = &loader->may_load;
    const struct loader_use *uses = &loader->uses;
    /* What its version of now has not, it cannot pass on either. */
    uint64_t capabilities = may->capabilities & loader->module->entry.capabilities;
    bool asks_for_more = (terms->capabilities & ~capabilities) != 0 ||
                         ((terms->flags & LOADER_CALLS) != 0 && !may->passes_calls);
    if (may->modules == 0 || asks_for_more) {
        return ALKA_E_HANDLE_RIGHTS;
    }
    if ((terms->flags & ~(LOADER_CALLS | LOADER_SIBLINGS)) != 0 || !bundle_is_name(terms->name)) {
        return ALKA_E_SERVICE_ARGUMENT;
    }
    bool has_room = loader_has_room(may->modules, uses->modules, 1) &&
                    loader_has_room(may->memory_pages, uses->memory_pages, terms->memory_pages) &&
                    loader_has_room(may->handles, uses->handles, terms->handles) &&
                    loader_has_room(may->code_bytes, uses->code_bytes, terms->bytes.size);
    return has_room ? ALKA_OK : ALKA_E_SERVICE_LIMIT;
}

alka_status loader_admits(struct module *module, uint64_t code_bytes) {
    struct loaded *loaded = module->loaded;
    if (loaded == NULL) {
        return ALKA_OK;
    }
    if (loaded->is_leaving) {
        return ALKA_E_INTERRUPTED;
    }
    struct loader_use *uses = &loaded->loader->uses;
    if (!loader_has_room(loaded->loader->may_load.code_bytes, uses->code_bytes, code_bytes)) {
        log_error("%s: its %lu bytes of code are more than %s may load", module->name, code_bytes,
                  loaded->loader->module->name);
        return ALKA_E_SERVICE_LIMIT;
    }
    uses->code_bytes += (uint32_t)code_bytes;
    loaded->code_bytes += (uint32_t)code_bytes;
    return ALKA_OK;
}

const struct module *loader_sibling(const struct module *module, struct alka_span name) {
    const struct loaded *loaded = module->loaded;
    const struct module *sibling;
    if (loaded == NULL || (loaded->flags & LOADER_SIBLINGS) == 0) {
        return NULL;
    }
    for (uint32_t i = 0; (sibling = modules_next(&i)) != NULL; i++) {
        bool is_one = loader_is_taken(sibling) && sibling->loaded->loader == loaded->loader &&
                      sibling->state != MODULE_LOADING;
        if (is_one && strlen(sibling->name) == name.size &&
            memcmp(sibling->name, name.data, name.size) == 0) {
            return sibling;
        }
    }
    return NULL;
}

/* --- Loading. --- */

/* As a bundle would say it; what the terms do not say is as with the loader. */
static struct bundle_module loader_entry(const struct module *module, const struct holder *loader,
                                         const struct loader_terms *terms) {
    const struct bundle_module *like = &loader->module->entry;
    const struct bundle_text name = {module->name, terms->name.size};
    return (struct bundle_module){
        .name = name,
        .file = name,
        .capabilities = terms->capabilities,
        .memory_pages_max = terms->memory_pages,
        .version_of_idx = BUNDLE_NO_INDEX,
        .cpu_budget_us = like->cpu_budget_us,
        .cpu_period_us = like->cpu_period_us,
        .handles_max = terms->handles,
        .clock_resolution_ns = like->clock_resolution_ns,
        .gate_depth_max = like->gate_depth_max,
        .queue_places_max = like->queue_places_max,
        .log_rate_max = like->log_rate_max,
        .supervisor_idx = BUNDLE_NO_INDEX,
    };
}

static alka_status loader_copy_file(struct module *module, struct alka_span bytes) {
    struct loaded *loaded = module->loaded;
    uint64_t held = (bytes.size + MEMORY_PAGE_BYTES - 1) & ~(MEMORY_PAGE_BYTES - 1);
    if (held > 0) {
        ALKA_TRY(memory_map_pages(held, &loaded->file));
        memcpy(loaded->file, bytes.data, bytes.size);
    }
    loaded->file_held_bytes = held;
    module->entry.image = (struct alka_span){loaded->file, bytes.size};
    return ALKA_OK;
}

/* The place is taken from here on, whatever becomes of it. */
static alka_status loader_move_in(struct module *module, struct holder *loader,
                                  const struct loader_terms *terms) {
    struct loaded *loaded = module->loaded;
    memcpy(module->name, terms->name.data, terms->name.size);
    module->entry = loader_entry(module, loader, terms);
    module->state = MODULE_LOADING;
    *loaded = (struct loaded){.loader = loader,
                              .flags = terms->flags,
                              .code_bytes = (uint32_t)terms->bytes.size,
                              .is_loading = true};
    loader->uses.modules++;
    loader->uses.memory_pages += terms->memory_pages;
    loader->uses.handles += terms->handles;
    loader->uses.code_bytes += loaded->code_bytes;
    sched_account_init(&module->account, module->entry.cpu_budget_us * UINT64_C(1000),
                       module->entry.cpu_period_us * UINT64_C(1000));
    ALKA_TRY(holder_move_in(module, loader, terms->grants, terms->grant_count));
    ALKA_TRY(object_grant(loader, &module->holder->instance, LOADER_RIGHTS, &loaded->root));
    return loader_copy_file(module, terms->bytes);
}

static void loader_work(struct module *module, uint32_t epoch) {
    (void)epoch;
    if (!module->loaded->is_leaving) {
        module_load_late(module);
    }
    module->loaded->is_loading = false;
    loader_tell(module);
}

/* On a thread of its own. */
static alka_status loader_begin(struct module *module, struct holder *loader,
                                const struct loader_terms *terms) {
    alka_status status = loader_move_in(module, loader, terms);
    if (status == ALKA_OK) {
        status = workers_add_paid_job(module, loader_work, thread_this()->sched.priority,
                                      &loader->module->account);
    }
    if (status != ALKA_OK) {
        module->loaded->is_loading = false;
    }
    return status;
}

static alka_status loader_outcome(const struct module *module, uint32_t id) {
    if (module->id != id || module->loaded->is_leaving) {
        return ALKA_E_CLOSED;
    }
    return module->state == MODULE_REFUSED ? module->why : ALKA_OK;
}

alka_status loader_load(struct holder *loader, const struct loader_terms *terms,
                        uint64_t *out_handle) {
    struct module *module = loader_vacant();
    char name[BUNDLE_NAME_BYTES_MAX + 1] = "";
    ALKA_TRY(loader_may(loader, terms));
    memcpy(name, terms->name.data, terms->name.size);
    uint32_t id = modules_new_id();
    if (loader_is_taken_name(name)) {
        return ALKA_E_NAME_TAKEN;
    }
    if (module == NULL || id == 0) {
        return ALKA_E_SERVICE_LIMIT;
    }
    module->id = id;
    alka_status status = loader_begin(module, loader, terms);
    if (status == ALKA_OK) {
        status = loader_wait(module, id, loader_is_loaded, SCHED_NEVER);
    }
    if (status == ALKA_OK) {
        status = loader_outcome(module, id);
    }
    if (status == ALKA_OK) {
        *out_handle = module->loaded->root;
    } else if (module->id == id) {
        loader_leave(module);
    }
    return status;
}

/* --- With a handle. --- */

/* Of one that was loaded at run time. */
static alka_status loader_find(struct holder *holder, uint64_t handle, struct module **out_module) {
    struct object *object;
    ALKA_TRY(object_look(holder, handle, CAP_INSTANCE, CAP_CONTROL, &object));
    *out_module = holder_of_instance(object)->module;
    return (*out_module)->loaded != NULL ? ALKA_OK : ALKA_E_HANDLE_KIND;
}

static uint32_t loader_threads(const struct holder *loader) {
    uint32_t count = 0;
    const struct module *module;
    for (uint32_t i = 0; (module = modules_next(&i)) != NULL; i++) {
        bool is_one = loader_is_taken(module) && module->loaded->loader == loader;
        count += is_one ? workers_calling(module) : 0;
    }
    return count;
}

alka_status loader_start(struct holder *holder, uint64_t handle, struct alka_span function) {
    struct module *module;
    const struct bundle_text name = {(const char *)function.data, (uint32_t)function.size};
    ALKA_TRY(loader_find(holder, handle, &module));
    if (function.size > BUNDLE_TEXT_BYTES_MAX) {
        return ALKA_E_NO_SUCH_NAME;
    }
    switch (call_prospect(module, name)) {
    case CALL_NOT_READY:
        return ALKA_E_CLOSED;
    case CALL_NO_EXPORT:
        return ALKA_E_NO_SUCH_NAME;
    case CALL_WRONG_TYPE:
        return ALKA_E_SERVICE_ARGUMENT;
    case CALL_RETURNED:
    case CALL_TRAPPED:
        break;
    }
    const struct holder *loader = module->loaded->loader;
    if (loader_threads(loader) >= loader->may_load.threads) {
        return ALKA_E_SERVICE_LIMIT;
    }
    return workers_add(module, name, thread_this()->sched.priority, false);
}

/* The SDK's enum athanor_module_is. */
static uint32_t loader_state_number(const struct module *module) {
    enum { READY = 1, RUNNING, TRAPPED, STOPPED, ABSENT };
    switch (module->state) {
    case MODULE_READY:
        return READY;
    case MODULE_RUNNING:
        return RUNNING;
    case MODULE_TRAPPED:
        return TRAPPED;
    case MODULE_STOPPED:
    case MODULE_DOWN:
        return STOPPED;
    case MODULE_REFUSED:
    case MODULE_UNLOADED:
    case MODULE_SPARE:
    case MODULE_WARM:
    case MODULE_LOADING:
    case MODULE_VACANT:
        break;
    }
    return ABSENT;
}

alka_status loader_look(struct holder *holder, uint64_t handle, struct loader_state *out) {
    struct object *object;
    ALKA_TRY(object_look(holder, handle, CAP_INSTANCE, CAP_READ, &object));
    const struct module *module = holder_of_instance(object)->module;
    const struct alka_instance *instance = module->instance;
    uint64_t memory_bytes = instance != NULL ? instance->context->memory_bytes : 0;
    *out = (struct loader_state){
        .state = loader_state_number(module),
        .threads = workers_calling(module),
        .ended = (uint32_t)module->threads_ended,
        .last = module->last_result,
        .memory_pages = (uint32_t)(memory_bytes / ALKA_WASM_PAGE_BYTES),
        .code_bytes = (uint32_t)module->native_code_bytes,
        .traps = module->traps,
        .restarts = module->restarts,
    };
    return ALKA_OK;
}

alka_status loader_unload_module(struct module *module, uint64_t deadline_ns) {
    uint32_t id = module->id;
    loader_leave(module);
    return loader_wait(module, id, loader_is_gone, deadline_ns);
}

alka_status loader_unload(struct holder *holder, uint64_t handle) {
    struct module *module;
    ALKA_TRY(loader_find(holder, handle, &module));
    return loader_unload_module(module, SCHED_NEVER);
}
