/*
 * A text terminal on a framebuffer of 32-bit pixels. Understands UTF-8 (Latin-1 has glyphs, the
 * rest shows as '?'), \n \r \b \t, and of the ECMA-48 escape sequences: CSI n m (colours), K, J, H,
 * and A–D.
 */
#ifndef ATHANOR_SCREEN_H
#define ATHANOR_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCREEN_PARAMETERS_MAX 4u

struct screen_cell {
    uint8_t code;   /* Latin-1 */
    uint8_t colour; /* index in the palette */
};

struct screen_surface {
    uint8_t *pixels;
    uint32_t width, height, pitch_bytes;
    uint8_t red_shift, green_shift, blue_shift;
};

struct screen {
    struct screen_surface surface;
    struct screen_cell *cells;
    uint32_t columns, rows;
    uint32_t column, row; /* column == columns: the line is full, the next character wraps */
    uint8_t colour;
    enum { SCREEN_TEXT, SCREEN_ESCAPE, SCREEN_CSI } state;
    uint32_t parameters[SCREEN_PARAMETERS_MAX], parameter_count;
    uint8_t utf8_left; /* continuation bytes to come */
    uint32_t utf8_value;
};

/* Bytes of cells that a surface needs. 0 if it is too small or its numbers do not fit each other.
 */
size_t screen_cells_bytes(const struct screen_surface *surface);

/* Clears the surface. `cells` has screen_cells_bytes and stays with the screen. */
void screen_start(struct screen *screen, const struct screen_surface *surface,
                  struct screen_cell *cells);

/* `self` is a struct screen. */
void screen_write(void *self, const char *bytes, size_t count);

#endif
