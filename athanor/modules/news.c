/*
 * News of modules (news.h). In: what happened. Out: messages of the topic `kernel`. It must never
 * tell a subscriber the time more finely than a module's clock does by default.
 */
#include "modules/news.h"
#include "objects/ipc.h"
#include "objects/topics.h"
#include "time/clock.h"
#include <string.h>

#define NEWS_STEP_NS UINT64_C(1000000)

/* The SDK's struct athanor_kernel_news. */
struct news_message {
    uint64_t at_ns;
    uint32_t what, module;
    uint32_t code, name_bytes;
    char name[BUNDLE_NAME_BYTES_MAX];
};

void news_tell(const struct module *module, enum news what, uint32_t code) {
    uint64_t now_ns = clock_ns();
    struct news_message message = {
        .at_ns = now_ns - now_ns % NEWS_STEP_NS,
        .what = what,
        .module = ipc_sender(module->holder),
        .code = code,
        .name_bytes = module->entry.name.size,
    };
    memcpy(message.name, module->entry.name.data, module->entry.name.size);
    topics_tell(IPC_KERNEL, &message, sizeof message);
}
