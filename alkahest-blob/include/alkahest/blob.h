/*
 * The .alk file: one compiled module as an ELF64 shared object for x86-64, so that readelf,
 * objdump, gdb and perf understand it. A session loads it at its Linking state.
 *
 *   .text .rodata      alka_code.text, the same bytes as in memory before linking
 *   .symtab .strtab    each defined function by its name in the name section (else `func[N]`),
 *                      and each exported one once more, as a global symbol, by its export name
 *   .alka.info         struct alka_blob_info: versions, memory model, processor features
 *   .alka.functions    alka_code.function_offs   } as they are in memory,
 *   .alka.traps        alka_code.trap_sites      } little-endian
 *   .alka.relocs       alka_code.relocs          }
 *   .alka.module       the Wasm module itself, byte for byte
 *
 * Types, imports, exports, tables, memories, globals and segments are not written a second time:
 * whoever loads the file reads them from .alka.module with the parser that reads every module. So
 * there is no second decoder to trust and none to keep in step, byte offsets in diagnostics and
 * traps mean the same as before, and a file whose machine code is refused (older ABI, missing
 * processor feature) can be compiled again from itself.
 *
 * The reader checks everything except the machine code: what is in .text is taken as it is. Until a
 * verifier proves it, a blob is as powerful as whoever made it: load trusted ones only.
 *
 * The same module, code and version make the same file, byte for byte.
 */
#ifndef ALKAHEST_BLOB_H
#define ALKAHEST_BLOB_H

#include <alkahest/code.h>
#include <alkahest/diag.h>
#include <alkahest/module.h>
#include <alkahest/span.h>
#include <alkahest/status.h>

#define ALKA_BLOB_FORMAT 2u

/* 0.1.0 is 0x000100. */
#define ALKA_BLOB_VERSION(major, minor, patch) \
    ((uint32_t)(major) << 16 | (uint32_t)(minor) << 8 | (uint32_t)(patch))

/* Section .alka.info. Little-endian; a change of layout is a new ALKA_BLOB_FORMAT. */
struct alka_blob_info {
    uint8_t magic[4]; /* "ALKA" */
    uint32_t format;  /* ALKA_BLOB_FORMAT */
    uint32_t abi;     /* ALKA_ABI_VERSION */
    uint32_t compiler_version;
    uint32_t memory_model;     /* enum alka_memory_model */
    uint32_t cpu_required;     /* alka_cpu_set */
    uint32_t features_allowed; /* alka_feature_set that the module was validated with */
    uint32_t function_count;   /* defined functions */
    uint32_t functions_bytes;  /* of .text that are functions */
    uint32_t unwind_off;       /* of struct alka_unwind: in .rodata, from the start of .text */
    uint32_t reserved[6];      /* 0 */
};

/* Sections by the number that ALKA_E_BLOB_SECTION and ALKA_E_BLOB_TABLE report. */
enum alka_blob_section {
    ALKA_BLOB_TEXT = 1,
    ALKA_BLOB_RODATA,
    ALKA_BLOB_INFO,
    ALKA_BLOB_FUNCTIONS,
    ALKA_BLOB_TRAPS,
    ALKA_BLOB_RELOCS,
    ALKA_BLOB_MODULE,
    ALKA_BLOB_SYMTAB,
    ALKA_BLOB_STRTAB,
    ALKA_BLOB_SHSTRTAB,
    ALKA_BLOB_SECTION_COUNT
};

/* What a file holds. Spans borrow from the file's bytes and may be unaligned. */
struct alka_blob {
    struct alka_span module_bytes;
    struct alka_span text;          /* functions and read-only data, as alka_code.text */
    struct alka_span function_offs; /* function_count + 1 of uint32_t */
    struct alka_span trap_sites;    /* trap_site_count of struct alka_trap_site */
    struct alka_span relocs;        /* reloc_count of struct alka_reloc */
    uint32_t functions_bytes, function_count, trap_site_count, reloc_count, unwind_off;
    uint32_t compiler_version;
    enum alka_memory_model memory_model;
    alka_cpu_set cpu_required;
    alka_feature_set features_allowed;
};

/* Does the file begin like an .alk file rather than like a module? Decides nothing else. */
bool alka_blob_looks_like(struct alka_span file);

/*
 * Reads the outside of a file of any origin; all spans lie inside of it, all tables are sorted and
 * in range, but for what alka_blob_check_module checks. *out_diag.offset is an offset in the file.
 * ALKA_E_BLOB_FORMAT, ALKA_E_BLOB_SECTION, ALKA_E_BLOB_VERSION, ALKA_E_BLOB_TABLE.
 */
ALKA_MUST_CHECK alka_status alka_blob_read(struct alka_span file, struct alka_blob *out_blob,
                                           struct alka_diag *out_diag);

/*
 * Do the code's tables fit the module that was parsed from blob->module_bytes: number of functions,
 * indices of relocations, Wasm offsets of trap sites? ALKA_E_BLOB_MODULE, ALKA_E_BLOB_TABLE.
 */
ALKA_MUST_CHECK alka_status alka_blob_check_module(const struct alka_blob *blob,
                                                   const struct alka_module *module,
                                                   struct alka_diag *out_diag);

/*
 * Copies the tables to aligned memory of the caller, which has room for function_count + 1,
 * trap_site_count and reloc_count elements, and describes the result in *out_code; its text still
 * borrows from the file.
 */
void alka_blob_copy_tables(const struct alka_blob *blob, uint32_t *function_offs,
                           struct alka_trap_site *trap_sites, struct alka_reloc *relocs,
                           struct alka_code *out_code);

/* What a file is made of. `module` is the parsed form of module->bytes; `code` is not linked yet.
 */
struct alka_blob_source {
    const struct alka_module *module;
    const struct alka_code *code;
    uint32_t compiler_version; /* ALKA_BLOB_VERSION */
};

/* Size of the file that alka_blob_write makes of the same source. */
size_t alka_blob_bytes(const struct alka_blob_source *source);

/* Writes alka_blob_bytes(source) bytes to `out`, which is 8-byte aligned. */
void alka_blob_write(const struct alka_blob_source *source, uint8_t *out);

#endif
