/*
 * What both loaders' parsers share, and the command line. In: bytes and strings from the loader,
 * hostile. Out: bounded, terminated copies. Pure.
 */
#include "boot/boot_info.h"
#include <string.h>

void boot_copy_text(char *out, size_t out_bytes, const void *text, size_t text_bytes) {
    const char *from = text;
    size_t length = 0;
    while (length + 1 < out_bytes && length < text_bytes && from[length] != '\0') {
        out[length] = from[length];
        length++;
    }
    out[length] = '\0';
}

void boot_add_module(struct boot_info *info, uint64_t base_phys, uint64_t size_bytes,
                     const void *name, size_t name_bytes) {
    if (size_bytes == 0 || base_phys >= MEMORY_PHYS_LIMIT ||
        size_bytes > MEMORY_PHYS_LIMIT - base_phys) {
        return;
    }
    if (info->module_count == BOOT_MODULES_MAX) {
        info->modules_dropped++;
        return;
    }
    struct boot_module *module = &info->modules[info->module_count++];
    module->base_phys = base_phys;
    module->size_bytes = size_bytes;
    boot_copy_text(module->name, sizeof module->name, name, name_bytes);
}

enum memory_kind boot_memory_kind(uint32_t type) {
    static const enum memory_kind kinds[] = {MEMORY_RESERVED, MEMORY_USABLE, MEMORY_RESERVED,
                                             MEMORY_ACPI,     MEMORY_NVS,    MEMORY_BAD};
    return type < sizeof kinds / sizeof kinds[0] ? kinds[type] : MEMORY_RESERVED;
}

/* The text after `name` where it begins a word of the command line and is followed by `after` or,
 * for 0, by its end. */
static const char *option_find(const char *cmdline, const char *name, char after) {
    size_t length = strlen(name);
    bool at_word = true, quoted = false;
    for (const char *at = cmdline; *at != '\0'; at++) {
        if (at_word && !quoted && strncmp(at, name, length) == 0) {
            char next = at[length];
            bool ends = next == '\0' || next == ' ';
            if (after == '\0' ? ends : next == after) {
                return at + length;
            }
        }
        quoted ^= *at == '"';
        at_word = *at == ' ';
    }
    return NULL;
}

bool boot_option(const char *cmdline, const char *name) {
    return option_find(cmdline, name, '\0') != NULL;
}

bool boot_option_value(const char *cmdline, const char *name, char *out, size_t out_bytes) {
    const char *value = option_find(cmdline, name, '=');
    if (value == NULL) {
        return false;
    }
    value++;
    char stop = ' ';
    if (*value == '"') {
        stop = '"';
        value++;
    }
    size_t length = 0;
    while (value[length] != '\0' && value[length] != stop) {
        length++;
    }
    boot_copy_text(out, out_bytes, value, length);
    return true;
}
