/*
 * The value that switches the machine off. It hides in AML, as `Name (\_S5, Package () {a, b, …})`;
 * this reads just that form (ACPI Specification 6.4, 7.4.2 and 20.2) and interprets nothing. In: a
 * DSDT's body. Out: two sleep types.
 */
#include "acpi/tables.h"
#include <string.h>

#define AML_ZERO 0x00u
#define AML_ONE 0x01u
#define AML_NAME 0x08u
#define AML_BYTE 0x0Au
#define AML_WORD 0x0Bu
#define AML_DWORD 0x0Cu
#define AML_PACKAGE 0x12u
#define AML_ROOT '\\'

struct s5_cursor {
    const uint8_t *at, *end;
};

static bool s5_byte(struct s5_cursor *cursor, uint8_t *out) {
    if (cursor->at == cursor->end) {
        return false;
    }
    *out = *cursor->at++;
    return true;
}

static bool s5_skip(struct s5_cursor *cursor, size_t bytes) {
    if ((size_t)(cursor->end - cursor->at) < bytes) {
        return false;
    }
    cursor->at += bytes;
    return true;
}

/* A constant; only its low byte matters, sleep types have three bits. */
static bool s5_number(struct s5_cursor *cursor, uint8_t *out) {
    uint8_t op;
    if (!s5_byte(cursor, &op)) {
        return false;
    }
    switch (op) {
    case AML_ZERO:
    case AML_ONE:
        *out = op;
        return true;
    case AML_BYTE:
        return s5_byte(cursor, out);
    case AML_WORD:
        return s5_byte(cursor, out) && s5_skip(cursor, 1);
    case AML_DWORD:
        return s5_byte(cursor, out) && s5_skip(cursor, 3);
    default:
        return false;
    }
}

/* What follows the name: PackageOp, PkgLength (1–4 bytes), NumElements, elements. */
static bool s5_package(struct s5_cursor cursor, struct acpi_sleep_types *out) {
    uint8_t op, lead, count;
    if (!s5_byte(&cursor, &op) || op != AML_PACKAGE || !s5_byte(&cursor, &lead) ||
        !s5_skip(&cursor, lead >> 6) || !s5_byte(&cursor, &count) || count < 1) {
        return false;
    }
    struct acpi_sleep_types types = {0, 0};
    if (!s5_number(&cursor, &types.pm1a) || (count > 1 && !s5_number(&cursor, &types.pm1b))) {
        return false;
    }
    if (types.pm1a > 7 || types.pm1b > 7) {
        return false;
    }
    *out = types;
    return true;
}

bool acpi_find_s5(const uint8_t *aml, size_t size_bytes, struct acpi_sleep_types *out) {
    for (size_t at = 1; at + 4 <= size_bytes; at++) {
        bool named = aml[at - 1] == AML_NAME ||
                     (aml[at - 1] == AML_ROOT && at >= 2 && aml[at - 2] == AML_NAME);
        if (named && memcmp(aml + at, "_S5_", 4) == 0 &&
            s5_package((struct s5_cursor){aml + at + 4, aml + size_bytes}, out)) {
            return true;
        }
    }
    return false;
}
