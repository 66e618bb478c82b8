/* Hears what the kernel tells of other modules, and writes to its log through a channel. Each
 * export returns 0, or the line of the first thing that was not as it should be. */
#include <athanor.h>

#define CHECK(what) \
    if (!(what))    \
    return __LINE__

enum { UNREACHABLE = 600 };

static athanor_handle news;
static uint32_t number; /* of the module that is talked about */
static uint64_t last_ns;

static int32_t heard(uint32_t what, uint32_t code) {
    struct athanor_kernel_news one;
    struct athanor_received received;
    CHECK(athanor_channel_receive(news, &one, sizeof one, &received, 0) == 0);
    CHECK(received.sender == 0 && received.size == sizeof one && received.missed == 0);
    CHECK(one.what == what && one.code == code);
    CHECK(one.name_bytes == 5 && __builtin_memcmp(one.name, "probe", 5) == 0);
    CHECK(number == 0 || one.module == number);
    CHECK(one.at_ns % 1000000 == 0 && one.at_ns >= last_ns);
    number = one.module;
    last_ns = one.at_ns;
    return 0;
}

static int32_t quiet(void) {
    uint64_t word;
    struct athanor_received received;
    CHECK(athanor_channel_receive(news, &word, sizeof word, &received, 0) == ATHANOR_WOULD_BLOCK);
    return 0;
}

ATHANOR_EXPORT("begin") int32_t begin(void) {
    athanor_handle topic;
    CHECK(athanor_open_name("kernel", &topic) == 0);
    CHECK(athanor_topic_publish(topic, &topic, sizeof topic, 0) == ATHANOR_RIGHTS);
    CHECK(athanor_topic_subscribe(topic, ATHANOR_BLOCKS, 16, &news) !=
          0); /* nobody holds the kernel up */
    CHECK(athanor_topic_subscribe(topic, ATHANOR_DROPS, 16, &news) == 0);
    return quiet();
}

ATHANOR_EXPORT("after_trap") int32_t after_trap(void) {
    CHECK(heard(ATHANOR_TRAPPED, UNREACHABLE) == 0);
    CHECK(heard(ATHANOR_RESTARTED, 0) == 0);
    return quiet();
}

ATHANOR_EXPORT("after_stop") int32_t after_stop(void) {
    CHECK(heard(ATHANOR_STOPPED, 0) == 0);
    CHECK(heard(ATHANOR_STARTED, 0) == 0);
    return quiet();
}

ATHANOR_EXPORT("say") int32_t say(void) {
    static const char text[] = "through\x1b[2J the channel";
    athanor_handle log;
    CHECK(athanor_open_name("log", &log) == 0);
    for (int i = 0; i < 300; i++) /* more than it holds: who reads it makes room */
        CHECK(athanor_channel_send(log, "line", 4, ATHANOR_FOREVER) == 0);
    CHECK(athanor_channel_send(log, text, sizeof text - 1, ATHANOR_FOREVER) == 0);
    return 0;
}
