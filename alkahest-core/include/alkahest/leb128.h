/*
 * Reading LEB128 numbers (specification 5.2.2): at most ceil(bits / 7) bytes, no bits beyond
 * `bits`. Moves *cursor only on success; never reads at or behind `end`.
 */
#ifndef ALKAHEST_LEB128_H
#define ALKAHEST_LEB128_H

#include <stdint.h>

enum alka_leb {
    ALKA_LEB_OK,
    ALKA_LEB_END,       /* "unexpected end" */
    ALKA_LEB_TOO_LONG,  /* "integer representation too long" */
    ALKA_LEB_TOO_LARGE, /* "integer too large" */
};

/* bits: 1 to 64. */
static inline enum alka_leb alka_leb_unsigned(const uint8_t **cursor, const uint8_t *end,
                                              unsigned bits, uint64_t *out_value) {
    const uint8_t *at = *cursor;
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (at == end)
            return ALKA_LEB_END;
        uint8_t byte = *at++;
        if (bits - shift < 7 && (byte & 0x80))
            return ALKA_LEB_TOO_LONG;
        if (bits - shift < 7 && (byte & 0x7F) >> (bits - shift))
            return ALKA_LEB_TOO_LARGE;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            break;
        if (bits - shift == 7)
            return ALKA_LEB_TOO_LONG;
    }
    *cursor = at;
    *out_value = value;
    return ALKA_LEB_OK;
}

/* bits: 2 to 64; the result is sign-extended to 64 bits. */
static inline enum alka_leb alka_leb_signed(const uint8_t **cursor, const uint8_t *end,
                                            unsigned bits, int64_t *out_value) {
    const uint8_t *at = *cursor;
    uint64_t value = 0;
    for (unsigned shift = 0;;) {
        if (at == end)
            return ALKA_LEB_END;
        uint8_t byte = *at++;
        unsigned left = bits - shift;
        if (left <= 7) {
            if (byte & 0x80)
                return ALKA_LEB_TOO_LONG;
            /* The sign bit and what lies above it must agree. */
            unsigned top = (byte & 0x7Fu) >> (left - 1);
            if (top != 0 && top != 0x7Fu >> (left - 1))
                return ALKA_LEB_TOO_LARGE;
        }
        value |= (uint64_t)(byte & 0x7F) << shift;
        shift += 7;
        if (!(byte & 0x80)) {
            if (shift < 64 && (byte & 0x40))
                value |= ~UINT64_C(0) << shift;
            break;
        }
    }
    *cursor = at;
    *out_value = (int64_t)value;
    return ALKA_LEB_OK;
}

/* Unchecked: `*cursor` is at a number that one of the above accepted. */
static inline uint64_t alka_leb_take_unsigned(const uint8_t **cursor) {
    const uint8_t *at = *cursor;
    uint8_t byte = *at++;
    uint64_t value = byte & 0x7F;
    for (unsigned shift = 7; byte & 0x80; shift += 7) {
        byte = *at++;
        value |= (uint64_t)(byte & 0x7F) << shift;
    }
    *cursor = at;
    return value;
}
static inline int64_t alka_leb_take_signed(const uint8_t **cursor) {
    const uint8_t *at = *cursor;
    uint8_t byte = *at++;
    uint64_t value = byte & 0x7F;
    unsigned shift = 7;
    while (byte & 0x80) {
        byte = *at++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        shift += 7;
    }
    *cursor = at;
    if (shift < 64 && (byte & 0x40))
        value |= ~UINT64_C(0) << shift;
    return (int64_t)value;
}
static inline uint32_t alka_leb_take_u32(const uint8_t **cursor) {
    return (uint32_t)alka_leb_take_unsigned(cursor);
}

#endif
