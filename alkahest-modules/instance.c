/*
 * Room: modules. Instantiation (specification 4.5.5): from an image and a VTable to something that
 * can be called. Comes in: an image, untrusted in all that its tables say, and the externs that the
 * linker found. Goes out: an instance in the registry, or nothing. Must do no work that grows with
 * the size of the code.
 *
 * One slot holds it all. Below r15: the context, and below that, out of reach of [r15 - constant],
 * what the runtime keeps for the instance. From r15 on: memory 0, unless it is imported.
 */
#include "private.h"

enum {
    /* Tables up to this size lie in the slot's pages; larger ones have pages of their own. */
    INSTANCE_TABLE_BYTES_MOST = 65536,
};

/* Offsets in the pages below r15. */
struct instance_plan {
    uint64_t funcs, memories, tables, own_memories, own_tables, memory_uses, table_uses, imports;
    uint64_t tags, own_tags;
    uint64_t data_bytes, elements, references; /* of passive segments */
    uint64_t entries;                          /* of small tables, one after the other */
    uint64_t bytes;                            /* of everything, context included */
};

static uint64_t plan_take(struct instance_plan *plan, uint64_t count, uint64_t element_bytes) {
    uint64_t at = plan->bytes;
    plan->bytes = (at + count * element_bytes + 15) & ~UINT64_C(15);
    return at;
}

static uint64_t plan_table_bytes(const struct alka_table_def *def) {
    if (def->range.min > INSTANCE_TABLE_BYTES_MOST)
        return 0;
    uint64_t bytes = def->range.min * table_entry_bytes(def->type);
    return bytes > INSTANCE_TABLE_BYTES_MOST ? 0 : bytes;
}

static uint64_t plan_references(const struct alka_module *module) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < module->element_count; i++)
        if (module->elements[i].mode == ALKA_SEGMENT_PASSIVE)
            count += module->elements[i].count;
    return count;
}

static struct instance_plan plan_make(const struct alka_image *image) {
    const struct alka_module *module = &image->module;
    uint32_t own_memories = module->memory_count - module->imported_memories;
    uint32_t own_tables = module->table_count - module->imported_tables;
    struct instance_plan plan = {0};
    plan.funcs = plan_take(&plan, image->ref_count, sizeof(struct alka_func));
    plan.memories = plan_take(&plan, module->memory_count, sizeof(struct alka_memory *));
    plan.tables = plan_take(&plan, module->table_count, sizeof(struct alka_table *));
    plan.own_memories = plan_take(&plan, own_memories, sizeof(struct alka_memory));
    plan.own_tables = plan_take(&plan, own_tables, sizeof(struct alka_table));
    plan.memory_uses = plan_take(&plan, module->memory_count, sizeof(struct alka_use));
    plan.table_uses = plan_take(&plan, module->table_count, sizeof(struct alka_use));
    plan.tags = plan_take(&plan, module->tag_count, sizeof(struct alka_tag *));
    plan.own_tags =
        plan_take(&plan, module->tag_count - module->imported_tags, sizeof(struct alka_tag));
    plan.imports = plan_take(&plan, module->import_count, sizeof(struct alka_extern));
    plan.data_bytes = plan_take(&plan, module->data_count, sizeof(uint32_t));
    plan.elements = plan_take(&plan, module->element_count, sizeof(struct alka_elements));
    plan.references = plan_take(&plan, plan_references(module), sizeof(uint64_t));
    plan.entries = plan.bytes;
    for (uint32_t i = module->imported_tables; i < module->table_count; i++)
        (void)plan_take(&plan, plan_table_bytes(&module->tables[i]), 1);
    (void)plan_take(&plan, image->layout.context_bytes, 1);
    return plan;
}

/* The slot, and where everything lies in it. */
static alka_status instance_reserve(struct alka_instance *instance,
                                    const struct instance_plan *plan) {
    const struct alka_module *module = &instance->image->module;
    const struct alka_crucible *crucible = instance->registry->crucible;
    size_t context_bytes = modules_round_pages(plan->bytes);
    bool owns_memory = module->memory_count > 0 && module->imported_memories == 0;
    uint64_t commit_bytes = 0, reserve_bytes = 0;
    if (owns_memory) {
        const struct alka_range *range = &module->memories[0].range;
        commit_bytes = memory_first_bytes(range, instance->limits.memory_pages);
        reserve_bytes =
            modules_round_pages(memory_reserve_bytes(range, instance->limits.memory_pages));
    }
    struct alka_host_addr base;
    ALKA_TRY(
        crucible->slot_reserve(crucible->self, context_bytes, commit_bytes, reserve_bytes, &base));
    instance->base = base;
    instance->slot_context_bytes = context_bytes;
    instance->slot_reserve_bytes = reserve_bytes;
    instance->context = (struct alka_context *)(base.value - ALKA_CONTEXT_BYTES);

    uint64_t low = base.value - context_bytes;
    instance->funcs = (struct alka_func *)(low + plan->funcs);
    instance->memories = (struct alka_memory **)(low + plan->memories);
    instance->tables = (struct alka_table **)(low + plan->tables);
    instance->own_memories = (struct alka_memory *)(low + plan->own_memories);
    if (owns_memory)
        instance->own_memories[0].committed_bytes = commit_bytes;
    instance->own_tables = (struct alka_table *)(low + plan->own_tables);
    instance->memory_uses = (struct alka_use *)(low + plan->memory_uses);
    instance->table_uses = (struct alka_use *)(low + plan->table_uses);
    instance->tags = (const struct alka_tag **)(low + plan->tags);
    instance->own_tags = (struct alka_tag *)(low + plan->own_tags);
    instance->imports = (struct alka_extern *)(low + plan->imports);
    instance->data_bytes = (uint32_t *)(low + plan->data_bytes);
    instance->elements = (struct alka_elements *)(low + plan->elements);
    return ALKA_OK;
}

/* --- Imports. --- */

static void *instance_below(const struct alka_instance *instance, int64_t disp) {
    return (void *)(instance->base.value + (uint64_t)disp);
}

uint64_t *instance_global_cell(const struct alka_instance *instance, uint32_t global_idx) {
    const struct alka_image *image = instance->image;
    uint64_t *cell = instance_below(instance, image->layout.global_disp[global_idx]);
    return alka_global_is_indirect(&image->module.globals[global_idx]) ? *(uint64_t **)cell : cell;
}

static void instance_import_global(const struct alka_instance *instance, uint32_t global_idx,
                                   const struct alka_global *global) {
    uint64_t *cell = instance_below(instance, instance->image->layout.global_disp[global_idx]);
    if (global->is_mutable) {
        *(uint64_t **)cell = global->cell;
        return;
    }
    cell[0] = global->cell[0];
    if (alka_valtype_kind(global->type) == ALKA_KIND_V128)
        cell[1] = global->cell[1];
}

static void instance_bind(const struct alka_instance *instance) {
    const struct alka_image *image = instance->image;
    struct alka_import_record *records =
        instance_below(instance, image->layout.import_records_disp);
    for (uint32_t i = 0; i < image->module.import_count; i++) {
        const struct alka_extern *found = &instance->imports[i];
        uint32_t index = image->module.imports[i].index;
        switch (found->kind) {
        case ALKA_EXTERN_FUNC:
            alka_link_bind(&records[index], found, alka_function_type(&image->module, index));
            break;
        case ALKA_EXTERN_TABLE:
            instance->tables[index] = found->table;
            break;
        case ALKA_EXTERN_MEMORY:
            instance->memories[index] = found->memory;
            break;
        case ALKA_EXTERN_GLOBAL:
            instance_import_global(instance, index, &found->global);
            break;
        case ALKA_EXTERN_TAG:
            instance->tags[index] = found->tag;
            break;
        }
    }
}

static alka_status instance_import(struct alka_instance *instance, const struct alka_vtable *vtable,
                                   struct alka_arena *scratch, struct alka_diag *out_diag) {
    static const struct alka_vtable nothing = {0};
    const struct alka_image *image = instance->image;
    ALKA_TRY(alka_link_resolve(&image->module, image->code.memory_model, &instance->registry->types,
                               image->type_ids, vtable ? vtable : &nothing, scratch,
                               instance->imports, out_diag));
    instance_bind(instance);
    for (uint32_t i = 0; i < image->module.import_count; i++)
        if (instance->imports[i].owner)
            instance->imports[i].owner->holders++;
    instance->holds_imports = true;
    return ALKA_OK;
}

/* --- Memories, tables, functions, globals. --- */

static alka_status instance_own_memory(struct alka_instance *instance, uint32_t memory_idx) {
    const struct alka_module *module = &instance->image->module;
    struct alka_memory *memory = &instance->own_memories[memory_idx - module->imported_memories];
    const struct alka_range *range = &module->memories[memory_idx].range;
    enum alka_memory_model model = instance->image->code.memory_model;
    uint64_t limit = instance->limits.memory_pages;
    const struct alka_crucible *crucible = instance->registry->crucible;
    instance->memories[memory_idx] = memory;
    const struct memory_space space = {instance->base, memory->committed_bytes,
                                       instance->slot_reserve_bytes};
    if (memory_idx == 0)
        ALKA_TRY(memory_init(memory, crucible, range, limit, model, &space));
    else
        ALKA_TRY(alka_memory_make(memory, crucible, range, limit, model));
    memory->owner = instance;
    return ALKA_OK;
}

static alka_status instance_make_memories(struct alka_instance *instance) {
    const struct alka_image *image = instance->image;
    const struct alka_module *module = &image->module;
    struct alka_view *views = instance_below(instance, image->layout.memory_views_disp);
    for (uint32_t i = 0; i < module->memory_count; i++) {
        if (i >= module->imported_memories)
            ALKA_TRY(instance_own_memory(instance, i));
        struct alka_memory *memory = instance->memories[i];
        if (image->code.memory_model == ALKA_MEMORY_WRAP && i == 0 && !memory->is_64)
            ALKA_TRY(memory_wrap(memory));
        struct alka_use *use = &instance->memory_uses[i];
        use->view = &views[i];
        use->context = i == 0 ? instance->context : NULL;
        memory_use(memory, use);
    }
    return ALKA_OK;
}

static alka_status instance_make_tables(struct alka_instance *instance,
                                        const struct instance_plan *plan) {
    const struct alka_image *image = instance->image;
    const struct alka_module *module = &image->module;
    const struct alka_crucible *crucible = instance->registry->crucible;
    struct alka_view *views = instance_below(instance, image->layout.table_views_disp);
    uint64_t entries = instance->base.value - instance->slot_context_bytes + plan->entries;
    for (uint32_t i = 0; i < module->table_count; i++) {
        const struct alka_table_def *def = &module->tables[i];
        if (i >= module->imported_tables) {
            struct alka_table *table = &instance->own_tables[i - module->imported_tables];
            uint64_t bytes = plan_table_bytes(def);
            alka_valtype type = alka_types_canonical(def->type, image->type_ids);
            if (def->range.min > instance->limits.table_entries)
                return ALKA_E_OUT_OF_MEMORY;
            if (bytes || def->range.min == 0)
                table_init(table, crucible, type, &def->range, instance->limits.table_entries,
                           (void *)entries);
            else
                ALKA_TRY(alka_table_make(table, crucible, type, &def->range,
                                         instance->limits.table_entries));
            entries += (bytes + 15) & ~UINT64_C(15);
            table->owner = instance;
            instance->tables[i] = table;
        }
        instance->table_uses[i].view = &views[i];
        table_use(instance->tables[i], &instance->table_uses[i]);
    }
    return ALKA_OK;
}

static void instance_make_funcs(struct alka_instance *instance) {
    const struct alka_image *image = instance->image;
    const struct alka_module *module = &image->module;
    uint64_t text = (uint64_t)image->code.text;
    uint64_t memory = image->layout.memory_is_separate ? instance->memories[0]->base.value : 0;
    for (uint32_t i = 0; i < image->ref_count; i++) {
        uint32_t func_idx = image->refs[i];
        uint64_t code_off = func_idx < module->imported_functions
                                ? alka_link_import_thunk_off(image->thunks_off, func_idx)
                                : image->code.function_offs[func_idx - module->imported_functions];
        uint32_t type_idx = module->functions[func_idx].type_idx;
        instance->funcs[i] = (struct alka_func){
            .code = text + code_off,
            .context = instance->base.value,
            .self = (uint64_t)&instance->funcs[i],
            .memory = memory,
            .type_id = image->type_ids[type_idx],
            .supertype_ids = image->supertype_ids[type_idx],
            .func_idx = func_idx,
            .instance = instance,
        };
    }
}

static void instance_make_tags(struct alka_instance *instance) {
    const struct alka_module *module = &instance->image->module;
    for (uint32_t i = module->imported_tags; i < module->tag_count; i++) {
        struct alka_tag *tag = &instance->own_tags[i - module->imported_tags];
        tag->serial = ++instance->registry->tag_serials;
        tag->type = alka_tag_type(module, i);
        tag->type_id = instance->image->type_ids[module->tags[i].type_idx];
        instance->tags[i] = tag;
    }
}

static alka_status instance_make_globals(struct alka_instance *instance,
                                         struct alka_arena *scratch) {
    const struct alka_module *module = &instance->image->module;
    for (uint32_t i = module->imported_globals; i < module->global_count; i++) {
        const struct alka_global_def *def = &module->globals[i];
        struct evaluate_value value;
        uint32_t end;
        ALKA_TRY(evaluate(instance, def->init, scratch, &value, &end));
        uint64_t *cell = instance_global_cell(instance, i);
        cell[0] = value.words[0];
        if (alka_valtype_kind(def->type) == ALKA_KIND_V128)
            cell[1] = value.words[1];
    }
    return ALKA_OK;
}

static alka_status instance_fill_tables(struct alka_instance *instance,
                                        struct alka_arena *scratch) {
    const struct alka_module *module = &instance->image->module;
    for (uint32_t i = module->imported_tables; i < module->table_count; i++) {
        if (module->tables[i].init.size == 0)
            continue;
        struct evaluate_value value;
        uint32_t end;
        ALKA_TRY(evaluate(instance, module->tables[i].init, scratch, &value, &end));
        for (uint64_t entry = 0; entry < instance->tables[i]->size; entry++)
            table_set(instance->tables[i], entry, value.words[0]);
    }
    return ALKA_OK;
}

/* --- The whole. --- */

static void instance_name(struct alka_instance *instance, struct alka_span name) {
    size_t bytes = name.size < ALKA_INSTANCE_NAME_BYTES ? name.size : ALKA_INSTANCE_NAME_BYTES - 1;
    if (bytes)
        memcpy(instance->name, name.data, bytes);
    instance->name[bytes] = '\0';
}

static void instance_identify(struct alka_instance *instance, struct alka_image *image,
                              const struct alka_instance_options *options) {
    static const struct alka_instance_options nothing = {0};
    if (!options)
        options = &nothing;
    const struct alka_limits *limits = image->module.limits;
    alka_image_hold(image);
    instance->image = image;
    instance->limits = options->limits;
    if (instance->limits.memory_pages == 0)
        instance->limits.memory_pages = limits->memory_pages;
    if (instance->limits.table_entries == 0)
        instance->limits.table_entries = limits->table_entries;
    instance_name(instance, options->name.size ? options->name : image->module.module_name);
}

/* Everything up to the segments. */
static alka_status instance_build(struct alka_instance *instance, const struct alka_vtable *vtable,
                                  uint64_t user, struct alka_arena *scratch,
                                  struct alka_diag *out_diag) {
    struct instance_plan plan = plan_make(instance->image);
    ALKA_TRY(instance_reserve(instance, &plan));
    ALKA_TRY(instance_import(instance, vtable, scratch, out_diag));
    ALKA_TRY(instance_make_memories(instance));
    ALKA_TRY(instance_make_tables(instance, &plan));
    instance_make_tags(instance);
    instance_make_funcs(instance);
    instance->context->instance = instance;
    instance->context->func_refs = instance->funcs;
    instance->context->generation = instance->generation;
    instance->context->user = user;
    ALKA_TRY(instance_make_globals(instance, scratch));
    ALKA_TRY(instance_fill_tables(instance, scratch));
    uint64_t low = instance->base.value - instance->slot_context_bytes;
    return segments_make(instance, (uint64_t *)(low + plan.references), scratch);
}

alka_status alka_instance_make(struct alka_image *image, const struct alka_vtable *vtable,
                               const struct alka_instance_options *options,
                               struct alka_instance **out_instance, struct alka_diag *out_diag) {
    struct alka_registry *registry = image->registry;
    *out_diag = (struct alka_diag){ALKA_OK,        ALKA_DIAG_NONE, ALKA_DIAG_NONE,
                                   ALKA_DIAG_NONE, ALKA_DIAG_NONE, {0, 0}};
    struct alka_arena scratch;
    alka_arena_init(&scratch, registry->crucible, 0);
    struct alka_instance *instance;
    alka_status status = registry_instance_take(registry, &instance);
    if (status != ALKA_OK)
        goto out;
    instance_identify(instance, image, options);
    status = instance_build(instance, vtable, options ? options->user : 0, &scratch, out_diag);
    if (status == ALKA_OK)
        status = segments_apply(instance, &scratch, out_diag);
    if (status == ALKA_OK) {
        instance->state = ALKA_INSTANCE_READY;
        *out_instance = instance;
        goto out;
    }
    alka_instance_drop(instance);
    if (instance->registry) /* somebody's table names its functions */
        instance->state = ALKA_INSTANCE_TRAPPED;
out:
    out_diag->code = status;
    alka_arena_drop(&scratch);
    return status;
}

enum alka_trap alka_instance_start(struct alka_instance *instance, struct alka_thread *thread) {
    const struct alka_image *image = instance->image;
    uint32_t start = image->module.start_function;
    if (start == ALKA_NO_INDEX)
        return ALKA_TRAP_NONE;
    const struct alka_func *func = &instance->funcs[image->ref_idx[start]];
    instance->state = ALKA_INSTANCE_RUNNING;
    enum alka_trap trap = alka_call(thread, func, alka_func_type(func), NULL);
    instance->state = trap == ALKA_TRAP_NONE ? ALKA_INSTANCE_READY : ALKA_INSTANCE_TRAPPED;
    return trap;
}
