/* Changes a picture that is lent to it for writing. */
#include "frames.h"

static ATHANOR_BUFFER_PLACE volatile uint32_t frame[FRAME_WORDS];

ATHANOR_EXPORT("filter_invert") int32_t filter_invert(athanor_handle buffer) {
    int32_t status = athanor_buffer_place(buffer, (void *)frame);
    if (status != 0)
        return status;
    for (uint32_t i = 0; i < FRAME_WORDS; i++)
        frame[i] = ~frame[i];
    return athanor_buffer_return(buffer);
}
