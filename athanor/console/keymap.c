/* Scancodes (set 1, as the controller translates them) to terminal bytes. Pure.
 */
#include "console/keyboard.h"
#include <string.h>

#define KEY_RELEASED 0x80u
#define KEY_EXTENDED 0xE0u
#define KEY_CONTROL 0x1Du
#define KEY_SHIFT_LEFT 0x2Au
#define KEY_SHIFT_RIGHT 0x36u
#define KEY_CAPS 0x3Au
#define KEY_SLASH 0x35u
#define KEY_ENTER 0x1Cu

/* Index: scancode. 0: no character. */
static const char keymap_plain[] = "\0\033"
                                   "1234567890-=\b\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./"
                                   "\0*\0 ";
static const char keymap_shift[] = "\0\033"
                                   "!@#$%^&*()_+\b\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?"
                                   "\0*\0 ";

#define KEYMAP_KEYS (sizeof keymap_plain - 1)

static size_t keymap_escape(char final, char out[static 3]) {
    memcpy(out, (const char[]){'\033', '[', final}, 3);
    return 3;
}

static size_t keymap_extended(uint8_t key, char out[static 3]) {
    switch (key) {
    case 0x48:
        return keymap_escape('A', out);
    case 0x50:
        return keymap_escape('B', out);
    case 0x4D:
        return keymap_escape('C', out);
    case 0x4B:
        return keymap_escape('D', out);
    case 0x47:
        return keymap_escape('H', out);
    case 0x4F:
        return keymap_escape('F', out);
    case 0x53: /* delete: what ^D does */
        out[0] = 0x04;
        return 1;
    case KEY_ENTER:
        out[0] = '\r';
        return 1;
    case KEY_SLASH:
        out[0] = '/';
        return 1;
    default:
        return 0;
    }
}

static bool keymap_modifier(struct keyboard_state *state, uint8_t key, bool down) {
    switch (key) {
    case KEY_CONTROL:
        state->control = down;
        return true;
    case KEY_SHIFT_LEFT:
    case KEY_SHIFT_RIGHT:
        state->shift = down;
        return true;
    case KEY_CAPS:
        state->caps ^= down;
        return true;
    default:
        return false;
    }
}

size_t keyboard_decode(struct keyboard_state *state, uint8_t scancode, char out[static 3]) {
    if (scancode == KEY_EXTENDED) {
        state->extended = true;
        return 0;
    }
    bool extended = state->extended, down = (scancode & KEY_RELEASED) == 0;
    uint8_t key = scancode & (uint8_t)~KEY_RELEASED;
    state->extended = false;
    /* Extended shifts are the keyboard's own doing around its navigation keys. */
    if (extended && (key == KEY_SHIFT_LEFT || key == KEY_SHIFT_RIGHT)) {
        return 0;
    }
    if (keymap_modifier(state, key, down) || !down) {
        return 0;
    }
    if (extended) {
        return keymap_extended(key, out);
    }
    if (key >= KEYMAP_KEYS) {
        return 0;
    }
    char plain = keymap_plain[key];
    bool letter = plain >= 'a' && plain <= 'z';
    bool upper = letter ? state->shift != state->caps : state->shift;
    out[0] = plain;
    if (upper) {
        out[0] = keymap_shift[key];
    }
    if (state->control && letter) {
        out[0] = (char)(plain - 'a' + 1);
    }
    return out[0] != '\0' ? 1 : 0;
}
