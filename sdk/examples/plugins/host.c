/* Loads a module from its own memory, gives it a channel and nothing else, and takes its answer. */
#include "plugins-plugin.wasm.h"
#include <athanor.h>

static int32_t load(athanor_handle results, athanor_handle *out) {
    static const char capabilities[] = "open channel_send";
    const struct athanor_module_grant grant = {
        .handle = results, .rights = ATHANOR_WRITE, .name_bytes = 7, .name = "results"};
    const struct athanor_module_terms terms = {
        .bytes = plugins_plugin_wasm,
        .size = sizeof plugins_plugin_wasm,
        .name = "plugin",
        .name_bytes = 6,
        .capabilities = capabilities,
        .capabilities_bytes = sizeof capabilities - 1,
        .grants = &grant,
        .grant_count = 1,
        .memory_pages = 2,
        .handles = 4,
    };
    return athanor_module_load(&terms, out);
}

ATHANOR_APP(host) {
    athanor_handle results, plugin;
    struct athanor_received news;
    char answer[64];
    int32_t status = athanor_channel_create(sizeof answer, 1, &results);
    if (status == 0)
        status = load(results, &plugin);
    if (status == 0)
        status = athanor_module_start(plugin, "run", 3);
    if (status == 0)
        status = athanor_channel_receive(results, answer, sizeof answer, &news, ATHANOR_FOREVER);
    if (status != 0)
        return status;
    athanor_log(answer, news.size);
    status = athanor_module_unload(plugin);
    return status != 0 ? status : athanor_close(results);
}
