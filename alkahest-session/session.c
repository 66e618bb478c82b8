/*
 * Room: session. The factory: runs the pipeline for one module and owns all that is made on the
 * way. Comes in: bytes, options, a VTable. Goes out: an image and an instance in the registry, or a
 * diagnostic. Must never keep anything once it is dropped: each step notes what it took before the
 * next can fail, and alka_session_drop gives it back.
 *
 * This file is the map of the compiler. One module's way:
 *
 *     alka_session_validate   alka_parse_module        bytes → module tables
 *                             alka_layout_make         where an instance's context has what
 *     alka_session_compile    alka_validate_body  ┐    each body in turn: checked and summarized,
 *                             alka_codegen_function┘   then emitted
 *     alka_session_link       alka_types_intern        types → canonical ids
 *                             alka_link_patch          thunks, relocations
 *                             code_seal                writable → executable, for good
 *                             alka_image_add           code and tables → registry
 *                             alka_instance_make       imports, memory, tables, globals, segments
 */
#include <alkahest/helpers.h>
#include <alkahest/parse.h>
#include <alkahest/session.h>

void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);

static size_t session_round(size_t bytes, size_t to) { return (bytes + to - 1) & ~(to - 1); }

/* --- State, log, failure. --- */

static void session_emit(const struct alka_session *session, struct alka_event *event) {
    struct alka_span name = session->options.name;
    if (name.size == 0)
        name = session->module.module_name;
    event->module_name.data = (const char *)name.data;
    event->module_name.size = name.size;
    session->crucible->event(session->crucible->self, event);
}

static void session_enter(struct alka_session *session, enum alka_session_state state) {
    struct alka_event event = {
        .kind = ALKA_EVENT_STATE,
        .level = ALKA_LOG_INFO,
        .state_from = session->state,
        .state_to = state,
    };
    session->state = state;
    session_emit(session, &event);
}

static void session_measure(struct alka_session *session) {
    size_t bytes = session->tables.peak_bytes + session->scratch.peak_bytes;
    if (bytes > session->peak_arena_bytes)
        session->peak_arena_bytes = bytes;
}

static void session_diag_clear(struct alka_session *session) {
    session->diag = (struct alka_diag){ALKA_OK,        ALKA_DIAG_NONE, ALKA_DIAG_NONE,
                                       ALKA_DIAG_NONE, ALKA_DIAG_NONE, {0, 0}};
}

/* Ends a step: passes ALKA_OK through, or notes and reports the failure. */
static alka_status session_end(struct alka_session *session, alka_status status) {
    session_measure(session);
    if (status == ALKA_OK)
        return ALKA_OK;
    if (session->diag.code != status) {
        session_diag_clear(session);
        session->diag.code = status;
        if (status == ALKA_E_ARENA_LIMIT)
            session->diag.args[0] = session->tables.limit_bytes;
    }
    struct alka_event event = {
        .kind = ALKA_EVENT_DIAGNOSTIC,
        .level = ALKA_LOG_ERROR,
        .diag = session->diag,
    };
    session_emit(session, &event);
    session_enter(session, ALKA_SESSION_FAILED);
    return status;
}

static alka_status session_begin(struct alka_session *session, enum alka_session_state needed,
                                 enum alka_session_state entered) {
    if (session->state != needed)
        return ALKA_E_SESSION_STATE;
    session_enter(session, entered);
    return ALKA_OK;
}

/* --- Open. --- */

void alka_session_open(struct alka_session *session, struct alka_registry *registry,
                       const struct alka_session_options *options, struct alka_span bytes) {
    *session = (struct alka_session){
        .registry = registry,
        .crucible = registry->crucible,
        .options = *options,
        .bytes = bytes,
    };
    if (!session->options.limits)
        session->options.limits = &alka_limits_default;
    const struct alka_limits *limits = session->options.limits;
    size_t input = bytes.size < limits->module_bytes ? bytes.size : limits->module_bytes;
    size_t limit = limits->arena_bytes_base + input * limits->arena_bytes_per_module_byte;
    alka_arena_init(&session->tables, session->crucible, limit);
    alka_arena_init(&session->scratch, session->crucible, limit);
    session_diag_clear(session);
}

/* --- Validate. --- */

static alka_status session_validate(struct alka_session *session) {
    const struct alka_session_options *options = &session->options;
    ALKA_TRY(alka_parse_module(session->bytes, options->features, options->limits, &session->tables,
                               &session->module, &session->diag));
    return alka_layout_make(&session->module, &session->tables, &session->layout);
}

alka_status alka_session_validate(struct alka_session *session) {
    ALKA_TRY(session_begin(session, ALKA_SESSION_OPEN, ALKA_SESSION_VALIDATING));
    return session_end(session, session_validate(session));
}

/* --- Compile. --- */

/* Address space for the text and, behind it, the thunks. */
static alka_status session_reserve_text(struct alka_session *session, size_t text_bytes) {
    size_t thunk_bytes = alka_link_thunk_bytes(&session->module);
    size_t bytes = session_round(text_bytes, ALKA_PAGE_BYTES) +
                   session_round(ALKA_THUNK_BYTES + thunk_bytes, ALKA_PAGE_BYTES);
    const struct alka_crucible *crucible = session->crucible;
    ALKA_TRY(crucible->code_reserve(crucible->self, bytes, &session->text));
    session->text_reserve_bytes = bytes;
    return ALKA_OK;
}

static alka_status session_compile_function(struct alka_session *session, uint32_t func_idx) {
    struct alka_arena_mark mark = alka_arena_mark(&session->scratch);
    struct alka_body_summary summary;
    ALKA_TRY(alka_validate_body(&session->module, func_idx, &session->scratch, &summary,
                                &session->diag));
    ALKA_TRY(alka_codegen_function(session->codegen, &summary, &session->scratch, &session->diag));
    alka_arena_reset(&session->scratch, mark);
    return ALKA_OK;
}

/* Bodies with objects are refused by the code generator, constants before it. */
static alka_status session_check_constants(struct alka_session *session) {
    if (session->module.object_constant_off == 0)
        return ALKA_OK;
    session->diag = (struct alka_diag){.code = ALKA_E_OBJECTS_UNBUILT,
                                       .offset = session->module.object_constant_off,
                                       .section_id = ALKA_DIAG_NONE,
                                       .func_idx = ALKA_DIAG_NONE,
                                       .op = ALKA_DIAG_NONE};
    return ALKA_E_OBJECTS_UNBUILT;
}

static alka_status session_compile(struct alka_session *session) {
    const struct alka_module *module = &session->module;
    ALKA_TRY(session_check_constants(session));
    const struct alka_session_options *options = &session->options;
    size_t reserve_bytes = alka_codegen_reserve_bytes(module);
    ALKA_TRY(session_reserve_text(session, reserve_bytes));
    ALKA_TRY(alka_codegen_begin(module, &options->codegen, session->crucible, &session->tables,
                                session->text, reserve_bytes, &session->codegen));
    uint32_t count = module->function_count - module->imported_functions;
    for (uint32_t i = 0; i < count; i++) {
        ALKA_TRY(session_compile_function(session, module->imported_functions + i));
        if (options->progress)
            options->progress(options->progress_self, i + 1, count);
    }
    ALKA_TRY(alka_codegen_finish(session->codegen, &session->code));
    session->text_committed_bytes = alka_codegen_committed_bytes(session->codegen);
    return ALKA_OK;
}

alka_status alka_session_compile(struct alka_session *session) {
    ALKA_TRY(session_begin(session, ALKA_SESSION_VALIDATING, ALKA_SESSION_COMPILING));
    return session_end(session, session_compile(session));
}

/* --- Load: what an .alk file holds, instead of compiling. --- */

static alka_status session_copy_tables(struct alka_session *session, const struct alka_blob *blob) {
    struct alka_arena *arena = &session->tables;
    uint32_t *function_offs;
    struct alka_trap_site *trap_sites;
    struct alka_reloc *relocs;
    ALKA_TRY(alka_arena_alloc(arena, blob->function_count + (size_t)1, sizeof *function_offs,
                              &function_offs));
    ALKA_TRY(alka_arena_alloc(arena, blob->trap_site_count, sizeof *trap_sites, &trap_sites));
    ALKA_TRY(alka_arena_alloc(arena, blob->reloc_count, sizeof *relocs, &relocs));
    alka_blob_copy_tables(blob, function_offs, trap_sites, relocs, &session->code);
    return ALKA_OK;
}

static alka_status session_load(struct alka_session *session, const struct alka_blob *blob) {
    const struct alka_crucible *crucible = session->crucible;
    ALKA_TRY(alka_blob_check_module(blob, &session->module, &session->diag));
    alka_cpu_set missing = blob->cpu_required & ~session->options.codegen.cpu;
    if (missing) {
        session->diag.code = ALKA_E_BLOB_CPU;
        session->diag.args[0] = missing;
        return ALKA_E_BLOB_CPU;
    }
    ALKA_TRY(session_copy_tables(session, blob));
    ALKA_TRY(session_reserve_text(session, blob->text.size));
    size_t bytes = session_round(blob->text.size, ALKA_PAGE_BYTES);
    if (bytes) {
        ALKA_TRY(crucible->code_commit(crucible->self, session->text, 0, bytes));
        memcpy(session->text, blob->text.data, blob->text.size);
    }
    session->text_committed_bytes = bytes;
    session->code.text = session->text;
    return ALKA_OK;
}

alka_status alka_session_load(struct alka_session *session, const struct alka_blob *blob) {
    ALKA_TRY(session_begin(session, ALKA_SESSION_VALIDATING, ALKA_SESSION_COMPILING));
    return session_end(session, session_load(session, blob));
}

/* --- Link. --- */

static alka_status session_intern_types(struct alka_session *session) {
    const struct alka_module *module = &session->module;
    ALKA_TRY(alka_arena_alloc(&session->tables, module->type_count, sizeof *session->type_ids,
                              &session->type_ids));
    return alka_types_intern(&session->registry->types, module, session->type_ids,
                             &session->type_ids_held);
}

static alka_status session_patch(struct alka_session *session) {
    const struct alka_crucible *crucible = session->crucible;
    session->thunks_off = (uint32_t)session_round(session->code.text_bytes, ALKA_THUNK_BYTES);
    session->text_used_bytes = session->thunks_off + alka_link_thunk_bytes(&session->module);
    size_t end = session_round(session->text_used_bytes, ALKA_PAGE_BYTES);
    if (end > session->text_committed_bytes)
        ALKA_TRY(crucible->code_commit(crucible->self, session->text, session->text_committed_bytes,
                                       end));
    struct alka_link_input input = {
        .module = &session->module,
        .code = &session->code,
        .layout = &session->layout,
        .type_ids = session->type_ids,
        .helpers = alka_helper_records,
    };
    alka_link_patch(&input, session->text, session->thunks_off);
    return ALKA_OK;
}

static alka_status session_seal(struct alka_session *session) {
    const struct alka_crucible *crucible = session->crucible;
    ALKA_TRY(crucible->code_seal(crucible->self, session->text, session->text_used_bytes,
                                 session->text_reserve_bytes));
    session->text_reserve_bytes = session_round(session->text_used_bytes, ALKA_PAGE_BYTES);
    return ALKA_OK;
}

static alka_status session_make_image(struct alka_session *session) {
    session_measure(session);
    struct alka_image_parts parts = {
        .module = &session->module,
        .layout = &session->layout,
        .code = &session->code,
        .thunks_off = session->thunks_off,
        .text_held_bytes = session->text_reserve_bytes,
        .type_ids = session->type_ids,
        .arena = &session->tables,
    };
    ALKA_TRY(alka_image_add(session->registry, &parts, &session->image));
    /* All of these are the image's now. The code generator lay in the tables' arena. */
    session->text = NULL;
    session->type_ids_held = 0;
    session->code = session->image->code;
    return ALKA_OK;
}

static alka_status session_link(struct alka_session *session, const struct alka_vtable *vtable,
                                const struct alka_instance_options *options) {
    ALKA_TRY(session_intern_types(session));
    ALKA_TRY(session_patch(session));
    ALKA_TRY(session_seal(session));
    ALKA_TRY(session_make_image(session));
    if (session->codegen) {
        alka_codegen_drop(session->codegen);
        session->codegen = NULL;
    }
    if (!vtable)
        return ALKA_OK;
    return alka_instance_make(session->image, vtable, options, &session->instance, &session->diag);
}

alka_status alka_session_link(struct alka_session *session, const struct alka_vtable *vtable,
                              const struct alka_instance_options *options) {
    ALKA_TRY(session_begin(session, ALKA_SESSION_COMPILING, ALKA_SESSION_LINKING));
    session->native_code_bytes = session->code.text_bytes;
    ALKA_TRY(session_end(session, session_link(session, vtable, options)));
    session_enter(session, ALKA_SESSION_READY);
    return ALKA_OK;
}

/* --- All of it; take; drop. --- */

alka_status alka_session_run(struct alka_session *session, const struct alka_vtable *vtable,
                             const struct alka_instance_options *options) {
    ALKA_TRY(alka_session_validate(session));
    ALKA_TRY(alka_session_compile(session));
    return alka_session_link(session, vtable, options);
}

struct alka_instance *alka_session_take(struct alka_session *session) {
    struct alka_instance *instance = session->instance;
    session->instance = NULL;
    return instance;
}

struct alka_image *alka_session_take_image(struct alka_session *session) {
    alka_image_hold(session->image);
    return session->image;
}

void alka_session_drop(struct alka_session *session) {
    const struct alka_crucible *crucible = session->crucible;
    if (session->codegen)
        alka_codegen_drop(session->codegen);
    if (session->instance)
        alka_instance_drop(session->instance);
    if (session->image)
        alka_image_release(session->image);
    alka_types_release(&session->registry->types, &session->module, session->type_ids,
                       session->type_ids_held);
    session->type_ids_held = 0;
    if (session->text)
        crucible->code_release(crucible->self, session->text, session->text_reserve_bytes);
    alka_arena_drop(&session->scratch);
    alka_arena_drop(&session->tables);
    memset(session, 0, sizeof *session);
}
