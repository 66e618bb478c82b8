/*
 * Room: parse. UTF-8 as the specification wants it (5.2.4): shortest forms only, no surrogates,
 * nothing above U+10FFFF. In: bytes; out: yes or no.
 */
#include "sections.h"

/* Continuation bytes that must follow `lead`, and the range of the first of them (Unicode, table
 * 3-7). */
struct utf8_form {
    uint8_t lead_first, lead_last;
    uint8_t second_first, second_last;
    uint8_t continuations;
};

static const struct utf8_form utf8_forms[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 1}, {0xE0, 0xE0, 0xA0, 0xBF, 2}, {0xE1, 0xEC, 0x80, 0xBF, 2},
    {0xED, 0xED, 0x80, 0x9F, 2}, {0xEE, 0xEF, 0x80, 0xBF, 2}, {0xF0, 0xF0, 0x90, 0xBF, 3},
    {0xF1, 0xF3, 0x80, 0xBF, 3}, {0xF4, 0xF4, 0x80, 0x8F, 3},
};

static const struct utf8_form *utf8_form(uint8_t lead) {
    for (size_t i = 0; i < sizeof utf8_forms / sizeof *utf8_forms; i++)
        if (lead >= utf8_forms[i].lead_first && lead <= utf8_forms[i].lead_last)
            return &utf8_forms[i];
    return NULL;
}

bool utf8_is_valid(const uint8_t *data, size_t bytes) {
    const uint8_t *at = data, *end = data + bytes;
    while (at < end) {
        if (*at < 0x80) {
            at++;
            continue;
        }
        const struct utf8_form *form = utf8_form(*at);
        if (!form || end - at <= form->continuations)
            return false;
        if (at[1] < form->second_first || at[1] > form->second_last)
            return false;
        for (uint32_t i = 2; i <= form->continuations; i++)
            if (at[i] < 0x80 || at[i] > 0xBF)
                return false;
        at += 1 + form->continuations;
    }
    return true;
}
