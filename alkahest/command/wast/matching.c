/*
 * Compares values with what a suite expects. Everything is compared as bits; no float is ever
 * computed with.
 */
#include "expect.h"

/*
 * Specification 4.3.3 and appendix "Numerics": canonical NaNs have exactly the top bit of the
 * significand, arithmetic ones have it among others. Signs are free.
 */
static bool nan_matches(uint64_t bits, uint32_t width, enum wast_lane class) {
    uint64_t exponent = width == 64 ? UINT64_C(0x7FF) << 52 : UINT64_C(0xFF) << 23;
    uint64_t quiet = width == 64 ? UINT64_C(1) << 51 : UINT64_C(1) << 22;
    uint64_t magnitude = bits & (width == 64 ? UINT64_MAX >> 1 : UINT64_C(0x7FFFFFFF));
    if (class == WAST_LANE_NAN_CANONICAL)
        return magnitude == (exponent | quiet);
    return (magnitude & (exponent | quiet)) == (exponent | quiet);
}

static bool lanes_match(const struct wast_pattern *pattern, const struct value *value) {
    uint32_t width = 128 / pattern->lane_count;
    uint64_t mask = width == 64 ? UINT64_MAX : UINT32_MAX;
    for (uint32_t i = 0; i < pattern->lane_count; i++) {
        uint32_t bit = i * width;
        uint64_t got = value->bits[bit / 64] >> (bit % 64) & mask;
        uint64_t expected = pattern->value.bits[bit / 64] >> (bit % 64) & mask;
        bool ok = pattern->lanes[i] == WAST_LANE_BITS ? got == expected
                                                      : nan_matches(got, width, pattern->lanes[i]);
        if (!ok)
            return false;
    }
    return true;
}

/* The suite names abstract types; what comes may be a typed reference. */
static bool types_match(alka_valtype expected, alka_valtype got) {
    return expected == got || (alka_valtype_is_ref(expected) && alka_valtype_is_ref(got));
}

bool wast_pattern_matches(const struct wast_pattern *pattern, const struct value *value) {
    if (pattern->kind == WAST_ANY_NULL)
        return alka_valtype_is_ref(value->type) && value->bits[0] == 0;
    if (!types_match(pattern->value.type, value->type))
        return false;
    uint32_t width = value->type == ALKA_F32 ? 32 : 64;
    switch (pattern->kind) {
    case WAST_BITS:
        return pattern->value.bits[0] == value->bits[0] &&
               (value->type != ALKA_V128 || pattern->value.bits[1] == value->bits[1]);
    case WAST_LANES:
        return lanes_match(pattern, value);
    case WAST_NAN_CANONICAL:
        return nan_matches(value->bits[0], width, WAST_LANE_NAN_CANONICAL);
    case WAST_NAN_ARITHMETIC:
        return nan_matches(value->bits[0], width, WAST_LANE_NAN_ARITHMETIC);
    case WAST_ANY_NON_NULL:
        return !alka_valtype_is_ref(value->type) || value->bits[0] != 0;
    case WAST_ANY_NULL:
        break;
    }
    return false;
}
