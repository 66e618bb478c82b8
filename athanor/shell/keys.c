/* Quoting for key=value lines. In: any text. Out: a value that ends where it should. Pure. */
#include "shell/keys.h"
#include <stdbool.h>
#include <stdint.h>

static char keys_shown(char byte) {
    if (byte == '\n') {
        return 'n';
    }
    if ((uint8_t)byte < 0x20 || byte == 0x7F) {
        return '?';
    }
    return byte;
}

const char *keys_quote(char *out, size_t out_bytes, const char *text) {
    size_t at = 0;
    out[at++] = '"';
    for (; *text != '\0'; text++) {
        bool is_escaped = *text == '"' || *text == '\\' || *text == '\n';
        if (at + (is_escaped ? 2 : 1) + 2 > out_bytes) {
            break;
        }
        if (is_escaped) {
            out[at++] = '\\';
        }
        out[at++] = keys_shown(*text);
    }
    out[at++] = '"';
    out[at] = '\0';
    return out;
}
