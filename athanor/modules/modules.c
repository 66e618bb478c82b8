/*
 * The list of modules and the boot's way through it. In: the bundle. Out:
 * modules loaded in the bundle's order, then their start functions called. One
 * module's failure is its own.
 */
#include "modules/modules.h"
#include "console/log.h"
#include "crucible/crucible.h"
#include "mm/memory.h"
#include "modules/call.h"
#include "modules/loader.h"
#include "modules/postmortem.h"
#include "modules/recover.h"
#include "modules/supervision.h"
#include "modules/workers.h"
#include "objects/events.h"
#include "objects/log_channel.h"
#include "objects/objects.h"
#include "sched/thread.h"
#include "trace/trace.h"
#include <string.h>

struct alka_registry modules_registry;
bool modules_trust_blobs;

static struct bundle modules_bundle;
static struct module *modules_list;
static struct alka_limits *modules_limits; /* one per module; swaps exchange who has which */
static uint32_t
    modules_count; /* with the places behind the bundle's, without those that are lent */
static uint32_t modules_next_id;
static struct module modules_lent[MODULES_LENT_MAX];
static uint32_t modules_lent_count;

/* A thread that shall end, in module code. */
static void modules_end(struct alka_thread *stacks, struct trap_frame *frame) {
    (void)modules_end_call(stacks->owner, frame);
}

static void modules_lack_memory(void) {
    log_line(ALKA_LOG_WARNING, "memory is scarce: modules with an event of their own are told");
    events_tell_all(EVENT_MEMORY);
}

void modules_start(bool trust_blobs) {
    modules_trust_blobs = trust_blobs;
    threads_set_ender(modules_end);
    if (workers_start() != ALKA_OK) {
        log_error("no memory for the caretaker: threads of modules are not given back");
    }
    alka_registry_init(&modules_registry, &crucible);
}

struct module *modules_at(uint32_t index) {
    if (index < modules_count) {
        return &modules_list[index];
    }
    return index - modules_count < modules_lent_count ? &modules_lent[index - modules_count] : NULL;
}

uint32_t modules_index(const struct module *module) {
    uint64_t lent_bytes = (uint64_t)module - (uint64_t)modules_lent;
    return lent_bytes < sizeof modules_lent ? modules_count + (uint32_t)(module - modules_lent)
                                            : (uint32_t)(module - modules_list);
}

struct module *modules_lend(const char *name) {
    if (modules_lent_count == MODULES_LENT_MAX) {
        return NULL;
    }
    struct module *module = &modules_lent[modules_lent_count];
    const struct bundle_text text = {name, (uint32_t)strlen(name)};
    *module = (struct module){
        .id = modules_count + modules_lent_count,
        .state = MODULE_READY,
        .node = SUPERVISION_NONE,
        .entry = {.name = text, .version_of_idx = BUNDLE_NO_INDEX, .clock_resolution_ns = 1},
    };
    memcpy(module->name, text.data, text.size);
    sched_account_init(&module->account, 0, 0);
    if (!objects_lend(module, modules_lent_count)) {
        return NULL;
    }
    modules_lent_count++;
    return module;
}

void modules_take_back(void) {
    for (uint32_t i = modules_lent_count; i-- > 0;) {
        module_stop(&modules_lent[i]);
        postmortem_drop(&modules_lent[i]);
        objects_take_back(i);
    }
    modules_lent_count = 0;
}

struct module *modules_next(uint32_t *index) {
    while (*index < modules_count && modules_list[*index].state == MODULE_VACANT) {
        ++*index;
    }
    return *index < modules_count ? &modules_list[*index] : NULL;
}

struct module *modules_find(const char *name) {
    struct module *module;
    for (uint32_t i = 0; (module = modules_next(&i)) != NULL; i++) {
        if (strcmp(module->name, name) == 0) {
            return module;
        }
    }
    return NULL;
}

struct module *modules_by_id(uint32_t id) {
    bool is_lent = id >= modules_count && id - modules_count < MODULES_LENT_MAX;
    if (id < modules_bundle.module_count || is_lent) {
        return modules_at(id);
    }
    for (uint32_t i = modules_bundle.module_count; i < modules_count && id != BUNDLE_NO_INDEX;
         i++) {
        if (modules_list[i].id == id) {
            return &modules_list[i];
        }
    }
    return NULL;
}

uint32_t modules_new_id(void) { return modules_next_id < BUNDLE_NO_INDEX ? modules_next_id++ : 0; }

const char *modules_name_of(const struct alka_image *image) {
    for (uint32_t i = 0; i < modules_count; i++) {
        if (modules_list[i].image == image) {
            return modules_list[i].name;
        }
    }
    return "?";
}

const char *module_state_name(enum module_state state) {
    static const char *const names[] = {"refused", "ready",    "running", "trapped",
                                        "stopped", "unloaded", "spare",   "down",
                                        "warm",    "loading",  "vacant"};
    return names[state];
}

static bool modules_is_expected(const struct call_result *result, uint32_t expect) {
    if (expect == BUNDLE_EXPECT_RETURN) {
        return result->outcome == CALL_RETURNED && result->code == 0;
    }
    return result->outcome == CALL_TRAPPED &&
           (expect == BUNDLE_EXPECT_ANY_TRAP || call_trap_code(result->trap) == expect);
}

void module_load_late(struct module *module) { module_load(module, &modules_bundle); }

bool module_make(struct module *module) {
    if (!loader_is_settled(module)) {
        log_error("%s: is %s", module->name, module_state_name(module->state));
    } else if (module->image == NULL) {
        module_load(module, &modules_bundle);
    } else if (module->instance == NULL && module_instantiate(module, &modules_bundle) != ALKA_OK) {
        log_error("%s: cannot be started", module->name);
    }
    return module->instance != NULL;
}

bool module_revive(struct module *module) {
    bool is_made = module_make(module);
    if (is_made) {
        module_open(module);
    }
    return is_made;
}

/* Only what was stopped runs again by being run. */
static bool modules_can_run(struct module *module) {
    bool can_be_revived = module->state == MODULE_STOPPED && module->node == SUPERVISION_NONE;
    return module->instance != NULL || (can_be_revived && module_revive(module));
}

const struct module *module_importer(const struct module *module) {
    for (uint32_t i = 0; i < modules_count && module->instance != NULL; i++) {
        const struct alka_instance *instance = modules_list[i].instance;
        uint32_t count = instance != NULL ? instance->image->module.import_count : 0;
        for (uint32_t import = 0; import < count; import++) {
            if (instance->imports[import].owner == module->instance) {
                return &modules_list[i];
            }
        }
    }
    return NULL;
}

uint64_t module_mapped_pages(const struct module *module) {
    const struct alka_instance *instance = module->instance;
    if (instance == NULL) {
        return 0;
    }
    const struct alka_module *tables = &instance->image->module;
    uint64_t bytes = instance->slot_context_bytes + pristine_bytes(module->pristine);
    for (uint32_t i = 0; i < tables->memory_count - tables->imported_memories; i++) {
        bytes += instance->own_memories[i].committed_bytes;
    }
    return bytes / ALKA_PAGE_BYTES;
}

void module_run_function(struct module *module, const char *function, uint64_t limit_ns,
                         struct call_result *out) {
    const struct bundle_text name = {function, (uint32_t)strlen(function)};
    (void)modules_can_run(module); /* else the call says that it is not ready */
    call_export(module, name, limit_ns, out);
    call_log(module, name, out, out->outcome == CALL_RETURNED);
}

bool module_run_start(struct module *module, uint32_t start_idx, uint64_t limit_ns) {
    struct bundle_start start = bundle_start(&modules_bundle, &module->entry, start_idx);
    struct call_result result;
    module->expects_trap = start.expect != BUNDLE_EXPECT_RETURN;
    call_export(module, start.function, limit_ns, &result);
    module->expects_trap = false;
    bool expected = modules_is_expected(&result, start.expect);
    call_log(module, start.function, &result, expected);
    return expected;
}

uint32_t module_run(struct module *module, uint64_t limit_ns, uint32_t *out_calls) {
    uint32_t unexpected = 0, count = module->entry.start_count;
    bool can_run = modules_can_run(module);
    if (out_calls != NULL) {
        *out_calls = count;
    }
    if (!can_run) { /* the log says why */
        return count;
    }
    for (uint32_t i = 0; i < count; i++) {
        unexpected += module_run_start(module, i, limit_ns) ? 0 : 1;
    }
    return unexpected;
}

struct bundle_thread modules_thread(const struct module *module, uint32_t index) {
    return bundle_thread(&modules_bundle, &module->entry, index);
}

/* What the bundle says of them; nothing is loaded yet. */
static void modules_enter_all(struct loaded *places) {
    for (uint32_t i = 0; i < modules_count; i++) {
        struct module *module = &modules_list[i];
        if (i >= modules_bundle.module_count) {
            module->limits = &modules_limits[i];
            loader_place(module, places++);
            continue;
        }
        module->id = i;
        module->entry = bundle_module(&modules_bundle, i);
        memcpy(module->name, module->entry.name.data, module->entry.name.size);
        module->limits = &modules_limits[i];
        module->node = SUPERVISION_NONE;
        if (module->entry.version_of_idx != BUNDLE_NO_INDEX) {
            module->of = &modules_list[module->entry.version_of_idx];
            module->state = MODULE_SPARE;
        } else if (module->entry.loads_later) {
            module->state = MODULE_UNLOADED;
        }
        sched_account_init(&module->account, module->entry.cpu_budget_us * UINT64_C(1000),
                           module->entry.cpu_period_us * UINT64_C(1000));
    }
    trace_named();
}

/* Versions wait for a swap, others for somebody who asks for them. */
static bool modules_is_at_boot(const struct module *module) {
    return module->of == NULL && !module->entry.loads_later;
}

static void modules_load_all(struct modules_summary *out) {
    for (uint32_t i = 0; i < modules_bundle.module_count; i++) {
        if (!modules_is_at_boot(&modules_list[i])) {
            continue;
        }
        module_load(&modules_list[i], &modules_bundle);
        out->modules++;
        out->refused += modules_list[i].state == MODULE_REFUSED ? 1 : 0;
        modules_list[i].is_fresh = true;
    }
}

static void modules_supervise(void) {
    if (supervision_start(&modules_bundle) == ALKA_OK) {
        return;
    }
    log_error("no memory for supervisors: nobody is supervised");
    for (uint32_t i = 0; i < modules_bundle.module_count; i++) {
        modules_list[i].node = SUPERVISION_NONE;
    }
}

/* Start functions and threads, in the order of the manifest. */
static void modules_run_all(struct modules_summary *out) {
    for (uint32_t i = 0; i < modules_bundle.module_count; i++) {
        out->unexpected += supervision_boot(i, &out->starts);
        if (!modules_is_at_boot(&modules_list[i]) || modules_list[i].node != SUPERVISION_NONE) {
            continue;
        }
        uint32_t calls;
        out->unexpected += module_run(&modules_list[i], MODULES_START_LIMIT_NS, &calls);
        out->starts += calls;
        workers_add_all(&modules_list[i]);
    }
    out->unexpected += supervision_boot(modules_bundle.module_count, &out->starts);
}

/* For all modules that there can be. */
static bool modules_take_places(void) {
    uint32_t loaded = 0;
    for (uint32_t i = 0; i < modules_bundle.module_count; i++) {
        loaded += bundle_module(&modules_bundle, i).loader.modules;
    }
    uint32_t count = modules_bundle.module_count + loaded;
    struct loaded *places = memory_take(loaded * sizeof *places);
    modules_list = memory_take(count * sizeof *modules_list);
    modules_limits = memory_take(count * sizeof *modules_limits);
    if ((loaded > 0 && places == NULL) ||
        (count > 0 && (modules_list == NULL || modules_limits == NULL))) {
        return false;
    }
    modules_count = count;
    modules_next_id = count + MODULES_LENT_MAX;
    modules_enter_all(places);
    return true;
}

const char *modules_open_bundle(struct alka_span bytes, struct modules_summary *out) {
    *out = (struct modules_summary){0};
    enum bundle_error error = bundle_open(bytes, &modules_bundle);
    if (error != BUNDLE_OK) {
        return bundle_error_text(error);
    }
    const char *scheduler = bundle_scheduler_name(bundle_scheduler(&modules_bundle));
    if (scheduler != NULL) {
        threads_suggest_policy(scheduler);
    }
    if (!modules_take_places()) {
        return "no memory for the list of modules";
    }
    const char *why = objects_start(&modules_bundle);
    if (why != NULL) {
        modules_count = 0;
        return why;
    }
    log_channel_start();
    crucible_watch(modules_lack_memory);
    modules_load_all(out);
    modules_supervise();
    modules_run_all(out);
    return NULL;
}
