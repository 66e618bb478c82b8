/* The console font: made at build time from a PSF file of the distribution (tools/font.py). */
#ifndef ATHANOR_FONT_H
#define ATHANOR_FONT_H

#include <stdint.h>

#define FONT_WIDTH 8u    /* pixels; one byte a row, leftmost pixel in the top bit */
#define FONT_GLYPHS 191u /* U+0020–U+007E, U+00A0–U+00FF */

extern const uint32_t font_height;
extern const uint8_t font_glyphs[]; /* FONT_GLYPHS × font_height */

#endif
