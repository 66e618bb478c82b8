/* The framebuffer terminal: cells and pixels. The framebuffer has a margin that must stay as it is.
 */
#include "console/font.h"
#include "console/screen.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COLUMNS 20u
#define ROWS 5u

static uint8_t *pixels;
static struct screen_cell *cells;
static struct screen screen;
static struct screen_surface surface;
static size_t cells_bytes;

/* Odd sizes: a pitch that is no multiple of 4, a rest of pixels beside and below the last cell. */
static int setup(void **state) {
    (void)state;
    surface = (struct screen_surface){.width = COLUMNS * FONT_WIDTH + 3,
                                      .height = ROWS * font_height + 7,
                                      .red_shift = 16,
                                      .green_shift = 8};
    surface.pitch_bytes = surface.width * 4 + 13;
    pixels = malloc((size_t)surface.pitch_bytes * surface.height);
    memset(pixels, 0x77, (size_t)surface.pitch_bytes * surface.height);
    surface.pixels = pixels;
    cells_bytes = screen_cells_bytes(&surface);
    assert_int_equal(cells_bytes, COLUMNS * ROWS * sizeof(struct screen_cell));
    cells = malloc(cells_bytes);
    screen_start(&screen, &surface, cells);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    free(pixels);
    free(cells);
    return 0;
}

static void write_text(const char *text) { screen_write(&screen, text, strlen(text)); }

static void expect_row(uint32_t row, const char *text) {
    char got[COLUMNS + 1] = "";
    for (uint32_t i = 0; i < COLUMNS; i++) {
        got[i] = (char)cells[row * COLUMNS + i].code;
    }
    size_t length = COLUMNS;
    while (length > 0 && got[length - 1] == ' ') {
        got[--length] = '\0';
    }
    assert_string_equal(got, text);
}

static void text_and_controls(void **state) {
    (void)state;
    write_text("hello\nab\tc\rX\b\bY");
    expect_row(0, "hello");
    expect_row(1, "Yb      c");
    write_text("\033[2;5Hz\033[1Aq\033[3Dp\033[2Br");
    expect_row(0, "helpoq");
    expect_row(1, "Yb  z   c");
    expect_row(2, "    r");
}

static void wraps_late_and_scrolls(void **state) {
    (void)state;
    write_text("01234567890123456789"); /* full: the cursor waits at the edge */
    write_text("\n1\n2\n3\n4\n5");
    expect_row(0, "1");
    expect_row(4, "5");
    write_text("\r01234567890123456789!");
    expect_row(3, "01234567890123456789");
    expect_row(4, "!");
}

static void erases(void **state) {
    (void)state;
    write_text("abcdef\033[3D\033[K\nabcdef\033[3D\033[1K\nabc\033[2K\nabc");
    expect_row(0, "abc");
    expect_row(1, "    ef");
    expect_row(2, "");
    write_text("\033[2;3H\033[J");
    expect_row(0, "abc");
    expect_row(1, "");
    expect_row(3, "");
    write_text("\033[2J\033[Hx");
    expect_row(0, "x");
}

static void colours(void **state) {
    (void)state;
    write_text("a\033[31mb\033[1mc\033[0md\033[94me\033[39mf");
    static const uint8_t expected[] = {7, 1, 9, 7, 12, 7};
    for (size_t i = 0; i < sizeof expected; i++) {
        assert_int_equal(cells[i].colour, expected[i]);
    }
}

static void utf8(void **state) {
    (void)state;
    write_text("\303\244\342\202\254\360\237\230\200\377\200x\303y");
    static const uint8_t expected[] = {0xE4, '?', '?', '?', '?', 'x', 'y'};
    for (size_t i = 0; i < sizeof expected; i++) {
        assert_int_equal(cells[i].code, expected[i]);
    }
}

static uint32_t pixel(uint32_t x, uint32_t y) {
    uint32_t value;
    memcpy(&value, pixels + (size_t)y * surface.pitch_bytes + (size_t)x * 4, 4);
    return value;
}

static void draws_glyphs(void **state) {
    (void)state;
    write_text("A ");
    const uint8_t *glyph = font_glyphs + (size_t)('A' - 0x20) * font_height;
    uint32_t ink = 0;
    for (uint32_t y = 0; y < font_height; y++) {
        for (uint32_t x = 0; x < FONT_WIDTH; x++) {
            bool set = (glyph[y] >> (7 - x) & 1) != 0;
            assert_int_equal(pixel(x, y) == 0xC8CCD0, set);
            ink += set;
        }
    }
    assert_true(ink > 10);                                /* the font has an A */
    assert_int_equal(pixel(2 * FONT_WIDTH, 0), 0xC8CCD0); /* the cursor */
    assert_int_equal(pixel(3 * FONT_WIDTH, 0), 0x101418);
}

/* Any bytes: all writes stay inside (the sanitizer watches the heap blocks), the padding stays
 * untouched. */
static void any_bytes(void **state) {
    (void)state;
    srand(7);
    for (int i = 0; i < 200000; i++) {
        char byte =
            (char)(rand() % 2 == 0 ? rand() : "\033[;0123456789ABCDHJKm\n\r\b\tx"[rand() % 26]);
        screen_write(&screen, &byte, 1);
        assert_true(screen.row < ROWS && screen.column <= COLUMNS);
    }
    for (uint32_t y = 0; y < surface.height; y++) {
        for (uint32_t i = surface.width * 4; i < surface.pitch_bytes; i++) {
            assert_int_equal(pixels[(size_t)y * surface.pitch_bytes + i], 0x77);
        }
    }
}

static void refuses_impossible_surfaces(void **state) {
    (void)state;
    const struct screen_surface good = surface;
    assert_true(screen_cells_bytes(&surface) > 0);
    surface.pitch_bytes = surface.width * 4 - 1;
    assert_int_equal(screen_cells_bytes(&surface), 0);
    surface = good;
    surface.width = 7;
    assert_int_equal(screen_cells_bytes(&surface), 0);
    surface = good;
    surface.height = 0;
    assert_int_equal(screen_cells_bytes(&surface), 0);
    surface = good;
    surface.height = UINT32_MAX;
    assert_int_equal(screen_cells_bytes(&surface), 0);
    surface = good;
    surface.pitch_bytes = UINT32_MAX;
    assert_int_equal(screen_cells_bytes(&surface), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_and_controls, setup, teardown),
        cmocka_unit_test_setup_teardown(wraps_late_and_scrolls, setup, teardown),
        cmocka_unit_test_setup_teardown(erases, setup, teardown),
        cmocka_unit_test_setup_teardown(colours, setup, teardown),
        cmocka_unit_test_setup_teardown(utf8, setup, teardown),
        cmocka_unit_test_setup_teardown(draws_glyphs, setup, teardown),
        cmocka_unit_test_setup_teardown(any_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_impossible_surfaces, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
