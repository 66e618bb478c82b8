/*
 * Expected values of a suite, from its JSON: exact bits, NaN classes, references.
 */
#include "wast.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct type_name {
    const char *name;
    alka_valtype type;
};

static const struct type_name type_names[] = {
    {"i32", ALKA_I32},
    {"i64", ALKA_I64},
    {"f32", ALKA_F32},
    {"f64", ALKA_F64},
    {"v128", ALKA_V128},
    {"funcref", ALKA_FUNCREF},
    {"externref", ALKA_EXTERNREF},
    {"anyref", ALKA_REF(ALKA_HEAP_ANY, true)},
    {"eqref", ALKA_REF(ALKA_HEAP_EQ, true)},
    {"i31ref", ALKA_REF(ALKA_HEAP_I31, true)},
    {"structref", ALKA_REF(ALKA_HEAP_STRUCT, true)},
    {"arrayref", ALKA_REF(ALKA_HEAP_ARRAY, true)},
    {"exnref", ALKA_REF(ALKA_HEAP_EXN, true)},
    {"nullref", ALKA_REF(ALKA_HEAP_NONE, true)},
    {"nullfuncref", ALKA_REF(ALKA_HEAP_NOFUNC, true)},
    {"nullexternref", ALKA_REF(ALKA_HEAP_NOEXTERN, true)},
    {"nullexnref", ALKA_REF(ALKA_HEAP_NOEXN, true)},
};

struct lane_shape {
    const char *name;
    uint32_t bits;
    bool is_float;
};

static const struct lane_shape lane_shapes[] = {
    {"i8", 8, false},   {"i16", 16, false}, {"i32", 32, false},
    {"i64", 64, false}, {"f32", 32, true},  {"f64", 64, true},
};

/* Decimal, signed or not; cut to `bits`. */
static bool pattern_number(const char *text, uint32_t bits, uint64_t *out_value) {
    if (!text)
        return false;
    char *end;
    errno = 0;
    uint64_t value = text[0] == '-' ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0)
        return false;
    *out_value = bits == 64 ? value : value & ((UINT64_C(1) << bits) - 1);
    return true;
}

static bool pattern_nan(const char *text, enum wast_lane *out_class) {
    if (text && strcmp(text, "nan:canonical") == 0)
        *out_class = WAST_LANE_NAN_CANONICAL;
    else if (text && strcmp(text, "nan:arithmetic") == 0)
        *out_class = WAST_LANE_NAN_ARITHMETIC;
    else
        return false;
    return true;
}

static bool pattern_read_v128(const json_t *json, struct wast_pattern *pattern) {
    const char *lane_type = json_string_value(json_object_get(json, "lane_type"));
    const json_t *lanes = json_object_get(json, "value");
    const struct lane_shape *shape = NULL;
    for (size_t i = 0; lane_type && i < sizeof lane_shapes / sizeof lane_shapes[0]; i++)
        if (strcmp(lane_shapes[i].name, lane_type) == 0)
            shape = &lane_shapes[i];
    if (!shape || json_array_size(lanes) != 128 / shape->bits)
        return false;
    if (shape->is_float) {
        pattern->kind = WAST_LANES;
        pattern->lane_count = 128 / shape->bits;
    }
    for (uint32_t i = 0; i < 128 / shape->bits; i++) {
        const char *text = json_string_value(json_array_get(lanes, i));
        uint64_t lane;
        if (shape->is_float && pattern_nan(text, &pattern->lanes[i]))
            continue;
        if (!pattern_number(text, shape->bits, &lane))
            return false;
        uint32_t bit = i * shape->bits;
        pattern->value.bits[bit / 64] |= lane << (bit % 64);
    }
    return true;
}

static bool pattern_read_reference(const char *text, struct wast_pattern *pattern) {
    if (!text) {
        pattern->kind = WAST_ANY_NON_NULL;
        return true;
    }
    if (strcmp(text, "null") == 0)
        return true; /* bits 0 */
    uint64_t number;
    if (!pattern_number(text, 64, &number))
        return false;
    pattern->value.bits[0] = wast_externref(number);
    return true;
}

bool wast_pattern_read(const json_t *json, struct wast_pattern *out_pattern) {
    const char *type = json_string_value(json_object_get(json, "type"));
    const char *text = json_string_value(json_object_get(json, "value"));
    struct wast_pattern pattern = {0};
    if (!type)
        return false;
    bool ok = true;
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++)
        if (strcmp(type_names[i].name, type) == 0)
            pattern.value.type = type_names[i].type;
    enum wast_lane nan;
    if (strcmp(type, "refnull") == 0)
        pattern.kind = WAST_ANY_NULL;
    else if (pattern.value.type == ALKA_BOTTOM)
        ok = false;
    else if (pattern.value.type == ALKA_V128)
        ok = pattern_read_v128(json, &pattern);
    else if (alka_valtype_is_ref(pattern.value.type))
        ok = pattern_read_reference(text, &pattern);
    else if (!text)
        pattern.kind = WAST_ANY_NON_NULL; /* any value of the type */
    else if (alka_valtype_is_vector(pattern.value.type) && pattern_nan(text, &nan))
        pattern.kind = nan == WAST_LANE_NAN_CANONICAL ? WAST_NAN_CANONICAL : WAST_NAN_ARITHMETIC;
    else {
        bool is_narrow = pattern.value.type == ALKA_I32 || pattern.value.type == ALKA_F32;
        ok = pattern_number(text, is_narrow ? 32 : 64, &pattern.value.bits[0]);
    }
    *out_pattern = pattern;
    return ok;
}

bool wast_matches(const json_t *expected, const struct value *value) {
    const json_t *choices = json_object_get(expected, "values");
    struct wast_pattern pattern;
    if (!choices)
        return wast_pattern_read(expected, &pattern) && wast_pattern_matches(&pattern, value);
    size_t i;
    json_t *choice;
    json_array_foreach(choices, i, choice) {
        if (wast_pattern_read(choice, &pattern) && wast_pattern_matches(&pattern, value))
            return true;
    }
    return false;
}
