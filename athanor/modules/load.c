/*
 * Loading one module: the bundle's bytes through a session into the registry.
 * In: an entry of the bundle, its bytes hostile. Out: an image and an instance,
 * or a diagnostic in the log. What the manifest does not grant is not bound.
 */
#include "console/log.h"
#include "cpu/features.h"
#include "cpu/x86.h"
#include "crucible/crucible.h"
#include "modules/call.h"
#include "modules/evict.h"
#include "modules/loader.h"
#include "modules/modules.h"
#include "modules/news.h"
#include "modules/recover.h"
#include "modules/workers.h"
#include "objects/buffers.h"
#include "objects/objects.h"
#include "sched/thread.h"
#include "services/services.h"
#include "time/clock.h"
#include "trace/trace.h"
#include <alkahest/render.h>
#include <alkahest/session.h>
#include <string.h>

#define LOAD_DIAG_BYTES 1024u

/* What alka_vtable.lookup gets. */
struct load_scope {
    const struct bundle *bundle;
    const struct module *module;
};

static bool load_text_is(struct bundle_text text, struct alka_span span) {
    return text.size == span.size && memcmp(text.data, span.data, span.size) == 0;
}

/* Who came at run time may call what its loader passes on. */
static const struct bundle_module *load_calls_of(const struct module *module) {
    const struct loaded *loaded = module->loaded;
    bool has_loaders = loaded != NULL && (loaded->flags & LOADER_CALLS) != 0;
    return has_loaders ? &loaded->loader->module->entry : &module->entry;
}

/* What the caller gets in place of a result: the smallest integer of its type, or 0. */
static uint64_t load_gate_error(const struct alka_functype *type) {
    return type->result_count == 1 && type->results[0] == ALKA_I32 ? UINT64_C(1) << 31
                                                                   : UINT64_C(1) << 63;
}

static alka_status load_gate(const struct module *importer, const struct module *peer,
                             bool returns_errors, struct alka_extern *out_extern) {
    const struct alka_functype *type = alka_func_type(out_extern->func);
    const struct loaded *loaded = importer->loaded;
    out_extern->gate_policy = returns_errors ? ALKA_GATE_RETURNS : ALKA_GATE_TRAPS;
    out_extern->gate_error = load_gate_error(type);
    out_extern->gate_depth_max = loaded != NULL ? loaded->loader->module->entry.gate_depth_max
                                                : importer->entry.gate_depth_max;
    if (returns_errors && !alka_link_can_answer(type)) {
        log_error("%s: on_trap = \"error\": %s has a function with several results, or a reference",
                  importer->name, peer->name);
        return ALKA_E_IMPORT_TYPE;
    }
    return ALKA_OK;
}

/* Of others' memories, tables and globals there is no way back for who may go at any time. */
static alka_status load_export(const struct module *importer, const struct module *peer,
                               struct alka_span name, bool returns_errors,
                               struct alka_extern *out_extern) {
    if (peer->instance == NULL || !alka_instance_export(peer->instance, name, out_extern)) {
        return ALKA_E_UNKNOWN_IMPORT;
    }
    if (importer->loaded != NULL && out_extern->kind != ALKA_EXTERN_FUNC) {
        return ALKA_E_IMPORT_FORBIDDEN;
    }
    if (out_extern->kind == ALKA_EXTERN_FUNC) {
        return load_gate(importer, peer, returns_errors, out_extern);
    }
    return ALKA_OK;
}

/* The peer's export, if the manifest lists the call. Peers come before their
 * callers, so they are loaded, or refused. */
static alka_status load_lookup(void *self, const struct alka_import *import,
                               struct alka_extern *out_extern) {
    const struct load_scope *scope = self;
    const struct bundle_module *entry = load_calls_of(scope->module);
    alka_status status = ALKA_E_UNKNOWN_IMPORT;
    const struct module *peer = loader_sibling(scope->module, import->module);
    bool returns_errors = false;
    for (uint32_t i = 0; i < entry->call_count && peer == NULL; i++) {
        struct bundle_call call = bundle_call(scope->bundle, entry, i);
        struct module *candidate = modules_at(call.peer_idx);
        const struct bundle_text name = {candidate->name, (uint32_t)strlen(candidate->name)};
        if (!load_text_is(name, import->module)) {
            continue;
        }
        status = ALKA_E_IMPORT_FORBIDDEN; /* unless this very function is listed */
        peer = load_text_is(call.function, import->name) ? candidate : NULL;
        returns_errors = call.returns_errors;
    }
    return peer == NULL
               ? status
               : load_export(scope->module, peer, import->name, returns_errors, out_extern);
}

static struct alka_vtable load_vtable(const struct load_scope *scope) {
    return (struct alka_vtable){
        .rows = services_rows,
        .row_count = services_row_count,
        .granted = scope->module->entry.capabilities,
        .lookup = load_lookup,
        .self = (void *)scope,
    };
}

alka_cpu_set modules_cpu(void) {
    static const struct {
        enum cpu_feature ours;
        alka_cpu_set theirs;
    } pairs[] = {
        {CPU_SSE3, ALKA_CPU_SSE3},   {CPU_SSSE3, ALKA_CPU_SSSE3},   {CPU_SSE41, ALKA_CPU_SSE41},
        {CPU_SSE42, ALKA_CPU_SSE42}, {CPU_POPCNT, ALKA_CPU_POPCNT}, {CPU_AVX, ALKA_CPU_AVX},
        {CPU_AVX2, ALKA_CPU_AVX2},   {CPU_BMI1, ALKA_CPU_BMI1},     {CPU_BMI2, ALKA_CPU_BMI2},
        {CPU_LZCNT, ALKA_CPU_LZCNT}, {CPU_FMA, ALKA_CPU_FMA},
    };
    alka_cpu_set set = 0;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        set |= cpu_features.has[pairs[i].ours] ? pairs[i].theirs : 0;
    }
    return set;
}

static struct alka_instance_options load_instance_options(struct module *module) {
    return (struct alka_instance_options){
        .user = (uint64_t)module,
        .name = {(const uint8_t *)module->name, strlen(module->name)},
    };
}

/* The diagnostic in full, line by line. */
static void load_log_diag(const struct module *module, const struct alka_diag *diag,
                          const struct alka_module *tables) {
    char text[LOAD_DIAG_BYTES];
    const struct alka_render_context context = {module->name, module->entry.image, tables};
    alka_render(diag, &context, text, sizeof text);
    for (const char *line = text; *line != '\0';) {
        const char *end = line;
        while (*end != '\0' && *end != '\n') {
            end++;
        }
        log_info("%.*s", (int)(end - line), line);
        line = *end == '\n' ? end + 1 : end;
    }
}

/* A start section's call, and how it ended. */
struct load_call {
    struct call call;
    struct alka_trap_report report;
};

/* Those that a start section took with it. */
static void load_recover(const struct load_call *start) {
    static const char called[] = "start section";
    call_recover((struct bundle_text){called, sizeof called - 1}, &start->report,
                 &start->call.fault);
}

/* Whoever ended it from outside may have held the images that its report names. */
static void load_forget(const struct module *module, struct load_call *start) {
    call_release(&start->call, &start->report);
    loader_released(module);
}

/* The start section's function, which runs before anything else can be called.
 */
static alka_status load_start(struct module *module, struct load_call *out) {
    uint32_t life = ++module->life;
    holder_renew(module);
    call_begin(&out->call, MODULES_START_LIMIT_NS, &out->report);
    struct sched_account *payer = thread_charge(&module->account);
    enum alka_trap trap = ALKA_TRAP_NONE;
    if (module->life == life) { /* else it has no instance any more, or another one */
        if (module->instance->image->module.start_function != ALKA_NO_INDEX) {
            call_note_first();
        }
        trap = alka_instance_start(module->instance, alka_thread_here());
    }
    (void)thread_charge(payer);
    call_end(&out->call);
    if (module->life != life) { /* somebody has stopped it, or made it new, meanwhile */
        return ALKA_E_INTERRUPTED;
    }
    if (trap == ALKA_TRAP_NONE) {
        return ALKA_OK;
    }
    log_error("%s: its start section trapped: ALKA_%u %s", module->name, call_trap_code(trap),
              alka_code_text(call_trap_code(trap)));
    return ALKA_E_START_TRAPPED;
}

/* What a reset goes back to. */
static alka_status load_pristine(struct module *module) {
    module->pristine = pristine_take(module->instance);
    if (module->pristine == NULL) {
        log_error("%s: no memory for its pristine image", module->name);
        return ALKA_E_OUT_OF_MEMORY;
    }
    return ALKA_OK;
}

/* An .alk file instead of a module: its code is not compiled but taken as it
 * is. */
static alka_status load_code(struct alka_session *session, const struct alka_blob *blob) {
    /* Long, and the session's own business: others may run meanwhile. */
    struct thread *self = thread_this();
    self->is_preemptible = true;
    alka_status status = alka_session_validate(session);
    if (status == ALKA_OK) {
        status = blob == NULL ? alka_session_compile(session) : alka_session_load(session, blob);
    }
    self->is_preemptible = false;
    return status;
}

static alka_status load_session(struct alka_session *session, const struct load_scope *scope,
                                struct module *module, const struct alka_blob *blob) {
    struct alka_vtable vtable = load_vtable(scope);
    struct alka_instance_options options = load_instance_options(module);
    alka_status status = load_code(session, blob);
    if (status == ALKA_OK) {
        ALKA_TRY(loader_admits(module, session->code.text_bytes));
        status = alka_session_link(session, &vtable, &options);
    }
    module->native_code_bytes = session->native_code_bytes;
    if (status != ALKA_OK) {
        load_log_diag(module, &session->diag, &session->module);
        return status;
    }
    module->image = alka_session_take_image(session);
    module->instance = alka_session_take(session);
    return load_pristine(module);
}

static alka_status load_bytes(const struct load_scope *scope, struct module *module,
                              const struct alka_blob *blob) {
    const struct alka_session_options options = {
        .features = blob == NULL ? ALKA_FEATURES_BUILT : blob->features_allowed,
        .limits = module->limits,
        .codegen = {.memory_model = ALKA_MEMORY_GUARD, .cpu = modules_cpu()},
        .name = {(const uint8_t *)module->name, strlen(module->name)},
    };
    struct alka_session session;
    alka_session_open(&session, &modules_registry, &options,
                      blob == NULL ? module->entry.image : blob->module_bytes);
    alka_status status = load_session(&session, scope, module, blob);
    alka_session_drop(&session);
    return status;
}

static alka_status load_file(const struct load_scope *scope, struct module *module) {
    if (!alka_blob_looks_like(module->entry.image)) {
        return load_bytes(scope, module, NULL);
    }
    struct alka_blob blob;
    struct alka_diag diag;
    if (!modules_trust_blobs || module->loaded != NULL) {
        log_error("%s: is compiled already, and only the option `trust-blobs` lets "
                  "such code in, at boot",
                  module->name);
        return ALKA_E_BLOB_FORMAT;
    }
    alka_status status = alka_blob_read(module->entry.image, &blob, &diag);
    if (status != ALKA_OK) {
        load_log_diag(module, &diag, NULL);
        return status;
    }
    return load_bytes(scope, module, &blob);
}

static void load_refuse(struct module *module, alka_status why) {
    if (module->loaded == NULL) {
        module_unload(module);
    } /* else its image stays as long as the bytes do that it was made from */
    module->state = MODULE_REFUSED;
    module->why = why;
    log_error("%s: refused", module->name);
    news_tell(module, NEWS_REFUSED, why);
}

static void load_limits(struct module *module) {
    *module->limits = alka_limits_default;
    module->limits->memory_pages = module->entry.memory_pages_max;
    if (module->loaded != NULL) { /* its loader pays for one memory; tables are for nothing */
        module->limits->memories = 1;
        module->limits->tables = LOADER_TABLES_MAX;
        module->limits->table_entries = LOADER_TABLE_ENTRIES_MAX;
    }
}

void module_load(struct module *module, const struct bundle *bundle) {
    const struct load_scope scope = {bundle, module};
    load_limits(module);
    uint64_t start_ns = clock_ns();
    alka_status status = load_file(&scope, module);
    module->load_ns = clock_ns() - start_ns;
    struct load_call start = {.report = {.kind = ALKA_TRAP_NONE}};
    if (status == ALKA_OK) {
        status = load_start(module, &start);
    }
    if (status != ALKA_OK) {
        module_stop(module);
        load_recover(&start); /* while its image can still name functions */
        load_forget(module, &start);
        load_refuse(module, status);
        return;
    }
    module->state = MODULE_READY;
    trace(TRACE_LOAD, module, module->native_code_bytes, module->load_ns);
    news_tell(module, NEWS_STARTED, 0);
    log_info("%s: %lu bytes of WebAssembly became %lu bytes of code in %lu.%03lu ms", module->name,
             module->entry.image.size, module->native_code_bytes, module->load_ns / 1000000,
             module->load_ns / 1000 % 1000);
}

alka_status module_instantiate(struct module *module, const struct bundle *bundle) {
    const struct load_scope scope = {bundle, module};
    struct alka_vtable vtable = load_vtable(&scope);
    struct alka_instance_options options = load_instance_options(module);
    struct alka_diag diag;
    alka_status status =
        alka_instance_make(module->image, &vtable, &options, &module->instance, &diag);
    if (status != ALKA_OK) {
        load_log_diag(module, &diag, &module->image->module);
        return status;
    }
    struct load_call start = {.report = {.kind = ALKA_TRAP_NONE}};
    status = load_pristine(module);
    if (status == ALKA_OK) {
        status = load_start(module, &start);
    }
    if (status != ALKA_OK) {
        if (status != ALKA_E_INTERRUPTED) {
            module_stop(module);
        }
        load_recover(&start);
        load_forget(module, &start);
        return status;
    }
    module->state = MODULE_READY;
    news_tell(module, NEWS_STARTED, 0);
    return ALKA_OK;
}

/* What it imports from instances of the module that are gone, it imports from the one there is. */
static void load_rebind(struct alka_instance *importer, const struct module *module) {
    uint32_t unfit;
    for (uint32_t i = 0; i < importer->image->module.import_count; i++) {
        struct alka_instance *owner = importer->imports[i].owner;
        if (owner != NULL && owner->is_dropped && owner->context->user == (uint64_t)module &&
            alka_instance_can_rebind(importer, owner, module->instance, &unfit)) {
            alka_instance_rebind(importer, owner, module->instance);
        }
    }
}

void module_open(struct module *module) {
    for (uint32_t i = 0; modules_at(i) != NULL; i++) {
        struct alka_instance *importer = modules_at(i)->instance;
        if (importer != NULL) {
            load_rebind(importer, module);
            recover_bind_importer(importer, module->instance);
        }
    }
    module->state = MODULE_READY;
}

bool module_renew(struct module *module) {
    struct module_recoveries *recoveries = &module->recoveries;
    alka_instance_disown(module->instance);
    (void)evict(module->instance, NULL);
    buffers_end(module);
    recoveries->pages_last = recover_reset(module->instance, module->pristine);
    struct load_call start;
    alka_status status = load_start(module, &start);
    if (status == ALKA_OK) {
        module->restarts++;
        news_tell(module, NEWS_RESTARTED, 0);
        return true;
    }
    if (status != ALKA_E_INTERRUPTED) {
        module_stop(module);
        module->state = MODULE_TRAPPED;
    }
    load_recover(&start); /* those that it called */
    load_forget(module, &start);
    return false;
}

bool module_reset(struct module *module, uint64_t since) {
    struct module_recoveries *recoveries = &module->recoveries;
    if (!module_renew(module)) {
        return false;
    }
    module_open(module);
    if (since != 0) {
        recoveries->pages += recoveries->pages_last;
        recoveries->ticks[recoveries->count++ % MODULE_RECOVERIES_KEPT] = x86_time_stamp() - since;
        trace(TRACE_RECOVERY, module, recoveries->pages_last, clock_ns() - clock_at(since));
    } else {
        trace(TRACE_RESTART, module, recoveries->pages_last, 0);
    }
    return true;
}

void module_suspend(struct module *module, struct evict_witness *witness) {
    workers_release(module);
    buffers_end(module);
    holder_clear(module);
    if (module->instance != NULL) {
        module->life++;
        alka_instance_disown(module->instance);
        (void)evict(module->instance, witness);
        if (module->state != MODULE_DOWN) {
            news_tell(module, NEWS_STOPPED, 0);
        }
        module->state = MODULE_DOWN;
        workers_settle();
    }
}

void module_stop(struct module *module) {
    workers_release(module);
    buffers_end(module);
    holder_clear(module);
    if (module->instance != NULL) {
        module->life++;
        trace(TRACE_STOP, module, 0, 0);
        if (module->state != MODULE_DOWN) {
            news_tell(module, NEWS_STOPPED, 0);
        }
        alka_instance_disown(module->instance);
        (void)evict(module->instance, NULL);
        alka_instance_drop(module->instance);
        pristine_give(module->pristine);
        module->instance = NULL;
        module->pristine = NULL;
        module->state = MODULE_STOPPED;
        workers_settle();
    }
}

void module_unload(struct module *module) {
    module_stop(module);
    if (module->image != NULL) {
        alka_image_release(module->image);
        module->image = NULL;
    }
    module->state = MODULE_UNLOADED;
}
