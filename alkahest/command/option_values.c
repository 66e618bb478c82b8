/*
 * The words that options understand: feature sets, memory models, processor levels, phases. In:
 * text. Out: numbers and sets. Names of features come from features.h and nowhere else.
 */
#include "options.h"
#include "report.h"

#include <alkahest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct named_value {
    const char *name;
    uint32_t value;
};

struct feature_row {
    const char *name;
    uint32_t release; /* of the standard that brought it; 0: a proposal */
    bool is_built;
};

static const struct feature_row feature_rows[ALKA_FEATURE_COUNT] = {
#define FEATURE_ROW(id, name, release, built) {name, release, built},
    ALKA_FEATURES(FEATURE_ROW)
#undef FEATURE_ROW
};

static const struct named_value memory_models[] = {
    {"guard", ALKA_MEMORY_GUARD},
    {"checked", ALKA_MEMORY_CHECKED},
    {"wrap", ALKA_MEMORY_WRAP},
};

static const struct named_value cpu_levels[] = {
    {"x86-64", ALKA_CPU_X86_64_V1},    {"x86-64-v1", ALKA_CPU_X86_64_V1},
    {"x86-64-v2", ALKA_CPU_X86_64_V2}, {"x86-64-v3", ALKA_CPU_X86_64_V3},
    {"v1", ALKA_CPU_X86_64_V1},        {"v2", ALKA_CPU_X86_64_V2},
    {"v3", ALKA_CPU_X86_64_V3},
};

static const struct named_value cpu_features[] = {
    {"sse3", ALKA_CPU_SSE3},    {"ssse3", ALKA_CPU_SSSE3},   {"sse4.1", ALKA_CPU_SSE41},
    {"sse4.2", ALKA_CPU_SSE42}, {"popcnt", ALKA_CPU_POPCNT}, {"avx", ALKA_CPU_AVX},
    {"avx2", ALKA_CPU_AVX2},    {"bmi1", ALKA_CPU_BMI1},     {"bmi2", ALKA_CPU_BMI2},
    {"lzcnt", ALKA_CPU_LZCNT},  {"fma", ALKA_CPU_FMA},
};

static const struct named_value trace_phases[] = {
    {"parse", TRACE_PARSE}, {"check", TRACE_CHECK}, {"regs", TRACE_REGS},
    {"emit", TRACE_EMIT},   {"link", TRACE_LINK},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool name_is(const char *name, const char *text, size_t bytes) {
    return strlen(name) == bytes && memcmp(name, text, bytes) == 0;
}

static bool named_value_find(const struct named_value *rows, size_t count, const char *text,
                             size_t bytes, uint32_t *out_value) {
    for (size_t i = 0; i < count; i++)
        if (name_is(rows[i].name, text, bytes)) {
            *out_value = rows[i].value;
            return true;
        }
    return false;
}

/* Release n of the standard: everything that releases 1 … n brought. */
static alka_feature_set features_of_release(uint32_t release) {
    alka_feature_set set = 0;
    for (uint32_t i = 0; i < ALKA_FEATURE_COUNT; i++)
        if (feature_rows[i].release != 0 && feature_rows[i].release <= release)
            set |= UINT32_C(1) << i;
    return set;
}

/* All of the releases; proposals once they are built. */
static alka_feature_set features_all(void) {
    alka_feature_set set = features_of_release(3);
    for (uint32_t i = 0; i < ALKA_FEATURE_COUNT; i++)
        if (feature_rows[i].is_built)
            set |= UINT32_C(1) << i;
    return set;
}

static bool features_find(const char *text, size_t bytes, alka_feature_set *out_set) {
    if (name_is("wasm1", text, bytes))
        *out_set = features_of_release(1);
    else if (name_is("wasm2", text, bytes))
        *out_set = features_of_release(2);
    else if (name_is("wasm3", text, bytes))
        *out_set = features_of_release(3);
    else if (name_is("all", text, bytes))
        *out_set = features_all();
    else {
        for (uint32_t i = 0; i < ALKA_FEATURE_COUNT; i++)
            if (name_is(feature_rows[i].name, text, bytes)) {
                *out_set = UINT32_C(1) << i;
                return true;
            }
        return false;
    }
    return true;
}

static void features_report_unknown(const char *text, size_t bytes) {
    report_error("'%.*s' is no feature; known: wasm1, wasm2, wasm3, all", (int)bytes, text);
    for (uint32_t i = 0; i < ALKA_FEATURE_COUNT; i++)
        (void)fprintf(stderr, "    %s%s\n", feature_rows[i].name,
                      feature_rows[i].is_built ? "" : " (not built yet)");
}

/*
 * LIST is words separated by commas, from left to right: a bare word or +word adds, -word takes
 * away. A list that begins with a sign begins with all, any other with nothing but the first
 * release's own features, which cannot be left out.
 */
bool features_parse(const char *text, alka_feature_set *out_features) {
    bool begins_signed = text[0] == '+' || text[0] == '-';
    alka_feature_set set = begins_signed ? features_all() : 0;
    for (;;) {
        bool takes_away = *text == '-';
        text += *text == '+' || *text == '-';
        size_t bytes = strcspn(text, ",");
        alka_feature_set word;
        if (!features_find(text, bytes, &word)) {
            features_report_unknown(text, bytes);
            return false;
        }
        set = takes_away ? set & ~word : set | word;
        text += bytes;
        if (*text == '\0')
            break;
        text++;
    }
    *out_features = set | features_of_release(1);
    return true;
}

bool memory_model_parse(const char *text, enum alka_memory_model *out_model) {
    uint32_t value;
    if (!named_value_find(memory_models, COUNT_OF(memory_models), text, strlen(text), &value)) {
        report_error("'%s' is no memory model; known: guard, checked, wrap", text);
        return false;
    }
    *out_model = (enum alka_memory_model)value;
    return true;
}

bool cpu_parse(const char *text, alka_cpu_set *out_cpu) {
    if (strcmp(text, "native") == 0) {
        *out_cpu = alka_host_cpu();
        return true;
    }
    if (named_value_find(cpu_levels, COUNT_OF(cpu_levels), text, strlen(text), out_cpu))
        return true;
    report_error("'%s' is no processor level; known: x86-64-v1, x86-64-v2, x86-64-v3, native",
                 text);
    return false;
}

bool cpu_is_offered(alka_cpu_set cpu) {
    alka_cpu_set missing = cpu & ~alka_host_cpu();
    if (!missing)
        return true;
    char names[200];
    cpu_describe(missing, names, sizeof names);
    report_error("this processor cannot run code for that --cpu: it lacks %s", names);
    return false;
}

bool trace_parse(const char *text, uint32_t *out_trace) {
    for (;;) {
        size_t bytes = strcspn(text, ",");
        uint32_t phase;
        if (!named_value_find(trace_phases, COUNT_OF(trace_phases), text, bytes, &phase)) {
            report_error("'%.*s' is no phase; known: parse, check, regs, emit, link", (int)bytes,
                         text);
            return false;
        }
        *out_trace |= phase;
        text += bytes;
        if (*text == '\0')
            return true;
        text++;
    }
}

const char *memory_model_name(enum alka_memory_model model) {
    for (size_t i = 0; i < COUNT_OF(memory_models); i++)
        if (memory_models[i].value == (uint32_t)model)
            return memory_models[i].name;
    return "?";
}

void cpu_describe(alka_cpu_set cpu, char *text, size_t text_bytes) {
    size_t used = 0;
    if (text_bytes)
        text[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(cpu_features) && used < text_bytes; i++)
        if (cpu & cpu_features[i].value) {
            int bytes = snprintf(text + used, text_bytes - used, "%s%s", used ? ", " : "",
                                 cpu_features[i].name);
            used += bytes > 0 ? (size_t)bytes : 0;
        }
}
