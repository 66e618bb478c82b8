/* Sends jobs through a channel, and has their results from a topic. */
#include "jobs.h"
#include <athanor/line.h>

static int32_t send_all(athanor_handle work) {
    int32_t status = 0;
    for (struct job job = {1}; status == 0 && job.number <= JOBS_COUNT; job.number++)
        status = athanor_channel_send(work, &job, sizeof job, ATHANOR_FOREVER);
    return status;
}

/* In the order of sending; their sum. */
static int32_t receive_all(athanor_handle results, uint32_t *out_sum) {
    for (uint32_t number = 1; number <= JOBS_COUNT; number++) {
        struct athanor_received news;
        struct answer answer;
        int32_t status =
            athanor_channel_receive(results, &answer, sizeof answer, &news, ATHANOR_FOREVER);
        if (status != 0)
            return status;
        if (answer.number != number || answer.square != number * number)
            return 1;
        *out_sum += answer.square;
    }
    return 0;
}

ATHANOR_APP(producer) {
    athanor_handle work, squares, results;
    uint32_t sum = 0;
    int32_t status = athanor_open_name("work", &work);
    if (status == 0)
        status = athanor_open_name("squares", &squares);
    if (status == 0)
        status = athanor_topic_subscribe(squares, ATHANOR_BLOCKS, JOBS_COUNT, &results);
    if (status == 0)
        status = send_all(work);
    if (status == 0)
        status = receive_all(results, &sum);
    if (status != 0)
        return status;
    struct line line = {0};
    line_u64(&line, JOBS_COUNT);
    line_text(&line,
              " jobs went through a channel, and came back on a topic; the sum of squares is ");
    line_u64(&line, sum);
    line_log(&line);
    return athanor_close(results);
}
