/*
 * The framebuffer terminal. In: bytes, hostile in that modules write them. Out: cells, and their
 * pixels. It never reads the framebuffer (that is slow) and never writes outside of it: every
 * position is kept below columns and rows.
 */
#include "console/screen.h"
#include "console/font.h"
#include <string.h>

#define SCREEN_SIDE_MAX 16384u
#define SCREEN_TAB 8u
#define SCREEN_COLOUR_DEFAULT 7u

/* The VGA palette, 0xRRGGBB; black is not quite black and white is easy on the eye. */
static const uint32_t screen_palette[16] = {
    0x101418, 0xC04040, 0x40A050, 0xB08030, 0x5080D0, 0xA050B0, 0x40A0A8, 0xC8CCD0,
    0x606870, 0xF07070, 0x70D080, 0xE8C060, 0x80B0FF, 0xD080E0, 0x70D8E0, 0xFFFFFF,
};

size_t screen_cells_bytes(const struct screen_surface *surface) {
    if (surface->width < FONT_WIDTH || surface->height < font_height ||
        surface->width > SCREEN_SIDE_MAX || surface->height > SCREEN_SIDE_MAX ||
        surface->pitch_bytes / 4 < surface->width || surface->pitch_bytes / 16 > SCREEN_SIDE_MAX) {
        return 0;
    }
    return (size_t)(surface->width / FONT_WIDTH) * (surface->height / font_height) *
           sizeof(struct screen_cell);
}

static uint32_t screen_pixel(const struct screen_surface *surface, uint32_t colour) {
    uint32_t rgb = screen_palette[colour];
    return (rgb >> 16) << surface->red_shift | (rgb >> 8 & 0xFF) << surface->green_shift |
           (rgb & 0xFF) << surface->blue_shift;
}

static const uint8_t *screen_glyph(uint8_t code) {
    uint32_t glyph = '?' - 0x20;
    if (code >= 0x20 && code <= 0x7E) {
        glyph = code - 0x20u;
    }
    if (code >= 0xA0) {
        glyph = code - 0xA0u + 95;
    }
    return font_glyphs + (size_t)glyph * font_height;
}

static struct screen_cell *screen_cell_at(struct screen *screen, uint32_t column, uint32_t row) {
    return &screen->cells[(size_t)row * screen->columns + column];
}

static void screen_draw(struct screen *screen, uint32_t column, uint32_t row, bool cursor) {
    struct screen_cell cell = *screen_cell_at(screen, column, row);
    const struct screen_surface *surface = &screen->surface;
    const uint8_t *glyph = screen_glyph(cell.code);
    uint32_t ink = screen_pixel(surface, cell.colour), paper = screen_pixel(surface, 0);
    uint8_t *line = surface->pixels + (size_t)row * font_height * surface->pitch_bytes +
                    (size_t)column * FONT_WIDTH * 4;
    for (uint32_t y = 0; y < font_height; y++, line += surface->pitch_bytes) {
        uint32_t bits = cursor ? ~(uint32_t)glyph[y] : glyph[y];
        uint32_t pixels[FONT_WIDTH];
        for (uint32_t x = 0; x < FONT_WIDTH; x++) {
            pixels[x] = (bits >> (FONT_WIDTH - 1 - x) & 1) != 0 ? ink : paper;
        }
        memcpy(line, pixels, sizeof pixels);
    }
}

static void screen_draw_cursor(struct screen *screen, bool shown) {
    uint32_t column = screen->column < screen->columns ? screen->column : screen->columns - 1;
    screen_draw(screen, column, screen->row, shown);
}

static void screen_set(struct screen *screen, uint32_t column, uint32_t row,
                       struct screen_cell value) {
    struct screen_cell *cell = screen_cell_at(screen, column, row);
    if (cell->code != value.code || cell->colour != value.colour) {
        *cell = value;
        screen_draw(screen, column, row, false);
    }
}

/* Blanks cells [from, to) in reading order. */
static void screen_clear(struct screen *screen, size_t from, size_t to) {
    const struct screen_cell blank = {' ', SCREEN_COLOUR_DEFAULT};
    for (size_t at = from; at < to; at++) {
        screen_set(screen, (uint32_t)(at % screen->columns), (uint32_t)(at / screen->columns),
                   blank);
    }
}

static void screen_scroll(struct screen *screen) {
    for (uint32_t row = 0; row + 1 < screen->rows; row++) {
        for (uint32_t column = 0; column < screen->columns; column++) {
            screen_set(screen, column, row, *screen_cell_at(screen, column, row + 1));
        }
    }
    screen_clear(screen, (size_t)(screen->rows - 1) * screen->columns,
                 (size_t)screen->rows * screen->columns);
}

static void screen_new_line(struct screen *screen) {
    screen->column = 0;
    if (screen->row + 1 < screen->rows) {
        screen->row++;
        return;
    }
    screen_scroll(screen);
}

static void screen_put(struct screen *screen, uint32_t code_point) {
    if (screen->column >= screen->columns) {
        screen_new_line(screen);
    }
    uint8_t code = code_point <= 0xFF ? (uint8_t)code_point : '?';
    screen_set(screen, screen->column, screen->row, (struct screen_cell){code, screen->colour});
    screen->column++;
}

static void screen_control(struct screen *screen, uint8_t byte) {
    switch (byte) {
    case '\n':
        screen_new_line(screen);
        return;
    case '\r':
        screen->column = 0;
        return;
    case '\b':
        screen->column -= screen->column > 0 ? 1 : 0;
        return;
    case '\t':
        do {
            screen_put(screen, ' ');
        } while (screen->column % SCREEN_TAB != 0 && screen->column < screen->columns);
        return;
    case 0x1B:
        screen->state = SCREEN_ESCAPE;
        return;
    default:
        return;
    }
}

static void screen_colours(struct screen *screen) {
    for (uint32_t i = 0; i < screen->parameter_count; i++) {
        uint32_t n = screen->parameters[i];
        if (n == 0 || n == 39) {
            screen->colour = SCREEN_COLOUR_DEFAULT;
        } else if (n == 1) {
            screen->colour |= 8;
        } else if (n >= 30 && n <= 37) {
            screen->colour = (uint8_t)((screen->colour & 8) | (n - 30));
        } else if (n >= 90 && n <= 97) {
            screen->colour = (uint8_t)(n - 90 + 8);
        }
    }
}

static uint32_t screen_min(uint32_t a, uint32_t b) { return a < b ? a : b; }

static void screen_move(struct screen *screen, uint8_t direction, uint32_t count) {
    uint32_t column = screen_min(screen->column, screen->columns - 1);
    switch (direction) {
    case 'A':
        screen->row -= screen_min(count, screen->row);
        break;
    case 'B':
        screen->row += screen_min(count, screen->rows - 1 - screen->row);
        break;
    case 'C':
        column += screen_min(count, screen->columns - 1 - column);
        break;
    default:
        column -= screen_min(count, column);
        break;
    }
    screen->column = column;
}

/* K and J: 0 from the cursor on, 1 up to the cursor, 2 all; within `first`–`end`. */
static void screen_erase(struct screen *screen, uint32_t mode, size_t first, size_t end) {
    size_t here =
        (size_t)screen->row * screen->columns + screen_min(screen->column, screen->columns - 1);
    screen_clear(screen, mode == 0 ? here : first, mode == 1 ? here + 1 : end);
}

static void screen_csi_end(struct screen *screen, uint8_t final) {
    uint32_t first = screen->parameters[0];
    size_t line = (size_t)screen->row * screen->columns;
    switch (final) {
    case 'm':
        screen_colours(screen);
        return;
    case 'K':
        screen_erase(screen, first, line, line + screen->columns);
        return;
    case 'J':
        screen_erase(screen, first, 0, (size_t)screen->rows * screen->columns);
        return;
    case 'H':
        screen->row = screen_min(first > 0 ? first - 1 : 0, screen->rows - 1);
        screen->column = screen->parameters[1] > 0 ? screen->parameters[1] - 1 : 0;
        screen->column = screen_min(screen->column, screen->columns - 1);
        return;
    case 'A':
    case 'B':
    case 'C':
    case 'D':
        screen_move(screen, final, first > 0 ? first : 1);
        return;
    default:
        return;
    }
}

static void screen_csi(struct screen *screen, uint8_t byte) {
    uint32_t *parameter = &screen->parameters[screen->parameter_count - 1];
    if (byte >= '0' && byte <= '9') {
        *parameter = screen_min(*parameter * 10 + (byte - '0'), 9999);
        return;
    }
    if (byte == ';') {
        if (screen->parameter_count < SCREEN_PARAMETERS_MAX) {
            screen->parameters[screen->parameter_count++] = 0;
        }
        return;
    }
    if (byte >= 0x40 && byte <= 0x7E) {
        screen->state = SCREEN_TEXT;
        screen_csi_end(screen, byte);
        return;
    }
    if (byte < 0x20) { /* a control character ends a broken sequence */
        screen->state = SCREEN_TEXT;
        screen_control(screen, byte);
    }
}

static void screen_utf8(struct screen *screen, uint8_t byte) {
    if ((byte & 0xC0) == 0x80 && screen->utf8_left > 0) {
        screen->utf8_value = screen->utf8_value << 6 | (byte & 0x3F);
        screen->utf8_left--;
        if (screen->utf8_left == 0) {
            screen_put(screen, screen->utf8_value);
        }
        return;
    }
    screen->utf8_left = 0;
    if (byte >= 0xC2 && byte <= 0xDF) {
        screen->utf8_left = 1;
        screen->utf8_value = byte & 0x1F;
    } else if (byte >= 0xE0 && byte <= 0xF4) {
        screen->utf8_left = byte < 0xF0 ? 2 : 3;
        screen->utf8_value = byte & 0x07;
    } else {
        screen_put(screen, '?');
    }
}

static void screen_byte(struct screen *screen, uint8_t byte) {
    switch (screen->state) {
    case SCREEN_ESCAPE:
        screen->state = byte == '[' ? SCREEN_CSI : SCREEN_TEXT;
        memset(screen->parameters, 0, sizeof screen->parameters);
        screen->parameter_count = 1;
        return;
    case SCREEN_CSI:
        screen_csi(screen, byte);
        return;
    case SCREEN_TEXT:
        break;
    }
    if (byte >= 0x80) {
        screen_utf8(screen, byte);
        return;
    }
    screen->utf8_left = 0;
    if (byte < 0x20 || byte == 0x7F) {
        screen_control(screen, byte);
        return;
    }
    screen_put(screen, byte);
}

void screen_write(void *self, const char *bytes, size_t count) {
    struct screen *screen = self;
    screen_draw_cursor(screen, false);
    for (size_t i = 0; i < count; i++) {
        screen_byte(screen, (uint8_t)bytes[i]);
    }
    screen_draw_cursor(screen, true);
}

void screen_start(struct screen *screen, const struct screen_surface *surface,
                  struct screen_cell *cells) {
    *screen = (struct screen){
        .surface = *surface,
        .cells = cells,
        .columns = surface->width / FONT_WIDTH,
        .rows = surface->height / font_height,
        .colour = SCREEN_COLOUR_DEFAULT,
    };
    uint32_t paper = screen_pixel(surface, 0);
    for (uint32_t y = 0; y < surface->height; y++) {
        uint8_t *line = surface->pixels + (size_t)y * surface->pitch_bytes;
        for (uint32_t x = 0; x < surface->width; x++) {
            memcpy(line + (size_t)x * 4, &paper, sizeof paper);
        }
    }
    size_t count = (size_t)screen->columns * screen->rows;
    for (size_t i = 0; i < count; i++) {
        cells[i] = (struct screen_cell){' ', SCREEN_COLOUR_DEFAULT};
    }
}
