/* A module that another one brings along: it sends what it has found to whoever loaded it. */
#include <athanor.h>

ATHANOR_EXPORT("run") int32_t run(void) {
    static const char answer[] = "6 times 7 is 42";
    athanor_handle results;
    int32_t status = athanor_open_name("results", &results);
    return status != 0 ? status
                       : athanor_channel_send(results, answer, sizeof answer - 1, ATHANOR_FOREVER);
}
