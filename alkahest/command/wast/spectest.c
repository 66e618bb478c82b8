/*
 * The host module that every suite file may import from, as the reference interpreter defines it
 * (WebAssembly/spec, interpreter/host/spectest.ml). Its functions print nothing: results are what
 * the suite checks.
 */
#include "spectest.h"

#include <string.h>

#define SPECTEST_INTEGER UINT64_C(666)
#define SPECTEST_F32 UINT64_C(0x4426A666)         /* 666.6 */
#define SPECTEST_F64 UINT64_C(0x4084D4CCCCCCCCCD) /* 666.6 */

/* NOLINTNEXTLINE(readability-non-const-parameter): the type of all value functions */
static void spectest_ignore(struct alka_context *caller, uint64_t *values) {
    (void)caller;
    (void)values;
}

struct spectest_print {
    const char *name, *params;
};

static const struct spectest_print spectest_prints[] = {
    {"print", ""},      {"print_i32", "i"},      {"print_i64", "I"},      {"print_f32", "f"},
    {"print_f64", "F"}, {"print_i32_f32", "if"}, {"print_f64_f64", "FF"},
};

struct spectest_global {
    const char *name;
    alka_valtype type;
    uint64_t bits;
};

static const struct spectest_global spectest_globals[] = {
    {"global_i32", ALKA_I32, SPECTEST_INTEGER},
    {"global_i64", ALKA_I64, SPECTEST_INTEGER},
    {"global_f32", ALKA_F32, SPECTEST_F32},
    {"global_f64", ALKA_F64, SPECTEST_F64},
};

bool wast_spectest_open(struct wast_spectest *spectest, const struct alka_crucible *crucible,
                        enum alka_memory_model model) {
    const struct alka_range memory = {.min = 1, .max = 2, .has_max = true};
    const struct alka_range shared = {.min = 1, .max = 2, .has_max = true, .shared = true};
    const struct alka_range table = {.min = 10, .max = 20, .has_max = true};
    const struct alka_range table64 = {.min = 10, .max = 20, .has_max = true, .is_64 = true};
    *spectest = (struct wast_spectest){0};
    for (size_t i = 0; i < sizeof spectest_globals / sizeof spectest_globals[0]; i++)
        spectest->cells[i] = spectest_globals[i].bits;
    if (alka_memory_make(&spectest->memory, crucible, &memory, memory.max, model) != ALKA_OK)
        return false;
    if (alka_memory_make(&spectest->shared_memory, crucible, &shared, shared.max, model) != ALKA_OK)
        goto drop_memory;
    if (alka_table_make(&spectest->table, crucible, ALKA_FUNCREF, &table, table.max) != ALKA_OK)
        goto drop_shared;
    if (alka_table_make(&spectest->table64, crucible, ALKA_FUNCREF, &table64, table64.max) !=
        ALKA_OK)
        goto drop_table;
    return true;

drop_table:
    alka_table_drop(&spectest->table);
drop_shared:
    alka_memory_drop(&spectest->shared_memory);
drop_memory:
    alka_memory_drop(&spectest->memory);
    return false;
}

void wast_spectest_close(struct wast_spectest *spectest) {
    alka_table_drop(&spectest->table64);
    alka_table_drop(&spectest->table);
    alka_memory_drop(&spectest->shared_memory);
    alka_memory_drop(&spectest->memory);
}

static bool spectest_is(struct alka_span name, const char *text) {
    return name.size == strlen(text) && memcmp(name.data, text, name.size) == 0;
}

static bool spectest_lookup_thing(struct wast_spectest *spectest, struct alka_span name,
                                  struct alka_extern *out_extern) {
    struct alka_extern table = {.kind = ALKA_EXTERN_TABLE};
    struct alka_extern memory = {.kind = ALKA_EXTERN_MEMORY};
    if (spectest_is(name, "memory")) {
        memory.memory = &spectest->memory;
        *out_extern = memory;
    } else if (spectest_is(name, "shared_memory")) {
        memory.memory = &spectest->shared_memory;
        *out_extern = memory;
    } else if (spectest_is(name, "table")) {
        table.table = &spectest->table;
        *out_extern = table;
    } else if (spectest_is(name, "table64")) {
        table.table = &spectest->table64;
        *out_extern = table;
    } else
        return false;
    return true;
}

alka_status wast_spectest_lookup(struct wast_spectest *spectest, struct alka_span name,
                                 struct alka_extern *out_extern) {
    for (size_t i = 0; i < sizeof spectest_prints / sizeof spectest_prints[0]; i++)
        if (spectest_is(name, spectest_prints[i].name)) {
            *out_extern = (struct alka_extern){
                .kind = ALKA_EXTERN_FUNC,
                .host = {spectest_prints[i].params, "", NULL, spectest_ignore},
            };
            return ALKA_OK;
        }
    for (size_t i = 0; i < sizeof spectest_globals / sizeof spectest_globals[0]; i++)
        if (spectest_is(name, spectest_globals[i].name)) {
            *out_extern = (struct alka_extern){
                .kind = ALKA_EXTERN_GLOBAL,
                .global = {spectest_globals[i].type, false, &spectest->cells[i]},
            };
            return ALKA_OK;
        }
    return spectest_lookup_thing(spectest, name, out_extern) ? ALKA_OK : ALKA_E_UNKNOWN_IMPORT;
}
