/*
 * What modules may load at run time, as a bundle says it. In: records of modules. Out: limits that
 * a loader can have, or an error. Never: a right to pass on what the module itself does not have.
 */
#include "raw.h"

static bool is_no_loader(const struct raw_module *raw) {
    return raw->loader_capabilities == 0 && raw->loader_pages == 0 && raw->loader_code_bytes == 0 &&
           raw->loader_handles == 0 && raw->loader_threads == 0 && raw->loader_passes_calls == 0;
}

enum bundle_error bundle_check_loader(const struct raw_module *raw) {
    if (raw->loader_modules == 0)
        return is_no_loader(raw) ? BUNDLE_OK : BUNDLE_LOADER;
    bool are_limits =
        raw->loader_modules <= BUNDLE_LOADED_MAX && raw->loader_pages <= BUNDLE_MEMORY_PAGES_MAX &&
        raw->loader_code_bytes <= BUNDLE_LOADED_BYTES_MAX &&
        raw->loader_handles <= BUNDLE_HANDLES_MAX &&
        raw->loader_threads <= BUNDLE_LOADED_THREADS_MAX && raw->loader_passes_calls <= 1;
    bool has_them = (raw->loader_capabilities & ~raw->capabilities) == 0;
    return are_limits && has_them && raw->version_of == 0 ? BUNDLE_OK : BUNDLE_LOADER;
}

enum bundle_error bundle_check_loaders(const struct bundle *bundle) {
    uint32_t modules = bundle->module_count; /* both small: no sum of them overflows */
    for (uint32_t i = 0; i < bundle->module_count; i++)
        modules += module_at(bundle, i).loader_modules;
    return modules <= BUNDLE_MODULES_MAX ? BUNDLE_OK : BUNDLE_LOADER;
}

struct bundle_loader bundle_loader(const struct raw_module *raw) {
    return (struct bundle_loader){
        .capabilities = raw->loader_capabilities,
        .modules = raw->loader_modules,
        .memory_pages = raw->loader_pages,
        .code_bytes = raw->loader_code_bytes,
        .handles = raw->loader_handles,
        .threads = raw->loader_threads,
        .passes_calls = raw->loader_passes_calls != 0,
    };
}
