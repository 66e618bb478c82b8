/*
 * Writes an .alk file. In: a parsed module and its code before linking. Out: the bytes of the file,
 * into memory of the caller, who asks for the size first. It must never depend on anything but its
 * input: no time, no address, no path gets into the file.
 */
#include "sections.h"

#include <alkahest/blob.h>
#include <alkahest/crucible.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);

struct write_section {
    const char *name;
    size_t name_bytes; /* the zero included */
    uint64_t flags;
    uint32_t type, align, entry_bytes;
};

static const struct write_section write_sections[ALKA_BLOB_SECTION_COUNT] = {
#define WRITE_SECTION(id, name, type, flags, align, entry) \
    [ALKA_BLOB_##id] = {name, sizeof(name), flags, type, align, entry},
    BLOB_SECTIONS(WRITE_SECTION)
#undef WRITE_SECTION
};

/* Where everything goes. Section 0 stands for the headers at the front of the file. */
struct layout {
    uint64_t off[ALKA_BLOB_SECTION_COUNT], size[ALKA_BLOB_SECTION_COUNT];
    uint64_t section_table_off, file_bytes;
    uint32_t local_symbols; /* the null symbol included */
};

/* Fills symbol and string table, or only measures them when the pointers are NULL. */
struct symbol_writer {
    uint8_t *symbols, *strings;
    uint64_t symbol_bytes, string_bytes;
    const struct alka_code *code;
    uint64_t text_off;
};

static uint64_t write_align(uint64_t value, uint64_t align) {
    return (value + align - 1) & ~(align - 1);
}

/* An empty table may have no address. */
static void write_bytes(uint8_t *out, const void *bytes, uint64_t size) {
    if (size)
        memcpy(out, bytes, (size_t)size);
}

static void symbols_put_byte(struct symbol_writer *writer, uint8_t byte) {
    if (writer->strings)
        writer->strings[writer->string_bytes] = byte;
    writer->string_bytes++;
}

/* A symbol's name ends at a zero byte; a Wasm name may contain some. */
static void symbols_put_name(struct symbol_writer *writer, struct alka_span name) {
    for (size_t i = 0; i < name.size; i++)
        symbols_put_byte(writer, name.data[i] ? name.data[i] : '?');
    symbols_put_byte(writer, 0);
}

static void symbols_put_number(struct symbol_writer *writer, uint32_t func_idx) {
    uint8_t digits[10];
    uint32_t count = 0;
    do {
        digits[count++] = (uint8_t)('0' + func_idx % 10);
        func_idx /= 10;
    } while (func_idx);
    for (const char *c = "func["; *c; c++)
        symbols_put_byte(writer, (uint8_t)*c);
    while (count)
        symbols_put_byte(writer, digits[--count]);
    symbols_put_byte(writer, ']');
    symbols_put_byte(writer, 0);
}

/* The symbol whose name is put next: defined function `defined_idx`. */
static void symbols_put(struct symbol_writer *writer, uint32_t defined_idx, uint8_t bind) {
    if (writer->symbols) {
        uint32_t code_off = writer->code->function_offs[defined_idx];
        struct elf_symbol symbol = {
            .name_off = (uint32_t)writer->string_bytes,
            .info = ELF_SYMBOL_INFO(bind, ELF_TYPE_FUNC),
            .section_idx = ALKA_BLOB_TEXT,
            .value = writer->text_off + code_off,
            .size = writer->code->function_offs[defined_idx + 1] - code_off,
        };
        memcpy(writer->symbols + writer->symbol_bytes, &symbol, sizeof symbol);
    }
    writer->symbol_bytes += sizeof(struct elf_symbol);
}

/* Local symbols come first (System V ABI, "Symbol Table"). Returns their number. */
static uint32_t symbols_write(struct symbol_writer *writer, const struct alka_module *module) {
    if (writer->symbols)
        memset(writer->symbols, 0, sizeof(struct elf_symbol));
    writer->symbol_bytes = sizeof(struct elf_symbol);
    symbols_put_byte(writer, 0);
    for (uint32_t i = 0; i < writer->code->function_count; i++) {
        uint32_t func_idx = module->imported_functions + i;
        symbols_put(writer, i, ELF_BIND_LOCAL);
        if (module->function_names && module->function_names[func_idx].size)
            symbols_put_name(writer, module->function_names[func_idx]);
        else
            symbols_put_number(writer, func_idx);
    }
    uint32_t locals = (uint32_t)(writer->symbol_bytes / sizeof(struct elf_symbol));
    for (uint32_t i = 0; i < module->export_count; i++) {
        const struct alka_export *export = &module->exports[i];
        if (export->kind != ALKA_EXTERN_FUNC || export->index < module->imported_functions)
            continue;
        symbols_put(writer, export->index - module->imported_functions, ELF_BIND_GLOBAL);
        symbols_put_name(writer, export->name);
    }
    return locals;
}

static uint64_t write_section_name_bytes(void) {
    uint64_t bytes = 1;
    for (uint32_t id = 1; id < ALKA_BLOB_SECTION_COUNT; id++)
        bytes += write_sections[id].name_bytes;
    return bytes;
}

static struct layout write_layout(const struct alka_blob_source *source) {
    const struct alka_code *code = source->code;
    struct symbol_writer symbols = {.code = code};
    struct layout layout = {.local_symbols = symbols_write(&symbols, source->module)};

    uint64_t rodata_off = write_align(code->functions_bytes, BLOB_RODATA_ALIGN);
    layout.size[0] = sizeof(struct elf_header) + sizeof(struct elf_segment);
    layout.size[ALKA_BLOB_TEXT] = code->functions_bytes;
    layout.size[ALKA_BLOB_RODATA] =
        code->text_bytes > rodata_off ? code->text_bytes - rodata_off : 0;
    layout.size[ALKA_BLOB_INFO] = sizeof(struct alka_blob_info);
    layout.size[ALKA_BLOB_FUNCTIONS] = ((uint64_t)code->function_count + 1) * sizeof(uint32_t);
    layout.size[ALKA_BLOB_TRAPS] = code->trap_site_count * sizeof(struct alka_trap_site);
    layout.size[ALKA_BLOB_RELOCS] = code->reloc_count * sizeof(struct alka_reloc);
    layout.size[ALKA_BLOB_MODULE] = source->module->bytes.size;
    layout.size[ALKA_BLOB_SYMTAB] = symbols.symbol_bytes;
    layout.size[ALKA_BLOB_STRTAB] = symbols.string_bytes;
    layout.size[ALKA_BLOB_SHSTRTAB] = write_section_name_bytes();

    uint64_t end = layout.size[0];
    for (uint32_t id = 1; id < ALKA_BLOB_SECTION_COUNT; id++) {
        layout.off[id] = write_align(end, write_sections[id].align);
        end = layout.off[id] + layout.size[id];
    }
    layout.section_table_off = write_align(end, 8);
    layout.file_bytes =
        layout.section_table_off + ALKA_BLOB_SECTION_COUNT * sizeof(struct elf_section);
    return layout;
}

/* One loadable segment: functions and read-only data, at the address that is their file offset. */
static void write_headers(const struct layout *layout, uint8_t *out) {
    struct elf_header header = {
        .ident = {0x7F, 'E', 'L', 'F', ELF_CLASS_64, ELF_DATA_LITTLE, ELF_VERSION_CURRENT},
        .type = ELF_TYPE_SHARED,
        .machine = ELF_MACHINE_X86_64,
        .version = ELF_VERSION_CURRENT,
        .segments_off = sizeof header,
        .sections_off = layout->section_table_off,
        .header_bytes = sizeof header,
        .segment_bytes = sizeof(struct elf_segment),
        .segment_count = 1,
        .section_bytes = sizeof(struct elf_section),
        .section_count = ALKA_BLOB_SECTION_COUNT,
        .section_names_idx = ALKA_BLOB_SHSTRTAB,
    };
    uint64_t text_off = layout->off[ALKA_BLOB_TEXT];
    uint64_t bytes = layout->off[ALKA_BLOB_RODATA] + layout->size[ALKA_BLOB_RODATA] - text_off;
    struct elf_segment segment = {
        .type = ELF_SEGMENT_LOAD,
        .flags = ELF_SEGMENT_R | ELF_SEGMENT_X,
        .off = text_off,
        .address = text_off,
        .physical = text_off,
        .file_bytes = bytes,
        .memory_bytes = bytes,
        .align = ALKA_PAGE_BYTES,
    };
    memcpy(out, &header, sizeof header);
    memcpy(out + sizeof header, &segment, sizeof segment);
}

static void write_section_table(const struct layout *layout, uint8_t *out) {
    uint8_t *names = out + layout->off[ALKA_BLOB_SHSTRTAB];
    uint32_t name_off = 1;
    names[0] = 0;
    for (uint32_t id = 1; id < ALKA_BLOB_SECTION_COUNT; id++) {
        const struct write_section *kind = &write_sections[id];
        struct elf_section section = {
            .name_off = name_off,
            .type = kind->type,
            .flags = kind->flags,
            .address = (kind->flags & ELF_FLAG_ALLOC) ? layout->off[id] : 0,
            .off = layout->off[id],
            .size = layout->size[id],
            .align = kind->align,
            .entry_bytes = kind->entry_bytes,
        };
        if (id == ALKA_BLOB_SYMTAB) {
            section.link = ALKA_BLOB_STRTAB;
            section.info = layout->local_symbols;
        }
        memcpy(out + layout->section_table_off + id * sizeof section, &section, sizeof section);
        memcpy(names + name_off, kind->name, kind->name_bytes);
        name_off += (uint32_t)kind->name_bytes;
    }
}

static void write_info(const struct alka_blob_source *source, uint8_t *out) {
    const struct alka_code *code = source->code;
    struct alka_blob_info info = {
        .magic = {'A', 'L', 'K', 'A'},
        .format = ALKA_BLOB_FORMAT,
        .abi = ALKA_ABI_VERSION,
        .compiler_version = source->compiler_version,
        .memory_model = (uint32_t)code->memory_model,
        .cpu_required = code->cpu_required,
        .features_allowed = source->module->features_allowed,
        .function_count = code->function_count,
        .functions_bytes = code->functions_bytes,
        .unwind_off = code->unwind_off,
    };
    memcpy(out, &info, sizeof info);
}

size_t alka_blob_bytes(const struct alka_blob_source *source) {
    return (size_t)write_layout(source).file_bytes;
}

void alka_blob_write(const struct alka_blob_source *source, uint8_t *out) {
    const struct alka_code *code = source->code;
    struct layout layout = write_layout(source);
    memset(out, 0, layout.file_bytes);
    write_headers(&layout, out);
    write_bytes(out + layout.off[ALKA_BLOB_TEXT], code->text, code->text_bytes);
    write_info(source, out + layout.off[ALKA_BLOB_INFO]);
    write_bytes(out + layout.off[ALKA_BLOB_FUNCTIONS], code->function_offs,
                layout.size[ALKA_BLOB_FUNCTIONS]);
    write_bytes(out + layout.off[ALKA_BLOB_TRAPS], code->trap_sites, layout.size[ALKA_BLOB_TRAPS]);
    write_bytes(out + layout.off[ALKA_BLOB_RELOCS], code->relocs, layout.size[ALKA_BLOB_RELOCS]);
    write_bytes(out + layout.off[ALKA_BLOB_MODULE], source->module->bytes.data,
                source->module->bytes.size);
    struct symbol_writer symbols = {
        .symbols = out + layout.off[ALKA_BLOB_SYMTAB],
        .strings = out + layout.off[ALKA_BLOB_STRTAB],
        .code = code,
        .text_off = layout.off[ALKA_BLOB_TEXT],
    };
    (void)symbols_write(&symbols, source->module);
    write_section_table(&layout, out);
}
