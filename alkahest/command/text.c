/*
 * Escapes names for terminals. In: UTF-8 (the parser has checked it), with any code point in it.
 * Out: the same text without C0, C1 and DEL control characters.
 */
#include "text.h"

#include <string.h>

/* Bytes of the character that begins with `first`; 1 for what is no UTF-8. */
static size_t text_character_bytes(uint8_t first) {
    if (first < 0xC0)
        return 1;
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* C1 controls are C2 80 … C2 9F in UTF-8. */
static bool text_is_control(const uint8_t *at, size_t bytes) {
    return at[0] < 0x20 || at[0] == 0x7F || (at[0] >= 0x80 && at[0] < 0xC0) ||
           (bytes == 2 && at[0] == 0xC2 && at[1] < 0xA0);
}

/* One character, escaped if need be, into `piece`; returns how many bytes of `text` it was. */
static size_t text_piece(struct alka_span text, size_t off, char piece[16]) {
    size_t bytes = text_character_bytes(text.data[off]);
    if (bytes > text.size - off)
        bytes = 1;
    if (text_is_control(text.data + off, bytes) || (bytes == 1 && text.data[off] >= 0x80)) {
        size_t used = 0;
        for (size_t i = 0; i < bytes; i++)
            used += (size_t)snprintf(piece + used, 16 - used, "\\x%02x", text.data[off + i]);
        return bytes;
    }
    memcpy(piece, text.data + off, bytes);
    piece[bytes] = '\0';
    return bytes;
}

void text_print(FILE *out, struct alka_span text) {
    char piece[16];
    for (size_t off = 0; off < text.size;) {
        off += text_piece(text, off, piece);
        (void)fputs(piece, out);
    }
}

void text_escape(struct alka_span text, char *buffer, size_t buffer_bytes) {
    char piece[16];
    size_t used = 0;
    for (size_t off = 0; off < text.size;) {
        off += text_piece(text, off, piece);
        size_t bytes = strlen(piece);
        if (used + bytes + 1 > buffer_bytes)
            break;
        memcpy(buffer + used, piece, bytes);
        used += bytes;
    }
    if (buffer_bytes)
        buffer[used] = '\0';
}
