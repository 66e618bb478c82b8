/*
 * Room: core. Where the variable part of an instance context lies, as a function of the module's
 * tables alone. Comes in: module tables. Goes out: displacements from r15. Must never depend on
 * anything that the code generator and the linker could see differently.
 *
 * From r15 downwards: the fixed part, views of memories, views of tables, cells of globals (the
 * only part that module code writes), import records.
 */
#include <alkahest/abi.h>
#include <alkahest/arena.h>

_Static_assert(sizeof(struct alka_context) == 128, "the fixed part of the context");
_Static_assert(sizeof(struct alka_thread) == 128, "the top of the control stack");
_Static_assert(sizeof(struct alka_import_record) == 64, "an import record");
_Static_assert(sizeof(struct alka_table_entry) == 32, "a funcref table entry");

static uint32_t layout_cell_bytes(const struct alka_global_def *global) {
    bool wide = alka_valtype_kind(global->type) == ALKA_KIND_V128;
    return wide && !alka_global_is_indirect(global) ? 16 : 8;
}

/* Numbers the functions that exports, elements, globals and the start section name. */
static alka_status layout_func_refs(const struct alka_module *module, struct alka_arena *arena,
                                    struct alka_layout *out_layout) {
    uint32_t *idx, count = 0;
    ALKA_TRY(alka_arena_alloc(arena, module->function_count, sizeof *idx, &idx));
    for (uint32_t i = 0; i < module->function_count; i++)
        idx[i] =
            module->functions[i].declared_ref || i == module->start_function ? 0 : ALKA_NO_INDEX;
    for (uint32_t i = 0; i < module->export_count; i++)
        if (module->exports[i].kind == ALKA_EXTERN_FUNC)
            idx[module->exports[i].index] = 0;
    for (uint32_t i = 0; i < module->function_count; i++)
        if (idx[i] != ALKA_NO_INDEX)
            idx[i] = count++;
    out_layout->func_ref_idx = idx;
    out_layout->func_ref_count = count;
    return ALKA_OK;
}

alka_status alka_layout_make(const struct alka_module *module, struct alka_arena *arena,
                             struct alka_layout *out_layout) {
    int32_t *global_disp;
    ALKA_TRY(alka_arena_alloc(arena, module->global_count, sizeof *global_disp, &global_disp));

    /* Bytes below r15 so far; the limits of counts keep the sum far below 2^31. */
    uint64_t depth = ALKA_CONTEXT_BYTES;
    depth += (uint64_t)module->memory_count * sizeof(struct alka_view);
    uint64_t memory_views = depth;
    depth += (uint64_t)module->table_count * sizeof(struct alka_view);
    uint64_t table_views = depth;
    for (uint32_t i = 0; i < module->global_count; i++) {
        uint64_t bytes = layout_cell_bytes(&module->globals[i]);
        depth = (depth + bytes + bytes - 1) & ~(bytes - 1);
        if (depth > INT32_MAX / 2)
            return ALKA_E_ARENA_LIMIT;
        global_disp[i] = -(int32_t)depth;
    }
    depth = (depth + 15) & ~UINT64_C(15);
    depth += (uint64_t)module->imported_functions * sizeof(struct alka_import_record);
    if (depth > INT32_MAX)
        return ALKA_E_ARENA_LIMIT;

    *out_layout = (struct alka_layout){
        .context_bytes = (uint32_t)depth,
        .global_disp = global_disp,
        .table_views_disp = -(int32_t)table_views,
        .memory_views_disp = -(int32_t)memory_views,
        .import_records_disp = -(int32_t)depth,
        .memory_is_separate = module->imported_memories > 0,
    };
    return layout_func_refs(module, arena, out_layout);
}
