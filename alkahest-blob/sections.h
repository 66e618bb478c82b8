/* The sections of an .alk file, listed once for writer and reader. */
#ifndef ALKA_BLOB_SECTIONS_H
#define ALKA_BLOB_SECTIONS_H

#include "elf64.h"

/* SECTION(enum alka_blob_section, name, ELF type, ELF flags, alignment, bytes per entry or 0) */
#define BLOB_SECTIONS(SECTION)                                                          \
    SECTION(TEXT, ".text", ELF_SECTION_PROGBITS, ELF_FLAG_ALLOC | ELF_FLAG_EXEC, 64, 0) \
    SECTION(RODATA, ".rodata", ELF_SECTION_PROGBITS, ELF_FLAG_ALLOC, 16, 0)             \
    SECTION(INFO, ".alka.info", ELF_SECTION_PROGBITS, 0, 8, 0)                          \
    SECTION(FUNCTIONS, ".alka.functions", ELF_SECTION_PROGBITS, 0, 8, 4)                \
    SECTION(TRAPS, ".alka.traps", ELF_SECTION_PROGBITS, 0, 8, 8)                        \
    SECTION(RELOCS, ".alka.relocs", ELF_SECTION_PROGBITS, 0, 8, 8)                      \
    SECTION(MODULE, ".alka.module", ELF_SECTION_PROGBITS, 0, 8, 0)                      \
    SECTION(SYMTAB, ".symtab", ELF_SECTION_SYMTAB, 0, 8, sizeof(struct elf_symbol))     \
    SECTION(STRTAB, ".strtab", ELF_SECTION_STRTAB, 0, 1, 0)                             \
    SECTION(SHSTRTAB, ".shstrtab", ELF_SECTION_STRTAB, 0, 1, 0)

/* The read-only data follows the functions in alka_code.text at the next multiple of this. */
#define BLOB_RODATA_ALIGN 16u

#endif
