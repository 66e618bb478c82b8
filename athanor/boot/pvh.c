/*
 * The PVH start information (Xen public/arch-x86/hvm/start_info.h), as `qemu -kernel` passes it.
 * In: physical addresses of structures, followed through a boot_reader and believed in nothing.
 * Out: a boot_info. Pure.
 */
#include "boot/boot_info.h"
#include <string.h>

#define PVH_MAGIC 0x336EC578u
#define PVH_ENTRIES_MAX 4096u /* far more than a memory map can have */

struct pvh_start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules_phys, cmdline_phys, rsdp_phys;
    uint64_t memory_phys; /* from version 1 on */
    uint32_t memory_count, reserved;
};

#define PVH_BYTES_VERSION_0 40u

struct pvh_module {
    uint64_t base, size_bytes, cmdline_phys, reserved;
};

struct pvh_memory_entry {
    uint64_t base, size_bytes;
    uint32_t type, reserved;
};

/* Text may end close to the end of what can be read: so it is read byte by byte. */
static void pvh_take_text(const struct boot_reader *reader, uint64_t phys, char *out,
                          size_t out_bytes) {
    size_t length = 0;
    while (phys != 0 && length + 1 < out_bytes) {
        const char *byte = reader->at(reader->self, phys + length, 1);
        if (byte == NULL || *byte == '\0') {
            break;
        }
        out[length++] = *byte;
    }
    out[length] = '\0';
}

static const char *pvh_take_modules(const struct boot_reader *reader,
                                    const struct pvh_start_info *info, struct boot_info *out) {
    for (uint32_t i = 0; i < info->module_count; i++) {
        if (i == BOOT_MODULES_MAX) {
            out->modules_dropped = info->module_count - i;
            return NULL;
        }
        struct pvh_module module;
        const void *entry =
            reader->at(reader->self, info->modules_phys + i * sizeof module, sizeof module);
        if (entry == NULL) {
            return "the module list is out of reach";
        }
        memcpy(&module, entry, sizeof module);
        char name[BOOT_NAME_BYTES];
        pvh_take_text(reader, module.cmdline_phys, name, sizeof name);
        boot_add_module(out, module.base, module.size_bytes, name, sizeof name);
    }
    return NULL;
}

static const char *pvh_take_memory(const struct boot_reader *reader,
                                   const struct pvh_start_info *info, struct boot_info *out) {
    if (info->memory_count > PVH_ENTRIES_MAX) {
        return "the memory map is too long";
    }
    for (uint32_t i = 0; i < info->memory_count; i++) {
        struct pvh_memory_entry entry;
        const void *bytes =
            reader->at(reader->self, info->memory_phys + i * sizeof entry, sizeof entry);
        if (bytes == NULL) {
            return "the memory map is out of reach";
        }
        memcpy(&entry, bytes, sizeof entry);
        memory_map_add(&out->memory, entry.base, entry.size_bytes, boot_memory_kind(entry.type));
    }
    return NULL;
}

const char *boot_parse_pvh(const struct boot_reader *reader, uint64_t phys, struct boot_info *out) {
    memset(out, 0, sizeof *out);
    out->protocol = BOOT_PVH;
    boot_copy_text(out->loader, sizeof out->loader, "PVH", 3);

    struct pvh_start_info info = {0};
    const void *head = reader->at(reader->self, phys, PVH_BYTES_VERSION_0);
    if (head == NULL) {
        return "the start information is out of reach";
    }
    memcpy(&info, head, PVH_BYTES_VERSION_0);
    if (info.magic != PVH_MAGIC) {
        return "the start information has the wrong magic number";
    }
    pvh_take_text(reader, info.cmdline_phys, out->cmdline, sizeof out->cmdline);
    out->rsdp_phys = info.rsdp_phys;
    if (info.version < 1) {
        return "the start information has no memory map (version 0)";
    }
    head = reader->at(reader->self, phys, sizeof info);
    if (head == NULL) {
        return "the start information is out of reach";
    }
    memcpy(&info, head, sizeof info);
    const char *error = pvh_take_memory(reader, &info, out);
    return error != NULL ? error : pvh_take_modules(reader, &info, out);
}
