/* Puts a screen (screen.h) on the loader's framebuffer. Mapped write-combining: pixels are only
 * ever written. */
#include "console/display.h"
#include "console/log.h"
#include "console/screen.h"
#include "mm/memory.h"
#include "mm/paging.h"

static struct screen display_screen;
static struct console display_console = {.write = screen_write, .self = &display_screen};

bool display_start(const struct boot_framebuffer *frame, uint32_t *out_columns,
                   uint32_t *out_rows) {
    struct screen_surface surface = {
        .width = frame->width,
        .height = frame->height,
        .pitch_bytes = frame->pitch_bytes,
        .red_shift = frame->red_shift,
        .green_shift = frame->green_shift,
        .blue_shift = frame->blue_shift,
    };
    size_t cells_bytes = screen_cells_bytes(&surface);
    if (cells_bytes == 0) {
        return false;
    }
    void *pixels;
    if (memory_map_phys(frame->base_phys, (uint64_t)frame->pitch_bytes * frame->height,
                        PAGING_WRITE | PAGING_WRITE_COMBINING | PAGING_LARGE, &pixels) != ALKA_OK) {
        return false;
    }
    struct screen_cell *cells = memory_take(cells_bytes);
    if (cells == NULL) {
        memory_unmap_phys(pixels, (uint64_t)frame->pitch_bytes * frame->height);
        return false;
    }
    surface.pixels = pixels;
    screen_start(&display_screen, &surface, cells);
    console_attach(&display_console);
    *out_columns = display_screen.columns;
    *out_rows = display_screen.rows;
    return true;
}
