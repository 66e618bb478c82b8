/* The framebuffer as a console. */
#ifndef ATHANOR_DISPLAY_H
#define ATHANOR_DISPLAY_H

#include "boot/boot_info.h"

/* Maps the framebuffer and attaches it as a console. False if its numbers make no sense or memory
 * is out. */
bool display_start(const struct boot_framebuffer *frame, uint32_t *out_columns, uint32_t *out_rows);

#endif
