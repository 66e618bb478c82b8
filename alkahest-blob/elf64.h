/* The parts of ELF64 (System V ABI, chapter 4; x86-64 supplement) that an .alk file has. */
#ifndef ALKA_ELF64_H
#define ALKA_ELF64_H

#include <stdint.h>

#define ELF_IDENT_BYTES 16
#define ELF_CLASS_64 2
#define ELF_DATA_LITTLE 1
#define ELF_VERSION_CURRENT 1
#define ELF_TYPE_SHARED 3
#define ELF_MACHINE_X86_64 62

#define ELF_SEGMENT_LOAD 1
#define ELF_SEGMENT_X 1
#define ELF_SEGMENT_R 4

#define ELF_SECTION_NULL 0
#define ELF_SECTION_PROGBITS 1
#define ELF_SECTION_SYMTAB 2
#define ELF_SECTION_STRTAB 3
#define ELF_FLAG_ALLOC 2
#define ELF_FLAG_EXEC 4

#define ELF_SYMBOL_INFO(bind, type) ((uint8_t)((bind) << 4 | (type)))
#define ELF_BIND_LOCAL 0
#define ELF_BIND_GLOBAL 1
#define ELF_TYPE_FUNC 2

struct elf_header {
    uint8_t ident[ELF_IDENT_BYTES];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, segments_off, sections_off;
    uint32_t flags;
    uint16_t header_bytes, segment_bytes, segment_count;
    uint16_t section_bytes, section_count, section_names_idx;
};

struct elf_segment {
    uint32_t type, flags;
    uint64_t off, address, physical, file_bytes, memory_bytes, align;
};

struct elf_section {
    uint32_t name_off, type;
    uint64_t flags, address, off, size;
    uint32_t link, info;
    uint64_t align, entry_bytes;
};

struct elf_symbol {
    uint32_t name_off;
    uint8_t info, other;
    uint16_t section_idx;
    uint64_t value, size;
};

_Static_assert(sizeof(struct elf_header) == 64, "ELF64 header");
_Static_assert(sizeof(struct elf_segment) == 56, "ELF64 program header");
_Static_assert(sizeof(struct elf_section) == 64, "ELF64 section header");
_Static_assert(sizeof(struct elf_symbol) == 24, "ELF64 symbol");

#endif
