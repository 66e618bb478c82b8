/*
 * Reads the outside of an .alk file, trusting nothing of it: header, section table, the tables of
 * the machine code. In: the file's bytes, of any alignment. Out: spans into them. It must never
 * read past the file, keep state, or look at the machine code itself.
 */
#include "sections.h"

#include <alkahest/blob.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

/* Files of ours have 11 section headers; tools may add a few. */
#define READ_SECTIONS_MAX 64u

struct read_name {
    const char *text;
    size_t bytes; /* the zero included */
    uint32_t entry_bytes;
};

static const struct read_name read_names[ALKA_BLOB_SECTION_COUNT] = {
#define READ_NAME(id, name, type, flags, align, entry) \
    [ALKA_BLOB_##id] = {name, sizeof(name), entry},
    BLOB_SECTIONS(READ_NAME)
#undef READ_NAME
};

static const uint8_t read_ident[7] = {
    0x7F, 'E', 'L', 'F', ELF_CLASS_64, ELF_DATA_LITTLE, ELF_VERSION_CURRENT,
};

struct reader {
    struct alka_span file;
    struct alka_span names; /* contents of the section name table */
    struct alka_diag *diag;
    struct alka_span sections[ALKA_BLOB_SECTION_COUNT]; /* data NULL: not seen yet */
};

static alka_status read_fail(struct alka_diag *diag, alka_status code, uint64_t file_off,
                             uint64_t arg0, uint64_t arg1) {
    *diag = (struct alka_diag){
        .code = code,
        .offset = file_off < ALKA_DIAG_NONE ? (uint32_t)file_off : ALKA_DIAG_NONE,
        .section_id = ALKA_DIAG_NONE,
        .func_idx = ALKA_DIAG_NONE,
        .op = ALKA_DIAG_NONE,
        .args = {arg0, arg1},
    };
    return code;
}

static uint32_t read_u32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint64_t read_file_off(const struct reader *reader, const uint8_t *at) {
    return (uint64_t)(at - reader->file.data);
}

bool alka_blob_looks_like(struct alka_span file) {
    return file.size >= 4 && memcmp(file.data, read_ident, 4) == 0;
}

static alka_status read_header(struct reader *reader, struct elf_header *out_header) {
    struct elf_header header;
    if (reader->file.size < sizeof header)
        return read_fail(reader->diag, ALKA_E_BLOB_FORMAT, reader->file.size, 0, 0);
    memcpy(&header, reader->file.data, sizeof header);
    bool is_ours = memcmp(header.ident, read_ident, sizeof read_ident) == 0 &&
                   header.type == ELF_TYPE_SHARED && header.machine == ELF_MACHINE_X86_64 &&
                   header.version == ELF_VERSION_CURRENT &&
                   header.section_bytes == sizeof(struct elf_section) && header.section_count > 0 &&
                   header.section_count <= READ_SECTIONS_MAX &&
                   header.section_names_idx < header.section_count;
    if (!is_ours)
        return read_fail(reader->diag, ALKA_E_BLOB_FORMAT, 0, 0, 0);
    uint64_t table_bytes = header.section_count * sizeof(struct elf_section);
    if (header.sections_off > reader->file.size ||
        reader->file.size - header.sections_off < table_bytes)
        return read_fail(reader->diag, ALKA_E_BLOB_FORMAT,
                         offsetof(struct elf_header, sections_off), 0, 0);
    *out_header = header;
    return ALKA_OK;
}

static struct elf_section read_section_header(const struct reader *reader,
                                              const struct elf_header *header, uint32_t section) {
    struct elf_section result;
    memcpy(&result, reader->file.data + header->sections_off + section * sizeof result,
           sizeof result);
    return result;
}

static bool read_section_lies_inside(const struct reader *reader,
                                     const struct elf_section *section) {
    return section->off <= reader->file.size && section->size <= reader->file.size - section->off;
}

/* The section of ours with the name at `name_off` of the name table; 0 if it is none of them. */
static uint32_t read_section_id(const struct reader *reader, uint32_t name_off) {
    if (name_off >= reader->names.size)
        return 0;
    const uint8_t *name = reader->names.data + name_off;
    size_t room = reader->names.size - name_off;
    for (uint32_t id = 1; id < ALKA_BLOB_SECTION_COUNT; id++) {
        const struct read_name *ours = &read_names[id];
        if (ours->bytes <= room && memcmp(name, ours->text, ours->bytes) == 0)
            return id;
    }
    return 0;
}

/* Finds each section that the loader needs, once and inside of the file. */
static alka_status read_sections(struct reader *reader) {
    struct elf_header header;
    ALKA_TRY(read_header(reader, &header));
    struct elf_section names = read_section_header(reader, &header, header.section_names_idx);
    if (!read_section_lies_inside(reader, &names))
        return read_fail(reader->diag, ALKA_E_BLOB_SECTION, header.sections_off, ALKA_BLOB_SHSTRTAB,
                         0);
    reader->names = (struct alka_span){reader->file.data + names.off, (size_t)names.size};

    for (uint32_t i = 0; i < header.section_count; i++) {
        struct elf_section section = read_section_header(reader, &header, i);
        uint32_t id = read_section_id(reader, section.name_off);
        if (!id)
            continue;
        uint64_t header_off = header.sections_off + i * sizeof section;
        uint32_t entry_bytes = read_names[id].entry_bytes;
        if (reader->sections[id].data || !read_section_lies_inside(reader, &section) ||
            (entry_bytes && section.size % entry_bytes != 0) || section.size > UINT32_MAX)
            return read_fail(reader->diag, ALKA_E_BLOB_SECTION, header_off, id, 0);
        reader->sections[id] =
            (struct alka_span){reader->file.data + section.off, (size_t)section.size};
    }
    for (uint32_t id = ALKA_BLOB_TEXT; id <= ALKA_BLOB_MODULE; id++)
        if (!reader->sections[id].data)
            return read_fail(reader->diag, ALKA_E_BLOB_SECTION, header.sections_off, id, 0);
    return ALKA_OK;
}

static alka_status read_info(struct reader *reader, struct alka_blob *blob) {
    struct alka_blob_info info;
    struct alka_span section = reader->sections[ALKA_BLOB_INFO];
    uint64_t file_off = read_file_off(reader, section.data);
    if (section.size != sizeof info)
        return read_fail(reader->diag, ALKA_E_BLOB_SECTION, file_off, ALKA_BLOB_INFO, 0);
    memcpy(&info, section.data, sizeof info);
    if (memcmp(info.magic, "ALKA", sizeof info.magic) != 0)
        return read_fail(reader->diag, ALKA_E_BLOB_SECTION, file_off, ALKA_BLOB_INFO, 0);
    if (info.format != ALKA_BLOB_FORMAT || info.abi != ALKA_ABI_VERSION)
        return read_fail(reader->diag, ALKA_E_BLOB_VERSION, file_off, info.format, info.abi);
    uint32_t reserved = 0;
    for (size_t i = 0; i < sizeof info.reserved / sizeof info.reserved[0]; i++)
        reserved |= info.reserved[i];
    if (reserved != 0 || info.memory_model > ALKA_MEMORY_WRAP ||
        (info.features_allowed >> ALKA_FEATURE_COUNT) != 0 ||
        (info.cpu_required & ~(uint32_t)ALKA_CPU_X86_64_V3) != 0)
        return read_fail(reader->diag, ALKA_E_BLOB_SECTION, file_off, ALKA_BLOB_INFO, 0);
    blob->compiler_version = info.compiler_version;
    blob->memory_model = (enum alka_memory_model)info.memory_model;
    blob->cpu_required = info.cpu_required;
    blob->features_allowed = info.features_allowed;
    blob->function_count = info.function_count;
    blob->functions_bytes = info.functions_bytes;
    blob->unwind_off = info.unwind_off;
    return ALKA_OK;
}

/* .rodata follows .text in the file, as in memory; together they are alka_code.text. */
static alka_status read_text(struct reader *reader, struct alka_blob *blob) {
    struct alka_span text = reader->sections[ALKA_BLOB_TEXT];
    struct alka_span rodata = reader->sections[ALKA_BLOB_RODATA];
    if (text.size != blob->functions_bytes)
        return read_fail(reader->diag, ALKA_E_BLOB_SECTION, read_file_off(reader, text.data),
                         ALKA_BLOB_TEXT, 0);
    uint64_t rodata_off =
        ((uint64_t)text.size + BLOB_RODATA_ALIGN - 1) & ~(BLOB_RODATA_ALIGN - 1ull);
    uint64_t text_file_off = read_file_off(reader, text.data);
    uint64_t rodata_file_off = read_file_off(reader, rodata.data);
    if (rodata_file_off != text_file_off + rodata_off || rodata_off + rodata.size > INT32_MAX)
        return read_fail(reader->diag, ALKA_E_BLOB_SECTION, rodata_file_off, ALKA_BLOB_RODATA, 0);
    blob->text = (struct alka_span){text.data, (size_t)(rodata_off + rodata.size)};
    return ALKA_OK;
}

static bool read_table_fits(const struct alka_blob *blob, uint32_t off, uint64_t bytes) {
    return off % 4 == 0 && off >= blob->functions_bytes && off + bytes <= blob->text.size;
}

/* Tables for exceptions lie in .rodata; what they say is trusted as the code is. */
static alka_status read_unwind(const struct reader *reader, const struct alka_blob *blob) {
    struct alka_unwind unwind;
    if (blob->unwind_off == 0) /* nothing can be thrown through it */
        return ALKA_OK;
    bool fits = read_table_fits(blob, blob->unwind_off, sizeof unwind);
    if (fits) {
        memcpy(&unwind, blob->text.data + blob->unwind_off, sizeof unwind);
        fits = read_table_fits(blob, unwind.frames_off, blob->function_count * UINT64_C(4)) &&
               read_table_fits(blob, unwind.sites_off,
                               unwind.site_count * (uint64_t)sizeof(struct alka_call_site)) &&
               read_table_fits(blob, unwind.tries_off,
                               unwind.try_count * (uint64_t)sizeof(struct alka_try)) &&
               read_table_fits(blob, unwind.clauses_off,
                               unwind.clause_count * (uint64_t)sizeof(struct alka_clause));
    }
    if (fits)
        return ALKA_OK;
    return read_fail(reader->diag, ALKA_E_BLOB_SECTION,
                     read_file_off(reader, reader->sections[ALKA_BLOB_RODATA].data),
                     ALKA_BLOB_RODATA, 0);
}

static alka_status read_functions(struct reader *reader, struct alka_blob *blob) {
    struct alka_span section = reader->sections[ALKA_BLOB_FUNCTIONS];
    if (section.size != ((uint64_t)blob->function_count + 1) * sizeof(uint32_t))
        return read_fail(reader->diag, ALKA_E_BLOB_SECTION, read_file_off(reader, section.data),
                         ALKA_BLOB_FUNCTIONS, 0);
    uint32_t last = 0;
    for (uint32_t i = 0; i <= blob->function_count; i++) {
        const uint8_t *entry = section.data + (size_t)i * sizeof(uint32_t);
        uint32_t off = read_u32(entry);
        bool is_end = i == blob->function_count;
        bool is_first = i == 0;
        if (off > blob->functions_bytes || is_end != (off == blob->functions_bytes) ||
            (is_first ? off != 0 : off <= last))
            return read_fail(reader->diag, ALKA_E_BLOB_TABLE, read_file_off(reader, entry), i,
                             ALKA_BLOB_FUNCTIONS);
        last = off;
    }
    blob->function_offs = section;
    return ALKA_OK;
}

static alka_status read_traps(struct reader *reader, struct alka_blob *blob) {
    struct alka_span section = reader->sections[ALKA_BLOB_TRAPS];
    blob->trap_sites = section;
    blob->trap_site_count = (uint32_t)(section.size / sizeof(struct alka_trap_site));
    uint32_t next = 0; /* lowest offset that keeps the table sorted */
    for (uint32_t i = 0; i < blob->trap_site_count; i++) {
        struct alka_trap_site site;
        const uint8_t *entry = section.data + (size_t)i * sizeof site;
        memcpy(&site, entry, sizeof site);
        enum alka_trap kind = alka_trap_site_kind(site);
        if (site.code_off < next || site.code_off >= blob->functions_bytes ||
            kind == ALKA_TRAP_NONE || kind >= ALKA_TRAP_COUNT ||
            alka_trap_site_wasm_off(site) > reader->sections[ALKA_BLOB_MODULE].size)
            return read_fail(reader->diag, ALKA_E_BLOB_TABLE, read_file_off(reader, entry), i,
                             ALKA_BLOB_TRAPS);
        next = site.code_off + 1;
    }
    return ALKA_OK;
}

static alka_status read_relocs(struct reader *reader, struct alka_blob *blob) {
    struct alka_span section = reader->sections[ALKA_BLOB_RELOCS];
    blob->relocs = section;
    blob->reloc_count = (uint32_t)(section.size / sizeof(struct alka_reloc));
    uint64_t next = 0;
    for (uint32_t i = 0; i < blob->reloc_count; i++) {
        struct alka_reloc reloc;
        const uint8_t *entry = section.data + (size_t)i * sizeof reloc;
        memcpy(&reloc, entry, sizeof reloc);
        if (reloc.code_off < next || (uint64_t)reloc.code_off + 4 > blob->functions_bytes)
            return read_fail(reader->diag, ALKA_E_BLOB_TABLE, read_file_off(reader, entry), i,
                             ALKA_BLOB_RELOCS);
        next = (uint64_t)reloc.code_off + 4;
    }
    return ALKA_OK;
}

alka_status alka_blob_read(struct alka_span file, struct alka_blob *out_blob,
                           struct alka_diag *out_diag) {
    struct reader reader = {.file = file, .diag = out_diag};
    struct alka_blob blob = {0};
    ALKA_TRY(read_sections(&reader));
    ALKA_TRY(read_info(&reader, &blob));
    ALKA_TRY(read_text(&reader, &blob));
    ALKA_TRY(read_unwind(&reader, &blob));
    ALKA_TRY(read_functions(&reader, &blob));
    ALKA_TRY(read_traps(&reader, &blob));
    ALKA_TRY(read_relocs(&reader, &blob));
    blob.module_bytes = reader.sections[ALKA_BLOB_MODULE];
    *out_blob = blob;
    return ALKA_OK;
}

static bool read_reloc_fits(struct alka_reloc reloc, const struct alka_module *module) {
    switch ((enum alka_reloc_kind)reloc.kind) {
    case ALKA_RELOC_IMPORT_CALL:
        return reloc.index < module->imported_functions;
    case ALKA_RELOC_HELPER_CALL:
        return reloc.index < ALKA_HELPER_COUNT;
    case ALKA_RELOC_FOREIGN_CALL:
        return true;
    case ALKA_RELOC_TYPE_ID:
        return reloc.index < module->type_count;
    }
    return false; /* a number that is no kind */
}

alka_status alka_blob_check_module(const struct alka_blob *blob, const struct alka_module *module,
                                   struct alka_diag *out_diag) {
    uint32_t defined = module->function_count - module->imported_functions;
    if (defined != blob->function_count)
        return read_fail(out_diag, ALKA_E_BLOB_MODULE, 0, blob->function_count, defined);
    for (uint32_t i = 0; i < blob->reloc_count; i++) {
        struct alka_reloc reloc;
        memcpy(&reloc, blob->relocs.data + (size_t)i * sizeof reloc, sizeof reloc);
        if (!read_reloc_fits(reloc, module))
            return read_fail(out_diag, ALKA_E_BLOB_TABLE, ALKA_DIAG_NONE, i, ALKA_BLOB_RELOCS);
    }
    return ALKA_OK;
}

void alka_blob_copy_tables(const struct alka_blob *blob, uint32_t *function_offs,
                           struct alka_trap_site *trap_sites, struct alka_reloc *relocs,
                           struct alka_code *out_code) {
    memcpy(function_offs, blob->function_offs.data, blob->function_offs.size);
    if (blob->trap_site_count)
        memcpy(trap_sites, blob->trap_sites.data, blob->trap_sites.size);
    if (blob->reloc_count)
        memcpy(relocs, blob->relocs.data, blob->relocs.size);
    *out_code = (struct alka_code){
        .text = blob->text.data,
        .text_bytes = (uint32_t)blob->text.size,
        .functions_bytes = blob->functions_bytes,
        .unwind_off = blob->unwind_off,
        .function_offs = function_offs,
        .trap_sites = trap_sites,
        .relocs = relocs,
        .function_count = blob->function_count,
        .trap_site_count = blob->trap_site_count,
        .reloc_count = blob->reloc_count,
        .memory_model = blob->memory_model,
        .cpu_required = blob->cpu_required,
    };
}
