/*
 * Room: diagnostics. The codes of codes.def as data. In: a number. Out: its text, or nothing. Must
 * never know more about a code than its row says.
 */
#include <alkahest/render.h>

/* All texts behind each other: rows of two small numbers find them, and need no relocation. */
static const struct code_texts {
#define ALKA_CODE(number, id, text) char id[sizeof(text)];
#include <alkahest/codes.def>
#undef ALKA_CODE
} code_texts = {
#define ALKA_CODE(number, id, text) .id = text,
#include <alkahest/codes.def>
#undef ALKA_CODE
};
_Static_assert(sizeof code_texts <= UINT16_MAX, "offsets are 16 bits wide");

static const struct code_row {
    uint16_t number, text_off;
} code_rows[] = {
#define ALKA_CODE(number, id, text) {number, offsetof(struct code_texts, id)},
#include <alkahest/codes.def>
#undef ALKA_CODE
};

enum { CODE_COUNT = sizeof code_rows / sizeof *code_rows };

/* CODE_COUNT: it is none. */
static size_t code_index(uint32_t code) {
    size_t i = 0;
    while (i < CODE_COUNT && code_rows[i].number != code)
        i++;
    return i;
}

const char *alka_code_text(uint32_t code) {
    size_t index = code_index(code);
    return index < CODE_COUNT ? (const char *)&code_texts + code_rows[index].text_off : NULL;
}

/* A table of its own: whoever needs no ids does not link it. */
const char *alka_code_id(uint32_t code) {
    static const char *const ids[] = {
#define ALKA_CODE(number, id, text) #id,
#include <alkahest/codes.def>
#undef ALKA_CODE
    };
    size_t index = code_index(code);
    return index < CODE_COUNT ? ids[index] : NULL;
}

enum { CODE_MOST = 999 };

bool alka_code_parse(const char *text, uint32_t *out_code) {
    static const char prefix[] = "alka_";
    const char *at = text;
    for (size_t i = 0; prefix[i] != 0 && (at[0] | 0x20) == (prefix[i] | 0x20); i++)
        at++;
    if (at != text && at != text + sizeof prefix - 1)
        return false;
    if (*at == 0)
        return false;
    uint32_t code = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        code = code * 10 + (uint32_t)(*at - '0');
        if (code > CODE_MOST)
            return false;
    }
    if (*at != 0)
        return false;
    *out_code = code;
    return true;
}
