/*
 * Room: codegen. The module's side of code generation (codegen.h): begin, one call per body,
 * finish. Comes in: module tables and validated bodies. Goes out: text with read-only data behind
 * it, trap sites, relocations. Must never read bytes that the validator has not accepted.
 */
#include "emit.h"

void *memcpy(void *restrict, const void *restrict, size_t);

enum {
    CODEGEN_RESERVE_BASE = 1 << 20,
    CODEGEN_RESERVE_PER_BYTE = 64, /* machine code per byte of the code section, at the very most */
};

alka_status emit_function(struct alka_codegen *gen, const struct alka_body_summary *summary,
                          struct alka_arena *scratch);

size_t alka_codegen_reserve_bytes(const struct alka_module *module) {
    const size_t most = (size_t)1 << 30; /* rel32 reaches from everywhere to everywhere */
    size_t bytes =
        CODEGEN_RESERVE_BASE + (size_t)module->code_section.size * CODEGEN_RESERVE_PER_BYTE;
    return bytes < most ? (bytes + ALKA_PAGE_BYTES - 1) & ~(size_t)(ALKA_PAGE_BYTES - 1) : most;
}

/* In the order in which webs ask for them when it does not matter; the first ones are cheapest. */
static const uint8_t codegen_home_order[] = {
    X64_RSI, X64_RDI, X64_RBX, X64_R8, X64_R12, X64_R9, X64_R10, X64_R13, X64_R11, X64_R14,
};

static void codegen_choose_registers(struct alka_codegen *gen) {
    uint32_t limit = gen->options.register_limit ? gen->options.register_limit : 16;
    uint32_t scratch = 3, general = scratch, vector = scratch;
    gen->allocatable = REG_SCRATCH_GENERAL | REG_SCRATCH_VECTOR;
    for (uint32_t i = 0; i < sizeof codegen_home_order; i++) {
        unsigned reg = codegen_home_order[i];
        if (general >= limit || (reg == X64_R14 && gen->layout.memory_is_separate))
            continue;
        gen->home_regs |= REG_BIT(reg);
        general++;
    }
    for (unsigned reg = REG_XMM0 + 3; reg < 32 && vector < limit; reg++, vector++)
        gen->home_regs |= REG_BIT(reg);
    gen->allocatable |= gen->home_regs;
}

static bool codegen_has_funcref(const alka_valtype *types, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (alka_valtype_is_funcref(types[i]))
            return true;
    return false;
}

/* May a reference to another instance's function come in, and from here into any table? Imported
 * functions are our own: their thunks are. Bodies are not known yet, so this is about doors, not
 * about who goes through. */
static bool codegen_may_meet_foreign(const struct alka_module *module) {
    for (uint32_t i = 0; i < module->table_count; i++) {
        const struct alka_table_def *table = &module->tables[i];
        if ((table->imported || table->exported) && alka_valtype_is_funcref(table->type))
            return true;
    }
    for (uint32_t i = 0; i < module->global_count; i++) {
        const struct alka_global_def *global = &module->globals[i];
        if ((global->imported || global->exported) && alka_valtype_is_funcref(global->type))
            return true;
    }
    for (uint32_t i = 0; i < module->type_count; i++) {
        const struct alka_functype *type = &module->types[i];
        if (codegen_has_funcref(type->params, type->param_count) ||
            codegen_has_funcref(type->results, type->result_count))
            return true;
    }
    return false;
}

/* Memory 0 always leaves so much of its 4 GiB unused, in the model that lets an index go
 * unchecked. */
static uint32_t codegen_index_spare(const struct alka_codegen *gen) {
    if (!gen->has_memory32 || gen->options.memory_model != ALKA_MEMORY_GUARD)
        return 0;
    const struct alka_memory_def *memory = &gen->module->memories[0];
    uint64_t most =
        memory->imported ? ALKA_MEMORY_MOST_PAGES : alka_memory_most_pages(&memory->range);
    if (memory->range.max < most)
        most = memory->range.max;
    uint64_t spare = (ALKA_MEMORY_MOST_PAGES - most) * ALKA_WASM_PAGE_BYTES;
    return spare < INT32_MAX ? (uint32_t)spare : INT32_MAX;
}

alka_status alka_codegen_begin(const struct alka_module *module,
                               const struct alka_codegen_options *options,
                               const struct alka_crucible *crucible, struct alka_arena *arena,
                               void *text_base, size_t text_reserve_bytes,
                               struct alka_codegen **out_codegen) {
    struct alka_codegen *gen;
    ALKA_TRY(alka_arena_alloc(arena, 1, sizeof *gen, &gen));
    gen->module = module;
    gen->crucible = crucible;
    gen->options = *options;
    gen->text = text_base;
    gen->text_reserved =
        text_reserve_bytes < UINT32_MAX / 4 ? (uint32_t)text_reserve_bytes : UINT32_MAX / 4;
    ALKA_TRY(alka_layout_make(module, arena, &gen->layout));

    uint32_t defined = module->function_count - module->imported_functions;
    ALKA_TRY(alka_arena_alloc(arena, (size_t)defined + 1, sizeof *gen->function_offs,
                              &gen->function_offs));
    for (uint32_t i = 0; i < defined; i++)
        gen->function_offs[i] = NO_OFF;
    ALKA_TRY(alka_arena_alloc(arena, module->table_count, sizeof *gen->foreign_tables,
                              &gen->foreign_tables));
    bool is_open = codegen_may_meet_foreign(module);
    for (uint32_t i = 0; i < module->table_count; i++) {
        const struct alka_table_def *table = &module->tables[i];
        gen->foreign_tables[i] = table->imported || table->exported || is_open;
    }
    gen->has_memory32 = module->memory_count > 0 && !module->memories[0].range.is_64;
    gen->index_spare = codegen_index_spare(gen);
    gen->memory_reg = gen->layout.memory_is_separate ? X64_R14 : X64_R15;
    codegen_choose_registers(gen);
    *out_codegen = gen;
    return ALKA_OK;
}

/* Whatever uses a v128 has marked the feature as used before a body is emitted. */
static bool codegen_lacks_vectors(const struct alka_codegen *gen) {
    const alka_cpu_set needed = ALKA_CPU_SSE3 | ALKA_CPU_SSSE3 | ALKA_CPU_SSE41 | ALKA_CPU_SSE42;
    const alka_feature_set vectors = ALKA_FEATURE_BIT(SIMD) | ALKA_FEATURE_BIT(RELAXED_SIMD);
    return (gen->module->features_used & vectors) && (gen->options.cpu & needed) != needed;
}

/* The number that the diagnostic's text speaks of: a limit in bytes. */
static uint64_t codegen_limit(const struct alka_codegen *gen, alka_status status,
                              const struct alka_arena *scratch) {
    if (status == ALKA_E_FRAME_TOO_LARGE)
        return ALKA_FRAME_MOST_BYTES;
    return status == ALKA_E_ARENA_LIMIT ? scratch->limit_bytes : gen->text_reserved;
}

alka_status alka_codegen_function(struct alka_codegen *codegen,
                                  const struct alka_body_summary *summary,
                                  struct alka_arena *scratch, struct alka_diag *out_diag) {
    alka_status status = codegen_lacks_vectors(codegen) ? ALKA_E_VECTORS_NEED_SSE42
                                                        : emit_function(codegen, summary, scratch);
    if (status)
        *out_diag = (struct alka_diag){.code = status,
                                       .offset = summary->code.off,
                                       .section_id = 10,
                                       .func_idx = summary->func_idx,
                                       .op = ALKA_DIAG_NONE,
                                       .args = {codegen_limit(codegen, status, scratch), 0}};
    return status;
}

/* Jump tables hold distances from their own start, so that the code can lie anywhere. */
static void codegen_finish_tables(struct alka_codegen *gen, uint32_t rodata_off) {
    const struct jump_table *tables = (const struct jump_table *)(void *)gen->tables.data;
    for (uint32_t i = 0; i < gen->tables.used_bytes / sizeof *tables; i++) {
        uint32_t *words = (uint32_t *)(void *)(gen->rodata.data + tables[i].rodata_off);
        for (uint32_t n = 0; n < tables[i].count; n++)
            words[n] -= rodata_off + tables[i].rodata_off;
    }
}

/* struct alka_unwind and its tables, at `off` of the text, where there is room. */
static void codegen_finish_unwind(struct alka_codegen *gen, uint32_t off) {
    const struct pages *tables[] = {&gen->frames, &gen->call_sites, &gen->tries, &gen->clauses};
    uint32_t offs[4], at = off + (uint32_t)sizeof(struct alka_unwind);
    for (uint32_t i = 0; i < 4; i++) {
        offs[i] = at;
        if (tables[i]->used_bytes)
            memcpy(gen->text + at, tables[i]->data, tables[i]->used_bytes);
        at += tables[i]->used_bytes;
    }
    struct alka_unwind unwind = {
        .frames_off = offs[0],
        .sites_off = offs[1],
        .tries_off = offs[2],
        .clauses_off = offs[3],
        .site_count = gen->call_sites.used_bytes / (uint32_t)sizeof(struct alka_call_site),
        .try_count = gen->tries.used_bytes / (uint32_t)sizeof(struct alka_try),
        .clause_count = gen->clauses.used_bytes / (uint32_t)sizeof(struct alka_clause),
    };
    memcpy(gen->text + off, &unwind, sizeof unwind);
}

static uint64_t codegen_unwind_bytes(const struct alka_codegen *gen) {
    return sizeof(struct alka_unwind) + (uint64_t)gen->frames.used_bytes +
           gen->call_sites.used_bytes + gen->tries.used_bytes + gen->clauses.used_bytes;
}

static void codegen_finish_fixups(struct alka_codegen *gen, uint32_t rodata_off) {
    const struct rodata_fixup *fixups = (const struct rodata_fixup *)(void *)gen->fixups.data;
    for (uint32_t i = 0; i < gen->fixups.used_bytes / sizeof *fixups; i++) {
        uint32_t next = fixups[i].code_off + 4 + fixups[i].tail;
        uint32_t distance = rodata_off + fixups[i].rodata_off - next;
        __builtin_memcpy(gen->text + fixups[i].code_off, &distance, 4);
    }
}

alka_status alka_codegen_finish(struct alka_codegen *codegen, struct alka_code *out_code) {
    struct alka_codegen *gen = codegen;
    uint32_t rodata_off = (gen->text_used + 15) & ~UINT32_C(15);
    uint32_t unwind_off = (rodata_off + gen->rodata.used_bytes + 3) & ~UINT32_C(3);
    uint64_t unwind_end = unwind_off + codegen_unwind_bytes(gen);
    if (unwind_end > gen->text_reserved)
        return ALKA_E_CODE_TOO_LARGE;
    uint32_t end = (uint32_t)unwind_end;
    struct emit e = {
        .x.at = gen->text + gen->text_used, .limit = gen->text + gen->text_committed, .gen = gen};
    if (!emit_reserve(&e, end - gen->text_used))
        return e.status;
    while (emit_off(&e) < rodata_off)
        x64_u8(&e.x, 0xCC);
    codegen_finish_tables(gen, rodata_off);
    codegen_finish_fixups(gen, rodata_off);
    if (gen->rodata.used_bytes)
        memcpy(gen->text + rodata_off, gen->rodata.data, gen->rodata.used_bytes);
    codegen_finish_unwind(gen, unwind_off);
    gen->function_offs[gen->emitted] = gen->text_used;

    *out_code = (struct alka_code){
        .text = gen->text,
        .text_bytes = end,
        .functions_bytes = gen->text_used,
        .unwind_off = unwind_off,
        .function_offs = gen->function_offs,
        .trap_sites = (const struct alka_trap_site *)(void *)gen->sites.data,
        .relocs = (const struct alka_reloc *)(void *)gen->relocs.data,
        .function_count = gen->emitted,
        .trap_site_count = gen->sites.used_bytes / (uint32_t)sizeof(struct alka_trap_site),
        .reloc_count = gen->relocs.used_bytes / (uint32_t)sizeof(struct alka_reloc),
        .memory_model = gen->options.memory_model,
        .cpu_required = gen->options.cpu,
    };
    return ALKA_OK;
}

size_t alka_codegen_committed_bytes(const struct alka_codegen *codegen) {
    return codegen->text_committed;
}

void alka_codegen_drop(struct alka_codegen *codegen) {
    pages_drop(&codegen->sites, codegen->crucible);
    pages_drop(&codegen->relocs, codegen->crucible);
    pages_drop(&codegen->rodata, codegen->crucible);
    pages_drop(&codegen->fixups, codegen->crucible);
    pages_drop(&codegen->tables, codegen->crucible);
    pages_drop(&codegen->constants, codegen->crucible);
    pages_drop(&codegen->stubs, codegen->crucible);
    pages_drop(&codegen->frames, codegen->crucible);
    pages_drop(&codegen->call_sites, codegen->crucible);
    pages_drop(&codegen->tries, codegen->crucible);
    pages_drop(&codegen->clauses, codegen->crucible);
}
