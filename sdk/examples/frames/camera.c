/*
 * Owns the picture: fills it, lends it to the filter for writing, then to the display for reading,
 * and looks at what came of it.
 */
#include "frames.h"

static ATHANOR_BUFFER_PLACE volatile uint32_t frame[FRAME_WORDS];

static athanor_handle open_named(const char *name, size_t bytes) {
    athanor_handle handle;
    return athanor_open(name, bytes, &handle) == 0 ? handle : ATHANOR_NO_HANDLE;
}

static uint32_t fill(void) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < FRAME_WORDS; i++) {
        frame[i] = i * 2654435761u;
        sum += ~frame[i];
    }
    return sum; /* of what the filter makes of it */
}

ATHANOR_APP(camera) {
    athanor_handle buffer, lent;
    athanor_handle filter = open_named("filter", 6), display = open_named("display", 7);
    if (athanor_buffer_create(FRAME_PAGES, &buffer) != 0 ||
        athanor_buffer_place(buffer, (void *)frame) != 0)
        return 1;
    uint32_t expected = fill();
    if (athanor_buffer_lend(buffer, filter, ATHANOR_FOR_WRITING, &lent) != 0 ||
        filter_invert(lent) != 0)
        return 2;
    if (frame[1] != ~2654435761u) /* it is back already */
        return 3;
    if (athanor_buffer_lend(buffer, display, ATHANOR_FOR_READING, &lent) != 0 ||
        display_show(lent) != expected)
        return 4;
    athanor_print("1 MiB went through three modules in its place");
    return athanor_close(buffer);
}
