/*
 * What any loader tells the kernel, in one form. The parsers (multiboot2.c, pvh.c) copy everything
 * they take, so that nothing here points into the loader's memory; only the boot modules stay where
 * they are.
 */
#ifndef ATHANOR_BOOT_INFO_H
#define ATHANOR_BOOT_INFO_H

#include "mm/memory_map.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOOT_MODULES_MAX 8u
#define BOOT_CMDLINE_BYTES 1024u
#define BOOT_NAME_BYTES 64u
#define BOOT_RSDP_BYTES 36u

/* The numbers are repeated in entry.asm. */
enum boot_protocol { BOOT_UNKNOWN, BOOT_MULTIBOOT2, BOOT_PVH };

struct boot_module {
    uint64_t base_phys, size_bytes;
    char name[BOOT_NAME_BYTES]; /* the loader's argument string, cut to size */
};

/* Pixels are 32 bits; a channel is `1 << shift` times 0–255. */
struct boot_framebuffer {
    uint64_t base_phys; /* 0: there is none that the kernel can use */
    uint32_t width, height, pitch_bytes;
    uint8_t red_shift, green_shift, blue_shift;
};

struct boot_info {
    enum boot_protocol protocol;
    char loader[BOOT_NAME_BYTES];
    char cmdline[BOOT_CMDLINE_BYTES]; /* NUL-terminated, cut to size */
    struct memory_map memory;         /* as the loader says: any order, may overlap */
    struct boot_module modules[BOOT_MODULES_MAX];
    uint32_t module_count;
    uint32_t modules_dropped; /* offered by the loader but more than BOOT_MODULES_MAX */
    struct boot_framebuffer framebuffer;
    uint8_t rsdp[BOOT_RSDP_BYTES];
    uint32_t rsdp_bytes; /* 0: the loader gave no copy */
    uint64_t rsdp_phys;  /* 0: the loader gave no address */
};

/* Reads the loader's memory: `bytes` at `phys`, or NULL if they are out of reach. */
struct boot_reader {
    const void *(*at)(void *self, uint64_t phys, uint64_t bytes);
    void *self;
};

/*
 * Both return NULL and fill *out, or return a message on what is wrong with the structures; *out
 * then holds what was understood before. `phys` is the value the loader passed.
 */
const char *boot_parse_multiboot2(const struct boot_reader *reader, uint64_t phys,
                                  struct boot_info *out);
const char *boot_parse_pvh(const struct boot_reader *reader, uint64_t phys, struct boot_info *out);

/* Copies at most `text_bytes` up to the first NUL; always terminates. */
void boot_copy_text(char *out, size_t out_bytes, const void *text, size_t text_bytes);
/* Adds a module; empty and overflowing ones are ignored, surplus ones are counted. */
void boot_add_module(struct boot_info *info, uint64_t base_phys, uint64_t size_bytes,
                     const void *name, size_t name_bytes);

/* The kind for a memory map's entry type, which both protocols have from ACPI's E820 interface. */
enum memory_kind boot_memory_kind(uint32_t type);

/* True if the command line has the word `name`, alone. */
bool boot_option(const char *cmdline, const char *name);
/* Copies the value of `name=value`; the value ends at a space or, if it opens with a quote, at the
 * next. */
bool boot_option_value(const char *cmdline, const char *name, char *out, size_t out_bytes);

#endif
