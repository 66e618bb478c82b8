/* Takes jobs from a channel, on a thread of its own, and publishes what comes of them on a topic.
 */
#include "jobs.h"

ATHANOR_EXPORT("serve") int32_t serve(void) {
    athanor_handle work, squares;
    struct athanor_received news;
    struct job job;
    int32_t status = athanor_open_name("work", &work);
    if (status == 0)
        status = athanor_open_name("squares", &squares);
    while (status == 0) {
        status = athanor_channel_receive(work, &job, sizeof job, &news, ATHANOR_FOREVER);
        const struct answer answer = {job.number, job.number * job.number};
        if (status == 0)
            status = athanor_topic_publish(squares, &answer, sizeof answer, ATHANOR_FOREVER);
    }
    return status;
}
