/*
 * Wasm values as text. In: words of a command line, or bits. Floats keep their bits, NaN payloads
 * included: they are never converted on the way from text to value to text.
 */
#include "values.h"

#include "report.h"

#include <alkahest/abi.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct heap_name {
    uint32_t heap;
    const char *reference; /* the short form of the nullable reference to it */
    const char *name;
};

static const struct heap_name heap_names[] = {
    {ALKA_HEAP_FUNC, "funcref", "func"},
    {ALKA_HEAP_EXTERN, "externref", "extern"},
    {ALKA_HEAP_ANY, "anyref", "any"},
    {ALKA_HEAP_EQ, "eqref", "eq"},
    {ALKA_HEAP_I31, "i31ref", "i31"},
    {ALKA_HEAP_STRUCT, "structref", "struct"},
    {ALKA_HEAP_ARRAY, "arrayref", "array"},
    {ALKA_HEAP_EXN, "exnref", "exn"},
    {ALKA_HEAP_NONE, "nullref", "none"},
    {ALKA_HEAP_NOFUNC, "nullfuncref", "nofunc"},
    {ALKA_HEAP_NOEXTERN, "nullexternref", "noextern"},
    {ALKA_HEAP_NOEXN, "nullexnref", "noexn"},
};

static void value_reference_name(alka_valtype type, char *text, size_t text_bytes) {
    uint32_t heap = alka_valtype_heap(type);
    const char *null = alka_valtype_is_nullable(type) ? "null " : "";
    for (size_t i = 0; i < sizeof heap_names / sizeof heap_names[0]; i++)
        if (heap_names[i].heap == heap) {
            if (alka_valtype_is_nullable(type))
                (void)snprintf(text, text_bytes, "%s", heap_names[i].reference);
            else
                (void)snprintf(text, text_bytes, "(ref %s)", heap_names[i].name);
            return;
        }
    (void)snprintf(text, text_bytes, "(ref %s%" PRIu32 ")", null, heap);
}

void value_type_name(alka_valtype type, char *text, size_t text_bytes) {
    static const char *const names[] = {
        [ALKA_KIND_BOTTOM] = "bottom", [ALKA_KIND_I32] = "i32", [ALKA_KIND_I64] = "i64",
        [ALKA_KIND_F32] = "f32",       [ALKA_KIND_F64] = "f64", [ALKA_KIND_V128] = "v128",
    };
    if (alka_valtype_is_ref(type))
        value_reference_name(type, text, text_bytes);
    else
        (void)snprintf(text, text_bytes, "%s", names[alka_valtype_kind(type)]);
}

/* An integer of `bits` bits: in [-2^(bits-1), 2^bits). */
static bool parse_integer(const char *text, unsigned bits, uint64_t *out_value) {
    bool is_negative = text[0] == '-';
    const char *digits = text + (text[0] == '-' || text[0] == '+');
    if (digits[0] < '0' || digits[0] > '9')
        return false;
    bool is_hex = digits[0] == '0' && (digits[1] | 0x20) == 'x';
    char *end;
    errno = 0;
    uint64_t magnitude = strtoull(digits, &end, is_hex ? 16 : 10);
    if (*end != '\0' || errno != 0)
        return false;
    uint64_t mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    uint64_t limit = is_negative ? UINT64_C(1) << (bits - 1) : mask;
    if (magnitude > limit)
        return false;
    *out_value = (is_negative ? 0 - magnitude : magnitude) & mask;
    return true;
}

/* nan, nan:0x200000: `exponent` and `quiet` are the format's. */
static bool parse_nan(const char *text, uint64_t exponent, uint64_t quiet, uint64_t *out_bits) {
    uint64_t payload = quiet;
    if (text[3] == ':' &&
        (!parse_integer(text + 4, 64, &payload) || payload == 0 || payload >= quiet * 2))
        return false;
    if (text[3] != ':' && text[3] != '\0')
        return false;
    *out_bits = exponent | payload;
    return true;
}

static bool parse_float(const char *text, bool is_double, uint64_t *out_bits) {
    uint64_t exponent = is_double ? UINT64_C(0x7FF) << 52 : UINT64_C(0xFF) << 23;
    uint64_t quiet = is_double ? UINT64_C(1) << 51 : UINT64_C(1) << 22;
    uint64_t sign = text[0] == '-' ? (is_double ? UINT64_C(1) << 63 : UINT64_C(1) << 31) : 0;
    const char *magnitude = text + (text[0] == '-' || text[0] == '+');
    if (strncmp(magnitude, "nan", 3) == 0) {
        if (!parse_nan(magnitude, exponent, quiet, out_bits))
            return false;
        *out_bits |= sign;
        return true;
    }
    if (strcmp(magnitude, "inf") == 0 || strcmp(magnitude, "infinity") == 0) {
        *out_bits = exponent | sign;
        return true;
    }
    if (magnitude[0] != '.' && (magnitude[0] < '0' || magnitude[0] > '9'))
        return false;
    char *end;
    *out_bits = 0;
    if (is_double) {
        double value = strtod(magnitude, &end);
        memcpy(out_bits, &value, sizeof value);
    } else {
        float value = strtof(magnitude, &end);
        memcpy(out_bits, &value, sizeof value);
    }
    *out_bits |= sign;
    return *end == '\0';
}

/* 0x and up to 32 digits, or LOW:HIGH. */
static bool parse_v128(const char *text, uint64_t out_bits[2]) {
    const char *colon = strchr(text, ':');
    if (colon) {
        char low[32];
        size_t bytes = (size_t)(colon - text);
        if (bytes >= sizeof low)
            return false;
        memcpy(low, text, bytes);
        low[bytes] = '\0';
        return parse_integer(low, 64, &out_bits[0]) && parse_integer(colon + 1, 64, &out_bits[1]);
    }
    size_t digits = strlen(text);
    if (digits < 3 || digits > 34 || text[0] != '0' || (text[1] | 0x20) != 'x')
        return false;
    if (digits <= 18) {
        out_bits[1] = 0;
        return parse_integer(text, 64, &out_bits[0]);
    }
    char high[19];
    char low[19] = "0x";
    memcpy(high, text, digits - 16);
    high[digits - 16] = '\0';
    memcpy(low + 2, text + digits - 16, 17);
    return parse_integer(high, 64, &out_bits[1]) && parse_integer(low, 64, &out_bits[0]);
}

static bool value_parse_bits(const char *text, struct value *value) {
    switch (alka_valtype_kind(value->type)) {
    case ALKA_KIND_I32:
        return parse_integer(text, 32, &value->bits[0]);
    case ALKA_KIND_I64:
        return parse_integer(text, 64, &value->bits[0]);
    case ALKA_KIND_F32:
        return parse_float(text, false, &value->bits[0]);
    case ALKA_KIND_F64:
        return parse_float(text, true, &value->bits[0]);
    case ALKA_KIND_V128:
        return parse_v128(text, value->bits);
    case ALKA_KIND_REF:
        return strcmp(text, "null") == 0 && alka_valtype_is_nullable(value->type);
    case ALKA_KIND_BOTTOM:
        break;
    }
    return false;
}

bool value_parse(const char *text, alka_valtype type, struct value *out_value) {
    char name[VALUE_TEXT_BYTES];
    value_type_name(type, name, sizeof name);
    *out_value = (struct value){.type = type};
    size_t name_bytes = strlen(name);
    const char *bare = text;
    if (strncmp(text, name, name_bytes) == 0 && text[name_bytes] == ':')
        bare = text + name_bytes + 1;
    if (value_parse_bits(bare, out_value))
        return true;
    report_error("'%s' is no value of type %s", text, name);
    return false;
}

static void format_double(uint64_t bits, char *text, size_t text_bytes) {
    double value, back;
    uint64_t back_bits;
    memcpy(&value, &bits, sizeof value);
    if (isnan(value)) {
        (void)snprintf(text, text_bytes, "%snan:0x%" PRIx64, bits >> 63 ? "-" : "",
                       bits & ((UINT64_C(1) << 52) - 1));
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, text_bytes, "%.*g", digits, value);
        back = strtod(text, NULL);
        memcpy(&back_bits, &back, sizeof back);
        if (back_bits == bits)
            return;
    }
}

static void format_float(uint32_t bits, char *text, size_t text_bytes) {
    float value, back;
    uint32_t back_bits;
    memcpy(&value, &bits, sizeof value);
    if (isnan(value)) {
        (void)snprintf(text, text_bytes, "%snan:0x%" PRIx32, bits >> 31 ? "-" : "",
                       bits & ((UINT32_C(1) << 23) - 1));
        return;
    }
    for (int digits = 1; digits <= 9; digits++) {
        (void)snprintf(text, text_bytes, "%.*g", digits, (double)value);
        back = strtof(text, NULL);
        memcpy(&back_bits, &back, sizeof back);
        if (back_bits == bits)
            return;
    }
}

/* A function by its index in its own module; of whatever else the host has given, the host's word.
 */
static void format_reference(const struct value *value, char *text, size_t text_bytes) {
    if (value->bits[0] == 0)
        (void)snprintf(text, text_bytes, "null");
    else if (alka_valtype_is_funcref(value->type))
        (void)snprintf(text, text_bytes, "func[%" PRIu32 "]",
                       ((const struct alka_func *)(uintptr_t)value->bits[0])->func_idx);
    else
        (void)snprintf(text, text_bytes, "ref:0x%" PRIx64, value->bits[0]);
}

void value_format(const struct value *value, char *text, size_t text_bytes) {
    switch (alka_valtype_kind(value->type)) {
    case ALKA_KIND_I32:
        (void)snprintf(text, text_bytes, "%" PRId32, (int32_t)value->bits[0]);
        return;
    case ALKA_KIND_I64:
        (void)snprintf(text, text_bytes, "%" PRId64, (int64_t)value->bits[0]);
        return;
    case ALKA_KIND_F32:
        format_float((uint32_t)value->bits[0], text, text_bytes);
        return;
    case ALKA_KIND_F64:
        format_double(value->bits[0], text, text_bytes);
        return;
    case ALKA_KIND_V128:
        (void)snprintf(text, text_bytes, "0x%016" PRIx64 "%016" PRIx64, value->bits[1],
                       value->bits[0]);
        return;
    case ALKA_KIND_REF:
        format_reference(value, text, text_bytes);
        return;
    case ALKA_KIND_BOTTOM:
        break;
    }
    (void)snprintf(text, text_bytes, "?");
}
