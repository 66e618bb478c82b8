/*
 * `alkahest disasm`: machine code by Capstone, with the module's opcodes beside. In: a module,
 * which is compiled with a trace of where each opcode's code begins; or an .alk file, which knows
 * that only for instructions that may trap. Out: text; offsets are from the first byte of the code,
 * as in .alk files, traces and trap sites.
 */
#include "commands.h"
#include "diagnose.h"
#include "pipeline.h"

#include <alkahest/codegen_trace.h>
#include <alkahest/ops.h>
#include <capstone/capstone.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISASM_NAME_BYTES 200

/* From code_off on, code belongs to the opcode at wasm_off. */
struct origin {
    uint32_t code_off, wasm_off, op;
};

struct origins {
    struct origin *items;
    size_t count, capacity;
    bool out_of_memory;
};

struct disasm {
    const struct alka_module *module;
    const struct alka_code *code;
    const struct origins *origins;
    int32_t import_records_disp;
    size_t next_origin;
    uint32_t next_reloc;
    csh engine;
    cs_insn *instruction;
    const char *dim, *plain; /* terminal colours, or "" */
};

static void origins_add(struct origins *origins, struct origin origin) {
    if (origins->count == origins->capacity) {
        size_t capacity = origins->capacity ? origins->capacity * 2 : 1024;
        struct origin *items = realloc(origins->items, capacity * sizeof *items);
        if (!items) {
            origins->out_of_memory = true;
            return;
        }
        origins->items = items;
        origins->capacity = capacity;
    }
    origins->items[origins->count++] = origin;
}

static void origins_trace(void *self, const struct alka_trace_op *op, const uint8_t *text) {
    (void)text;
    origins_add(self, (struct origin){op->code_off, op->wasm_off, op->op});
}

/* The opcode at a module offset that a trap site names. */
static uint32_t origins_op_at(struct alka_span bytes, uint32_t off) {
    if (off >= bytes.size)
        return ALKA_OP_COUNT;
    uint8_t first = bytes.data[off];
    if (first < ALKA_PREFIX_FB || first > ALKA_PREFIX_FE)
        return alka_op_decode(ALKA_PREFIX_00, first);
    uint32_t number = 0;
    for (uint32_t i = 1, shift = 0; off + i < bytes.size && shift < 21; i++, shift += 7) {
        number |= (uint32_t)(bytes.data[off + i] & 0x7F) << shift;
        if (!(bytes.data[off + i] & 0x80))
            break;
    }
    return alka_op_decode((enum alka_prefix)first, number);
}

static void origins_of_trap_sites(struct origins *origins, const struct alka_module *module,
                                  const struct alka_code *code) {
    for (uint32_t i = 0; i < code->trap_site_count; i++) {
        uint32_t wasm_off = alka_trap_site_wasm_off(code->trap_sites[i]);
        origins_add(origins, (struct origin){code->trap_sites[i].code_off, wasm_off,
                                             origins_op_at(module->bytes, wasm_off)});
    }
}

/* What the four bytes in [code_off, code_off + bytes) are patched with at link time. */
static void disasm_print_reloc(struct disasm *disasm, uint32_t code_off, size_t bytes) {
    const struct alka_code *code = disasm->code;
    while (disasm->next_reloc < code->reloc_count &&
           code->relocs[disasm->next_reloc].code_off < code_off)
        disasm->next_reloc++;
    if (disasm->next_reloc == code->reloc_count ||
        code->relocs[disasm->next_reloc].code_off >= code_off + bytes)
        return;
    struct alka_reloc reloc = code->relocs[disasm->next_reloc];
    static const char *const helpers[] = {
#define DISASM_HELPER(id, symbol, params, is_i32) #symbol,
        ALKA_HELPERS(DISASM_HELPER)
#undef DISASM_HELPER
    };
    char name[DISASM_NAME_BYTES];
    switch ((enum alka_reloc_kind)reloc.kind) {
    case ALKA_RELOC_IMPORT_CALL:
        diagnose_function_name(disasm->module, reloc.index, name, sizeof name);
        printf(" {import %s}", name);
        return;
    case ALKA_RELOC_HELPER_CALL:
        printf(" {%s}", reloc.index < ALKA_HELPER_COUNT ? helpers[reloc.index] : "?");
        return;
    case ALKA_RELOC_FOREIGN_CALL:
        printf(" {call of another module's function}");
        return;
    case ALKA_RELOC_TYPE_ID:
        printf(" {type %u}", (unsigned)reloc.index);
        return;
    }
}

/* lea r11, [r15 + the record of an imported function] */
static void disasm_print_import(const struct disasm *disasm, const uint8_t *code, uint32_t bytes) {
    static const uint8_t lea[] = {0x4D, 0x8D, 0x9F};
    int32_t disp;
    if (bytes != sizeof lea + sizeof disp || memcmp(code, lea, sizeof lea) != 0)
        return;
    memcpy(&disp, code + sizeof lea, sizeof disp);
    int64_t off = (int64_t)disp - disasm->import_records_disp;
    int64_t func_idx = off / (int64_t)sizeof(struct alka_import_record);
    if (off < 0 || func_idx >= disasm->module->imported_functions)
        return;
    char name[DISASM_NAME_BYTES];
    diagnose_function_name(disasm->module, (uint32_t)func_idx, name, sizeof name);
    printf(" {import %s}", name);
}

/* The opcodes whose code begins in front of `code_end`. */
static void disasm_print_origins(struct disasm *disasm, uint32_t code_end) {
    const struct origins *origins = disasm->origins;
    bool is_first = true;
    while (disasm->next_origin < origins->count &&
           origins->items[disasm->next_origin].code_off < code_end) {
        const struct origin *origin = &origins->items[disasm->next_origin++];
        printf("%s 0x%" PRIx32 " %s", is_first ? " ;" : ",", origin->wasm_off,
               alka_op_name(origin->op));
        is_first = false;
    }
}

/* One line; returns how many bytes it showed. */
static uint32_t disasm_instruction(struct disasm *disasm, uint32_t off, uint32_t end) {
    const uint8_t *at = disasm->code->text + off;
    size_t room = end - off;
    uint64_t address = off;
    char bytes[3 * 16 + 1] = "", text[200] = ".byte";
    uint32_t size = 1;
    if (cs_disasm_iter(disasm->engine, &at, &room, &address, disasm->instruction)) {
        size = disasm->instruction->size;
        (void)snprintf(text, sizeof text, "%s %s", disasm->instruction->mnemonic,
                       disasm->instruction->op_str);
    }
    for (uint32_t i = 0; i < size && i < 16; i++)
        (void)snprintf(bytes + (size_t)3 * i, 4, "%02x ", disasm->code->text[off + i]);
    printf("  %06" PRIx32 "  %s%-31s%s %-40s%s", off, disasm->dim, bytes, disasm->plain, text,
           disasm->dim);
    disasm_print_reloc(disasm, off, size);
    disasm_print_import(disasm, disasm->code->text + off, size);
    disasm_print_origins(disasm, off + size);
    printf("%s\n", disasm->plain);
    return size;
}

static void disasm_seek(struct disasm *disasm, uint32_t code_off) {
    const struct origins *origins = disasm->origins;
    while (disasm->next_origin < origins->count &&
           origins->items[disasm->next_origin].code_off < code_off)
        disasm->next_origin++;
}

/* Up to the next function's alignment there is nothing but int3. */
static bool disasm_is_padding(const uint8_t *text, uint32_t off, uint32_t end) {
    if (end - off >= 16)
        return false;
    while (off < end && text[off] == 0xCC)
        off++;
    return off == end;
}

static void disasm_function(struct disasm *disasm, uint32_t defined_idx) {
    uint32_t func_idx = disasm->module->imported_functions + defined_idx;
    uint32_t off = disasm->code->function_offs[defined_idx];
    uint32_t end = disasm->code->function_offs[defined_idx + 1];
    char name[DISASM_NAME_BYTES];
    diagnose_function_name(disasm->module, func_idx, name, sizeof name);
    printf("func[%" PRIu32 "] %s: %" PRIu32 " bytes\n", func_idx, name, end - off);
    disasm_seek(disasm, off);
    while (off < end && !disasm_is_padding(disasm->code->text, off, end))
        off += disasm_instruction(disasm, off, end);
    putchar('\n');
}

static void disasm_rodata(const struct alka_code *code) {
    uint32_t off = (code->functions_bytes + 15) & ~15u;
    if (off >= code->text_bytes)
        return;
    printf("read-only data: %" PRIu32 " bytes\n", code->text_bytes - off);
    for (; off < code->text_bytes; off += 16) {
        printf("  %06" PRIx32 " ", off);
        for (uint32_t i = off; i < off + 16 && i < code->text_bytes; i++)
            printf(" %02x", code->text[i]);
        putchar('\n');
    }
}

static bool disasm_wants(const struct alka_module *module, uint32_t func_idx, const char *wanted) {
    if (!wanted)
        return true;
    char *end;
    unsigned long index = strtoul(wanted, &end, 10);
    if (*wanted != '\0' && *end == '\0')
        return index == func_idx;
    size_t bytes = strlen(wanted);
    struct alka_span name = {NULL, 0};
    if (module->function_names)
        name = module->function_names[func_idx];
    if (name.data && name.size == bytes && memcmp(name.data, wanted, bytes) == 0)
        return true;
    for (uint32_t i = 0; i < module->export_count; i++) {
        const struct alka_export *export = &module->exports[i];
        if (export->kind == ALKA_EXTERN_FUNC && export->index == func_idx &&
            export->name.size == bytes && memcmp(export->name.data, wanted, bytes) == 0)
            return true;
    }
    return false;
}

static bool disasm_all(struct disasm *disasm, const char *wanted) {
    bool any = false;
    for (uint32_t i = 0; i < disasm->code->function_count; i++)
        if (disasm_wants(disasm->module, disasm->module->imported_functions + i, wanted)) {
            disasm_function(disasm, i);
            any = true;
        }
    if (wanted && !any) {
        report_error("there is no defined function '%s'", wanted);
        return false;
    }
    if (!wanted)
        disasm_rodata(disasm->code);
    return true;
}

static bool disasm_open(struct disasm *disasm, const struct pipeline *pipeline,
                        const struct origins *origins) {
    bool colours = report_stdout_colours();
    *disasm = (struct disasm){
        .module = &pipeline->session.module,
        .code = &pipeline->session.code,
        .origins = origins,
        .import_records_disp = pipeline->session.layout.import_records_disp,
        .dim = colours ? "\x1b[2m" : "",
        .plain = colours ? "\x1b[0m" : "",
    };
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &disasm->engine) != CS_ERR_OK) {
        report_error("the disassembler cannot be opened");
        return false;
    }
    disasm->instruction = cs_malloc(disasm->engine);
    if (disasm->instruction)
        return true;
    report_error("out of memory");
    (void)cs_close(&disasm->engine);
    return false;
}

static bool disasm_print(const struct pipeline *pipeline, struct origins *origins,
                         const char *wanted) {
    struct disasm disasm;
    if (pipeline->is_blob)
        origins_of_trap_sites(origins, &pipeline->session.module, &pipeline->session.code);
    if (origins->out_of_memory) {
        report_error("out of memory");
        return false;
    }
    if (!disasm_open(&disasm, pipeline, origins))
        return false;
    bool ok = disasm_all(&disasm, wanted);
    cs_free(disasm.instruction, 1);
    (void)cs_close(&disasm.engine);
    return ok;
}

int command_disasm(const struct settings *settings) {
    struct pipeline pipeline;
    struct origins origins = {0};
    const struct alka_codegen_trace trace = {.self = &origins, .op = origins_trace};
    const char *wanted = settings->operands.count > 1 ? settings->operands.items[1] : NULL;
    bool ok =
        pipeline_open(&pipeline, settings, settings->operands.items[0], PIPELINE_LOOKS, &trace) &&
        pipeline_compile(&pipeline) && disasm_print(&pipeline, &origins, wanted);
    free(origins.items);
    pipeline_close(&pipeline);
    return ok ? COMMAND_EXIT_OK : COMMAND_EXIT_FAILED;
}
