/*
 * `alkahest inspect`: what a module is made of, for people. In: a module or an .alk file. Out: text
 * on standard output. Names from the module are shown with everything but printable text escaped.
 */
#include "commands.h"
#include "diagnose.h"
#include "pipeline.h"
#include "text.h"
#include "values.h"

#include <alkahest/ops.h>
#include <alkahest/parse.h>
#include <inttypes.h>
#include <stdio.h>

static const char *const inspect_kinds[] = {
    [ALKA_EXTERN_FUNC] = "func",     [ALKA_EXTERN_TABLE] = "table", [ALKA_EXTERN_MEMORY] = "memory",
    [ALKA_EXTERN_GLOBAL] = "global", [ALKA_EXTERN_TAG] = "tag",
};

static void inspect_types(const alka_valtype *types, uint32_t count) {
    putchar('(');
    for (uint32_t i = 0; i < count; i++) {
        char name[VALUE_TEXT_BYTES];
        value_type_name(types[i], name, sizeof name);
        printf("%s%s", i ? ", " : "", name);
    }
    putchar(')');
}

static void inspect_functype(const struct alka_functype *type) {
    inspect_types(type->params, type->param_count);
    printf(" -> ");
    inspect_types(type->results, type->result_count);
}

static void inspect_range(const struct alka_range *range, const char *unit, const char *type) {
    printf("%" PRIu64, range->min);
    if (range->has_max)
        printf("–%" PRIu64, range->max);
    else
        printf(" or more");
    printf(" %s%s%s%s", unit, type, range->is_64 ? ", 64-bit" : "",
           range->shared ? ", shared" : "");
}

/* The type of item `index` of an index space. */
static void inspect_type(const struct alka_module *module, enum alka_extern_kind kind,
                         uint32_t index) {
    char name[VALUE_TEXT_BYTES];
    switch (kind) {
    case ALKA_EXTERN_FUNC:
        inspect_functype(alka_function_type(module, index));
        return;
    case ALKA_EXTERN_TABLE:
        value_type_name(module->tables[index].type, name, sizeof name);
        inspect_range(&module->tables[index].range, "entries of ", name);
        return;
    case ALKA_EXTERN_MEMORY:
        inspect_range(&module->memories[index].range, "pages", "");
        return;
    case ALKA_EXTERN_GLOBAL:
        value_type_name(module->globals[index].type, name, sizeof name);
        printf("%s%s", module->globals[index].is_mutable ? "mutable " : "", name);
        return;
    case ALKA_EXTERN_TAG:
        inspect_functype(&module->types[module->tags[index].type_idx]);
        return;
    }
}

static void inspect_imports(const struct alka_module *module) {
    printf("imports: %" PRIu32 "\n", module->import_count);
    for (uint32_t i = 0; i < module->import_count; i++) {
        const struct alka_import *import = &module->imports[i];
        printf("  %-7s", inspect_kinds[import->kind]);
        text_print(stdout, import->module);
        putchar('.');
        text_print(stdout, import->name);
        printf("  ");
        inspect_type(module, import->kind, import->index);
        putchar('\n');
    }
}

static void inspect_exports(const struct alka_module *module) {
    printf("exports: %" PRIu32 "\n", module->export_count);
    for (uint32_t i = 0; i < module->export_count; i++) {
        const struct alka_export *export = &module->exports[i];
        printf("  %-7s", inspect_kinds[export->kind]);
        text_print(stdout, export->name);
        printf("  %s[%" PRIu32 "]  ", inspect_kinds[export->kind], export->index);
        inspect_type(module, export->kind, export->index);
        putchar('\n');
    }
}

/* One line per item of a kind, defined and imported ones. */
static void inspect_space(const struct alka_module *module, const char *title,
                          enum alka_extern_kind kind, uint32_t count, uint32_t imported) {
    printf("%s: %" PRIu32 "\n", title, count);
    for (uint32_t i = 0; i < count; i++) {
        printf("  %s[%" PRIu32 "]  ", inspect_kinds[kind], i);
        inspect_type(module, kind, i);
        printf("%s\n", i < imported ? "  imported" : "");
    }
}

static void inspect_segments(const struct alka_module *module) {
    uint64_t data_bytes = 0, elements = 0;
    for (uint32_t i = 0; i < module->data_count; i++)
        data_bytes += module->datas[i].bytes.size;
    for (uint32_t i = 0; i < module->element_count; i++)
        elements += module->elements[i].count;
    printf("data segments: %" PRIu32 ", %" PRIu64 " bytes\n", module->data_count, data_bytes);
    printf("element segments: %" PRIu32 ", %" PRIu64 " elements\n", module->element_count,
           elements);
    for (uint32_t i = 0; i < module->custom_count; i++) {
        printf("custom section: ");
        text_print(stdout, module->customs[i].name);
        printf(", %" PRIu32 " bytes\n", module->customs[i].bytes.size);
    }
}

static void inspect_features(alka_feature_set features) {
    printf("features used:");
    for (uint32_t i = 0; i < ALKA_FEATURE_COUNT; i++)
        if (features & (UINT32_C(1) << i))
            printf(" %s", alka_feature_name(i));
    putchar('\n');
}

static void inspect_blob(const struct alka_blob *blob) {
    char cpu[VALUE_TEXT_BYTES * 2];
    cpu_describe(blob->cpu_required, cpu, sizeof cpu);
    printf("compiled by: alkahest %" PRIu32 ".%" PRIu32 ".%" PRIu32 ", ABI %u\n",
           blob->compiler_version >> 16, blob->compiler_version >> 8 & 0xFF,
           blob->compiler_version & 0xFF, ALKA_ABI_VERSION);
    printf("memory model: %s\n", memory_model_name(blob->memory_model));
    printf("processor features needed: %s\n", cpu[0] ? cpu : "none beyond x86-64-v1");
    printf("machine code: %zu bytes, %" PRIu32 " trap sites, %" PRIu32 " relocations\n",
           blob->text.size, blob->trap_site_count, blob->reloc_count);
}

static void inspect_module(const struct pipeline *pipeline, const struct alka_module *module) {
    printf("%s: %zu bytes\n", file_display_name(pipeline->path), pipeline->file.size);
    if (pipeline->is_blob)
        inspect_blob(&pipeline->blob);
    printf("module: %zu bytes, code %" PRIu32 " bytes", module->bytes.size,
           module->code_section.size);
    if (module->module_name.size) {
        printf(", name ");
        text_print(stdout, module->module_name);
    }
    putchar('\n');
    inspect_features(module->features_used);
    printf("types: %" PRIu32 "\n", module->type_count);
    printf("functions: %" PRIu32 ", %" PRIu32 " imported\n", module->function_count,
           module->imported_functions);
    inspect_imports(module);
    inspect_exports(module);
    inspect_space(module, "memories", ALKA_EXTERN_MEMORY, module->memory_count,
                  module->imported_memories);
    inspect_space(module, "tables", ALKA_EXTERN_TABLE, module->table_count,
                  module->imported_tables);
    inspect_space(module, "globals", ALKA_EXTERN_GLOBAL, module->global_count,
                  module->imported_globals);
    if (module->start_function != ALKA_NO_INDEX)
        printf("start function: func[%" PRIu32 "]\n", module->start_function);
    inspect_segments(module);
}

int command_inspect(const struct settings *settings) {
    struct pipeline pipeline;
    struct alka_arena tables, scratch;
    struct alka_module module = {0};
    struct alka_diag diag;
    bool ok = pipeline_read(&pipeline, settings->operands.items[0]);
    if (ok && alka_engine_open(NULL, &pipeline.engine) != ALKA_OK) {
        report_error("out of memory");
        ok = false;
    }
    if (ok) {
        alka_feature_set features = pipeline.is_blob
                                        ? pipeline.blob.features_allowed
                                        : settings->features | ALKA_FEATURES_UNBUILT_TOO;
        alka_arena_init(&tables, alka_engine_crucible(pipeline.engine), SIZE_MAX);
        alka_arena_init(&scratch, alka_engine_crucible(pipeline.engine), SIZE_MAX);
        ok = alka_parse_module(pipeline.module_bytes, features, &alka_limits_default, &tables,
                               &module, &diag) == ALKA_OK &&
             alka_validate_bodies(&module, &scratch, &diag) == ALKA_OK;
        if (ok)
            inspect_module(&pipeline, &module);
        else
            diagnose_print(&diag, file_display_name(pipeline.path), pipeline.module_bytes, &module);
        alka_arena_drop(&scratch);
        alka_arena_drop(&tables);
    }
    pipeline_close(&pipeline);
    return ok ? COMMAND_EXIT_OK : COMMAND_EXIT_FAILED;
}
