/*
 * The line editor. In: terminal bytes, any of them. Out: a line of at most LINE_BYTES - 1 printable
 * characters. Pure: what it shows goes through one function. Invariant: cursor ≤ length <
 * LINE_BYTES, and the terminal's cursor is at `cursor`.
 */
#include "shell/line.h"
#include <string.h>

#define KEY_CTRL(letter) ((letter) - '@')
#define KEY_ESCAPE 0x1B
#define KEY_DELETE 0x7F

void line_start(struct line *line, void (*write)(void *self, const char *bytes, size_t count),
                void *self) {
    memset(line, 0, sizeof *line);
    line->write = write;
    line->self = self;
}

static void line_show(struct line *line, const char *bytes, size_t count) {
    if (count > 0) {
        line->write(line->self, bytes, count);
    }
}

static void line_repeat(struct line *line, char byte, size_t count) {
    char run[LINE_BYTES];
    memset(run, byte, count);
    line_show(line, run, count);
}

/* Moves the cursor, on the terminal too. */
static void line_move(struct line *line, size_t to) {
    if (to < line->cursor) {
        line_repeat(line, '\b', line->cursor - to);
    } else {
        line_show(line, line->text + line->cursor, to - line->cursor);
    }
    line->cursor = to;
}

/* Replaces text[cursor, cursor + removed) by `bytes`, which fit; leaves the cursor behind them. */
static void line_splice(struct line *line, size_t removed, const char *bytes, size_t count) {
    size_t old_length = line->length, at = line->cursor;
    memmove(line->text + at + count, line->text + at + removed, old_length - at - removed);
    memcpy(line->text + at, bytes, count);
    line->length = old_length - removed + count;
    line->text[line->length] = '\0';

    line_show(line, line->text + at, line->length - at);
    size_t shown = line->length - at;
    if (line->length < old_length) {
        line_repeat(line, ' ', old_length - line->length);
        shown += old_length - line->length;
    }
    line_repeat(line, '\b', shown - count);
    line->cursor = at + count;
}

static void line_replace_all(struct line *line, const char *text) {
    line_move(line, 0);
    line_splice(line, line->length, text, strlen(text));
}

static void line_erase_back(struct line *line, size_t count) {
    line_move(line, line->cursor - count);
    line_splice(line, count, "", 0);
}

static void line_erase_word(struct line *line) {
    size_t at = line->cursor;
    while (at > 0 && line->text[at - 1] == ' ') {
        at--;
    }
    while (at > 0 && line->text[at - 1] != ' ') {
        at--;
    }
    line_erase_back(line, line->cursor - at);
}

static void line_erase_here(struct line *line) {
    if (line->cursor < line->length) {
        line_splice(line, 1, "", 0);
    }
}

static void line_remember(struct line *line) {
    char *last = line->history[(line->history_count + LINE_HISTORY - 1) % LINE_HISTORY];
    if (line->length == 0 || (line->history_count > 0 && strcmp(last, line->text) == 0)) {
        return;
    }
    memcpy(line->history[line->history_count % LINE_HISTORY], line->text, line->length + 1);
    line->history_count++;
}

static void line_browse(struct line *line, uint32_t back) {
    uint32_t kept = line->history_count < LINE_HISTORY ? line->history_count : LINE_HISTORY;
    if (back > kept) {
        return;
    }
    line->history_back = back;
    line_replace_all(line,
                     back == 0 ? "" : line->history[(line->history_count - back) % LINE_HISTORY]);
}

static void line_older(struct line *line) { line_browse(line, line->history_back + 1); }

static void line_newer(struct line *line) {
    if (line->history_back > 0) {
        line_browse(line, line->history_back - 1);
    }
}

static void line_left(struct line *line) {
    line_move(line, line->cursor - (line->cursor > 0 ? 1 : 0));
}

static void line_right(struct line *line) {
    line_move(line, line->cursor + (line->cursor < line->length ? 1 : 0));
}

/* The last byte of an escape sequence; `parameter` is its number. */
static void line_key(struct line *line, uint8_t final) {
    switch (final) {
    case 'A':
        line_older(line);
        return;
    case 'B':
        line_newer(line);
        return;
    case 'C':
        line_right(line);
        return;
    case 'D':
        line_left(line);
        return;
    case 'H':
        line_move(line, 0);
        return;
    case 'F':
        line_move(line, line->length);
        return;
    case '~':
        if (line->parameter == 3) {
            line_erase_here(line);
        } else if (line->parameter == 1 || line->parameter == 7) {
            line_move(line, 0);
        } else if (line->parameter == 4 || line->parameter == 8) {
            line_move(line, line->length);
        }
        return;
    default:
        return;
    }
}

/* True if the byte was part of an escape sequence. */
static bool line_escape(struct line *line, uint8_t byte) {
    switch (line->state) {
    case LINE_ESCAPE:
        line->parameter = 0;
        line->state = LINE_PLAIN;
        if (byte == '[') {
            line->state = LINE_CSI;
        } else if (byte == 'O') {
            line->state = LINE_SS3;
        }
        return true;
    case LINE_SS3:
        line->state = LINE_PLAIN;
        line_key(line, byte);
        return true;
    case LINE_CSI:
        if (byte >= '0' && byte <= '9') {
            line->parameter = (line->parameter * 10 + (byte - '0')) % 1000;
            return true;
        }
        if (byte >= 0x40 && byte <= 0x7E) {
            line->state = LINE_PLAIN;
            line_key(line, byte);
            return true;
        }
        if (byte < 0x20) { /* a control key ends a broken sequence, and counts */
            line->state = LINE_PLAIN;
            return false;
        }
        return true;
    case LINE_PLAIN:
        break;
    }
    return false;
}

static void line_edit(struct line *line, uint8_t byte) {
    switch (byte) {
    case KEY_CTRL('A'):
        line_move(line, 0);
        return;
    case KEY_CTRL('B'):
        line_left(line);
        return;
    case KEY_CTRL('D'):
        line_erase_here(line);
        return;
    case KEY_CTRL('E'):
        line_move(line, line->length);
        return;
    case KEY_CTRL('F'):
        line_right(line);
        return;
    case KEY_CTRL('H'):
    case KEY_DELETE:
        line_erase_back(line, line->cursor > 0 ? 1 : 0);
        return;
    case KEY_CTRL('K'):
        line_splice(line, line->length - line->cursor, "", 0);
        return;
    case KEY_CTRL('N'):
        line_newer(line);
        return;
    case KEY_CTRL('P'):
        line_older(line);
        return;
    case KEY_CTRL('U'):
        line_erase_back(line, line->cursor);
        return;
    case KEY_CTRL('W'):
        line_erase_word(line);
        return;
    case KEY_ESCAPE:
        line->state = LINE_ESCAPE;
        return;
    default:
        if (byte >= 0x20 && byte < 0x7F && line->length + 1 < LINE_BYTES) {
            char character = (char)byte;
            line_splice(line, 0, &character, 1);
        }
        return;
    }
}

static void line_begin(struct line *line) {
    line->text[0] = '\0';
    line->length = line->cursor = 0;
    line->history_back = 0;
    line->done = false;
}

enum line_event line_feed(struct line *line, uint8_t byte) {
    bool after_return = line->after_return;
    line->after_return = byte == '\r';
    if (after_return && byte == '\n') {
        return LINE_MORE;
    }
    if (line->done) {
        line_begin(line);
    }
    if (line_escape(line, byte)) {
        return LINE_MORE;
    }
    switch (byte) {
    case '\r':
    case '\n':
        line_move(line, line->length);
        line_show(line, "\n", 1);
        line_remember(line);
        line->done = true;
        return LINE_DONE;
    case KEY_CTRL('C'):
        line_show(line, "^C\n", 3);
        line_begin(line);
        return LINE_CANCEL;
    case KEY_CTRL('L'):
        return LINE_REDRAW;
    case KEY_CTRL('I'):
        return LINE_COMPLETE;
    default:
        line_edit(line, byte);
        return LINE_MORE;
    }
}

void line_insert(struct line *line, const char *bytes, size_t count) {
    size_t room = LINE_BYTES - 1 - line->length;
    line_splice(line, 0, bytes, count < room ? count : room);
}

void line_redraw(struct line *line) {
    line_show(line, line->text, line->length);
    line_repeat(line, '\b', line->length - line->cursor);
}
