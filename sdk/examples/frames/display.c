/* Reads a picture that is lent to it; writing to it would be a trap. */
#include "frames.h"

static ATHANOR_BUFFER_PLACE volatile uint32_t frame[FRAME_WORDS];

/* The sum of its words; 0 if it has none. */
ATHANOR_EXPORT("display_show") uint32_t display_show(athanor_handle buffer) {
    if (athanor_buffer_place(buffer, (void *)frame) != 0)
        return 0;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < FRAME_WORDS; i++)
        sum += frame[i];
    return athanor_buffer_return(buffer) == 0 ? sum : 0;
}
