/*
 * A line editor: bytes from a terminal in, an edited line and the bytes that show it out. Knows
 * backspace, delete, the arrow keys, home, end, tab, and ^A ^B ^C ^D ^E ^F ^H ^K ^N ^P ^U ^W. To
 * show changes it writes only printable characters and \b, which every terminal understands.
 */
#ifndef ATHANOR_LINE_H
#define ATHANOR_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_BYTES 256u /* with the NUL */
#define LINE_HISTORY 16u

enum line_event {
    LINE_MORE,     /* nothing to do */
    LINE_DONE,     /* text is complete */
    LINE_CANCEL,   /* ^C: the line is dropped, text is empty */
    LINE_REDRAW,   /* ^L: clear the screen, show the prompt, call line_redraw */
    LINE_COMPLETE, /* tab: what may follow text[0, cursor) */
};

struct line {
    char text[LINE_BYTES]; /* NUL-terminated */
    size_t length, cursor;
    void (*write)(void *self, const char *bytes, size_t count);
    void *self;
    enum { LINE_PLAIN, LINE_ESCAPE, LINE_CSI, LINE_SS3 } state;
    uint32_t parameter;
    bool done;         /* the next byte begins a new line */
    bool after_return; /* a \n right after \r belongs to it */
    char history[LINE_HISTORY][LINE_BYTES];
    uint32_t history_count; /* lines ever remembered */
    uint32_t history_back;  /* how far back the line shown is; 0: it is a new one */
};

void line_start(struct line *line, void (*write)(void *self, const char *bytes, size_t count),
                void *self);

/* After LINE_DONE and LINE_CANCEL the text stays until the next byte, which begins a new line. */
enum line_event line_feed(struct line *line, uint8_t byte);

/* Where the cursor is; as much as there is room for. */
void line_insert(struct line *line, const char *bytes, size_t count);

/* Writes the line as it is, cursor in place. */
void line_redraw(struct line *line);

#endif
