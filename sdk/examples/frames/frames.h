/* One picture of 1 MiB that three modules work on, one after the other, in the same pages. */
#ifndef FRAMES_H
#define FRAMES_H

#include <athanor.h>

#define FRAME_PAGES 256u
#define FRAME_WORDS (FRAME_PAGES * ATHANOR_BUFFER_PAGE / sizeof(uint32_t))

/* Exports of filter.c and display.c. `buffer` is lent to the callee, who gives it back before it
 * returns. */
ATHANOR_IMPORT("filter", "filter_invert") int32_t filter_invert(athanor_handle buffer);
ATHANOR_IMPORT("display", "display_show") uint32_t display_show(athanor_handle buffer);

#endif
