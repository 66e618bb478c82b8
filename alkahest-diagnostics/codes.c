/*
 * Room: diagnostics. The codes of codes.def as data. In: a number. Out: its text, or nothing. Must
 * never know more about a code than its row says.
 */
#include <alkahest/render.h>

struct code_row {
    uint32_t number;
    const char *id, *text;
};

static const struct code_row code_rows[] = {
#define ALKA_CODE(number, id, text) {number, #id, text},
#include <alkahest/codes.def>
#undef ALKA_CODE
};

static const struct code_row *code_row(uint32_t code) {
    for (size_t i = 0; i < sizeof code_rows / sizeof *code_rows; i++)
        if (code_rows[i].number == code)
            return &code_rows[i];
    return NULL;
}

const char *alka_code_text(uint32_t code) {
    const struct code_row *row = code_row(code);
    return row ? row->text : NULL;
}

const char *alka_code_id(uint32_t code) {
    const struct code_row *row = code_row(code);
    return row ? row->id : NULL;
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
