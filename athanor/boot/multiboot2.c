/*
 * Multiboot2 boot information (Multiboot2 Specification 2.0, section 3.6). In: the loader's tag
 * list, read through a boot_reader and believed in nothing. Out: a boot_info. Pure; unknown tags
 * are skipped.
 */
#include "boot/boot_info.h"
#include <string.h>

#define MB2_TAG_END 0u
#define MB2_TAG_CMDLINE 1u
#define MB2_TAG_LOADER 2u
#define MB2_TAG_MODULE 3u
#define MB2_TAG_MEMORY 6u
#define MB2_TAG_FRAMEBUFFER 8u
#define MB2_TAG_RSDP_OLD 14u
#define MB2_TAG_RSDP_NEW 15u

#define MB2_INFO_BYTES_MAX (UINT32_C(1) << 20)

struct mb2_tag {
    uint32_t type, size_bytes; /* with this header, without padding */
};

struct mb2_module {
    struct mb2_tag tag;
    uint32_t start, end;
};

struct mb2_memory {
    struct mb2_tag tag;
    uint32_t entry_bytes, entry_version;
};

struct mb2_memory_entry {
    uint64_t base, size_bytes;
    uint32_t type, reserved;
};

struct mb2_framebuffer {
    struct mb2_tag tag;
    uint64_t base;
    uint32_t pitch_bytes, width, height;
    uint8_t bits_per_pixel, type;
    uint16_t reserved;
    uint8_t red_position, red_bits, green_position, green_bits, blue_position, blue_bits;
} __attribute__((packed));

#define MB2_FRAMEBUFFER_RGB 1u
#define MB2_FRAMEBUFFER_BYTES (sizeof(struct mb2_framebuffer))

/* `bytes` is the tag's whole size in all of these. */
static const char *mb2_take_memory(struct boot_info *out, const uint8_t *tag, uint32_t bytes) {
    struct mb2_memory head;
    if (bytes < sizeof head) {
        return "the memory map tag is too short";
    }
    memcpy(&head, tag, sizeof head);
    if (head.entry_bytes < sizeof(struct mb2_memory_entry)) {
        return "the memory map's entries are too short";
    }
    for (uint32_t at = sizeof head; bytes - at >= head.entry_bytes; at += head.entry_bytes) {
        struct mb2_memory_entry entry;
        memcpy(&entry, tag + at, sizeof entry);
        memory_map_add(&out->memory, entry.base, entry.size_bytes, boot_memory_kind(entry.type));
    }
    return NULL;
}

static const char *mb2_take_module(struct boot_info *out, const uint8_t *tag, uint32_t bytes) {
    struct mb2_module module;
    if (bytes < sizeof module) {
        return "a module tag is too short";
    }
    memcpy(&module, tag, sizeof module);
    if (module.end < module.start) {
        return "a module ends before it starts";
    }
    boot_add_module(out, module.start, module.end - module.start, tag + sizeof module,
                    bytes - sizeof module);
    return NULL;
}

/* Anything but 32-bit direct colour is left unused: it is no error, only no picture. */
static const char *mb2_take_framebuffer(struct boot_info *out, const uint8_t *tag, uint32_t bytes) {
    struct mb2_framebuffer frame = {0};
    memcpy(&frame, tag, bytes < sizeof frame ? bytes : sizeof frame);
    bool usable = bytes >= MB2_FRAMEBUFFER_BYTES && frame.type == MB2_FRAMEBUFFER_RGB &&
                  frame.bits_per_pixel == 32 && frame.red_bits == 8 && frame.green_bits == 8 &&
                  frame.blue_bits == 8 && frame.red_position <= 24 && frame.green_position <= 24 &&
                  frame.blue_position <= 24;
    if (!usable) {
        return NULL;
    }
    out->framebuffer = (struct boot_framebuffer){
        frame.base,         frame.width,          frame.height,       frame.pitch_bytes,
        frame.red_position, frame.green_position, frame.blue_position};
    return NULL;
}

/* The newer copy wins, whichever comes first. */
static void mb2_take_rsdp(struct boot_info *out, const uint8_t *tag, uint32_t bytes) {
    uint32_t copy_bytes = bytes - (uint32_t)sizeof(struct mb2_tag);
    if (copy_bytes > BOOT_RSDP_BYTES) {
        copy_bytes = BOOT_RSDP_BYTES;
    }
    if (copy_bytes > out->rsdp_bytes) {
        memcpy(out->rsdp, tag + sizeof(struct mb2_tag), copy_bytes);
        out->rsdp_bytes = copy_bytes;
    }
}

static const char *mb2_take(struct boot_info *out, uint32_t type, const uint8_t *tag,
                            uint32_t bytes) {
    const uint8_t *text = tag + sizeof(struct mb2_tag);
    size_t text_bytes = bytes - sizeof(struct mb2_tag);
    switch (type) {
    case MB2_TAG_CMDLINE:
        boot_copy_text(out->cmdline, sizeof out->cmdline, text, text_bytes);
        return NULL;
    case MB2_TAG_LOADER:
        boot_copy_text(out->loader, sizeof out->loader, text, text_bytes);
        return NULL;
    case MB2_TAG_MODULE:
        return mb2_take_module(out, tag, bytes);
    case MB2_TAG_MEMORY:
        return mb2_take_memory(out, tag, bytes);
    case MB2_TAG_FRAMEBUFFER:
        return mb2_take_framebuffer(out, tag, bytes);
    case MB2_TAG_RSDP_OLD:
    case MB2_TAG_RSDP_NEW:
        mb2_take_rsdp(out, tag, bytes);
        return NULL;
    default:
        return NULL;
    }
}

const char *boot_parse_multiboot2(const struct boot_reader *reader, uint64_t phys,
                                  struct boot_info *out) {
    memset(out, 0, sizeof *out);
    out->protocol = BOOT_MULTIBOOT2;
    uint32_t total_bytes;
    const void *head = reader->at(reader->self, phys, 8);
    if (head == NULL) {
        return "the boot information is out of reach";
    }
    memcpy(&total_bytes, head, sizeof total_bytes);
    if (total_bytes > MB2_INFO_BYTES_MAX) {
        return "the boot information is too large";
    }
    const uint8_t *info = reader->at(reader->self, phys, total_bytes);
    if (info == NULL) {
        return "the boot information is out of reach";
    }

    uint32_t at = 8;
    while (at <= total_bytes && total_bytes - at >= sizeof(struct mb2_tag)) {
        struct mb2_tag tag;
        memcpy(&tag, info + at, sizeof tag);
        if (tag.type == MB2_TAG_END) {
            return NULL;
        }
        if (tag.size_bytes < sizeof tag || tag.size_bytes > total_bytes - at) {
            return "a boot information tag has an impossible size";
        }
        const char *error = mb2_take(out, tag.type, info + at, tag.size_bytes);
        if (error != NULL) {
            return error;
        }
        at += (tag.size_bytes + 7) & ~7u; /* total_bytes is small: no overflow */
    }
    return "the boot information has no end tag";
}
