/* Test support: see hand_image.h. */
#include "hand_image.h"

#include "hand_modules.h"

#include <alkahest/helpers.h>
#include <alkahest/parse.h>
#include <string.h>

#define LABEL(name) extern const uint8_t hand_##name[]
LABEL(basic_text);
LABEL(basic_unreachable);
LABEL(basic_unreachable_site);
LABEL(basic_load);
LABEL(basic_load_site);
LABEL(basic_div);
LABEL(basic_div_site);
LABEL(basic_recurse);
LABEL(basic_data);
LABEL(basic_log);
LABEL(basic_log_reloc);
LABEL(basic_call);
LABEL(basic_call_reloc);
LABEL(basic_grow);
LABEL(basic_grow_reloc);
LABEL(basic_hidden);
LABEL(basic_end);
LABEL(user_text);
LABEL(user_mine);
LABEL(user_mine_site);
LABEL(user_end);
LABEL(bounds_text);
LABEL(bounds_mine);
LABEL(bounds_end);

struct hand_site {
    const uint8_t *at;
    enum alka_trap kind;
    uint32_t wasm_off;
};

struct hand_reloc {
    const uint8_t *at;
    enum alka_reloc_kind kind;
    uint32_t index;
};

struct hand_source {
    const uint8_t *wasm;
    size_t wasm_bytes;
    const uint8_t *text, *end;
    const uint8_t *functions[16];
    struct hand_site sites[4];
    struct hand_reloc relocs[4];
};

static const struct hand_source hand_sources[] = {
    [HAND_BASIC] =
        {
            hand_wasm_basic,
            sizeof hand_wasm_basic,
            hand_basic_text,
            hand_basic_end,
            {hand_basic_unreachable, hand_basic_load, hand_basic_div, hand_basic_recurse,
             hand_basic_data, hand_basic_log, hand_basic_call, hand_basic_grow, hand_basic_hidden},
            {{hand_basic_unreachable_site, ALKA_TRAP_UNREACHABLE, 100},
             {hand_basic_load_site, ALKA_TRAP_MEMORY_BOUNDS, 200},
             {hand_basic_div_site, ALKA_TRAP_INTEGER_DIVIDE_BY_ZERO, 300}},
            {{hand_basic_log_reloc, ALKA_RELOC_IMPORT_CALL, 0},
             {hand_basic_call_reloc, ALKA_RELOC_IMPORT_CALL, 1},
             {hand_basic_grow_reloc, ALKA_RELOC_HELPER_CALL, ALKA_HELPER_MEMORY_GROW}},
        },
    [HAND_USER] = {hand_wasm_user,
                   sizeof hand_wasm_user,
                   hand_user_text,
                   hand_user_end,
                   {hand_user_mine},
                   {{hand_user_mine_site, ALKA_TRAP_MEMORY_BOUNDS, 400}},
                   {{0}}},
    [HAND_BOUNDS] = {hand_wasm_bounds,
                     sizeof hand_wasm_bounds,
                     hand_bounds_text,
                     hand_bounds_end,
                     {hand_bounds_mine},
                     {{0}},
                     {{0}}},
    [HAND_DATA_BOUNDS] = {hand_wasm_databounds,
                          sizeof hand_wasm_databounds,
                          hand_bounds_text,
                          hand_bounds_text,
                          {0},
                          {{0}},
                          {{0}}},
};

/* What is being made. */
struct hand_work {
    struct alka_registry *registry;
    const struct hand_source *source;
    struct alka_arena arena;
    struct alka_module module;
    struct alka_layout layout;
    uint32_t function_offs[17];
    struct alka_trap_site sites[4];
    struct alka_reloc relocs[4];
    struct alka_code code;
    uint32_t *type_ids;
    uint32_t types_held;
    void *text;
    size_t text_bytes, text_held_bytes;
};

static void hand_tables(struct hand_work *work, enum alka_memory_model model) {
    const struct hand_source *source = work->source;
    struct alka_code *code = &work->code;
    code->text_bytes = code->functions_bytes = (uint32_t)(source->end - source->text);
    for (; source->functions[code->function_count]; code->function_count++)
        work->function_offs[code->function_count] =
            (uint32_t)(source->functions[code->function_count] - source->text);
    work->function_offs[code->function_count] = code->functions_bytes;
    for (uint32_t i = 0; i < 4 && source->sites[i].at; i++, code->trap_site_count++)
        work->sites[i] = alka_trap_site_make((uint32_t)(source->sites[i].at - source->text),
                                             source->sites[i].wasm_off, source->sites[i].kind);
    for (uint32_t i = 0; i < 4 && source->relocs[i].at; i++, code->reloc_count++)
        work->relocs[i] = (struct alka_reloc){
            .code_off = (uint32_t)(source->relocs[i].at - source->text),
            .kind = (uint8_t)source->relocs[i].kind,
            .index = source->relocs[i].index & 0xFFFFFF,
        };
    code->function_offs = work->function_offs;
    code->trap_sites = work->sites;
    code->relocs = work->relocs;
    code->memory_model = model;
}

static alka_status hand_types(struct hand_work *work) {
    ALKA_TRY(
        alka_arena_alloc(&work->arena, work->module.type_count, sizeof(uint32_t), &work->type_ids));
    struct alka_type_def *defs;
    ALKA_TRY(alka_arena_alloc(&work->arena, work->module.type_count, sizeof *defs, &defs));
    for (uint32_t i = 0; i < work->module.type_count; i++)
        defs[i] = (struct alka_type_def){.supertype = ALKA_NO_INDEX,
                                         .canonical = i,
                                         .group_first = i,
                                         .group_count = 1,
                                         .is_final = true};
    work->module.type_defs = defs;
    return alka_types_intern(&work->registry->types, &work->module, work->type_ids,
                             &work->types_held);
}

static alka_status hand_link(struct hand_work *work, uint32_t *out_thunks_off) {
    const struct alka_crucible *crucible = work->registry->crucible;
    uint32_t thunks_off = (work->code.text_bytes + 15) & ~15u;
    work->text_bytes = thunks_off + alka_link_thunk_bytes(&work->module);
    work->text_held_bytes = (work->text_bytes + 4095) & ~(size_t)4095;
    size_t bytes = work->text_held_bytes;
    ALKA_TRY(crucible->code_reserve(crucible->self, bytes, &work->text));
    ALKA_TRY(crucible->code_commit(crucible->self, work->text, 0, bytes));
    memcpy(work->text, work->source->text, work->code.text_bytes);
    work->code.text = work->text;
    struct alka_link_input input = {&work->module, &work->code, &work->layout, work->type_ids,
                                    alka_helper_records};
    alka_link_patch(&input, work->text, thunks_off);
    *out_thunks_off = thunks_off;
    return crucible->code_seal(crucible->self, work->text, work->text_bytes, bytes);
}

static alka_status hand_make(struct hand_work *work, enum alka_memory_model model,
                             struct alka_image **out_image) {
    struct alka_diag diag;
    struct alka_span bytes = {work->source->wasm, work->source->wasm_bytes};
    ALKA_TRY(alka_parse_module(bytes, ALKA_FEATURES_BUILT, &alka_limits_default, &work->arena,
                               &work->module, &diag));
    ALKA_TRY(alka_layout_make(&work->module, &work->arena, &work->layout));
    ALKA_TRY(hand_types(work));
    hand_tables(work, model);
    uint32_t thunks_off;
    ALKA_TRY(hand_link(work, &thunks_off));
    struct alka_image_parts parts = {&work->module,         &work->layout,  &work->code, thunks_off,
                                     work->text_held_bytes, work->type_ids, &work->arena};
    return alka_image_add(work->registry, &parts, out_image);
}

alka_status hand_image_make(struct alka_registry *registry, enum hand_module which,
                            enum alka_memory_model model, struct alka_image **out_image) {
    struct hand_work work = {.registry = registry, .source = &hand_sources[which]};
    alka_arena_init(&work.arena, registry->crucible, 0);
    alka_status status = hand_make(&work, model, out_image);
    if (status == ALKA_OK)
        return ALKA_OK;
    alka_types_release(&registry->types, &work.module, work.type_ids, work.types_held);
    if (work.text)
        registry->crucible->code_release(registry->crucible->self, work.text, work.text_held_bytes);
    alka_arena_drop(&work.arena);
    return status;
}
