/*
 * The .alk file: what is written is read back; whatever is damaged is refused with the code for it;
 * nothing a reader is given makes it look outside of the file.
 */
#include "../elf64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <alkahest/blob.h>
#include <cmocka.h>

#define NAME(text) \
    { (const uint8_t *)(text), sizeof(text) - 1 }

static uint8_t module_bytes[] = "\0asm\1\0\0\0 not parsed by this room";
static struct alka_span function_names[] = {NAME("imported"), NAME("first\0x"), {NULL, 0}};
static struct alka_function functions[3] = {{.imported = true}};
static struct alka_export exports[] = {
    {NAME("run"), ALKA_EXTERN_FUNC, 1},
    {NAME("memory"), ALKA_EXTERN_MEMORY, 0},
    {NAME("again"), ALKA_EXTERN_FUNC, 0},
};
static struct alka_module module = {
    .bytes = {module_bytes, sizeof module_bytes},
    .features_allowed = ALKA_FEATURE_BIT(MVP) | ALKA_FEATURE_BIT(SIGN_EXT),
    .functions = functions,
    .exports = exports,
    .function_count = 3,
    .imported_functions = 1,
    .export_count = 3,
    .type_count = 2,
    .function_names = function_names,
};

static uint8_t text[60];
static uint32_t function_offs[] = {0, 16, 33};
static struct alka_trap_site trap_sites[2];
static struct alka_reloc relocs[] = {
    {1, ALKA_RELOC_IMPORT_CALL, 0},
    {20, ALKA_RELOC_TYPE_ID, 1},
};
static struct alka_code code = {
    .text = text,
    .text_bytes = sizeof text,
    .functions_bytes = 33,
    .function_offs = function_offs,
    .trap_sites = trap_sites,
    .relocs = relocs,
    .function_count = 2,
    .trap_site_count = 2,
    .reloc_count = 2,
    .memory_model = ALKA_MEMORY_CHECKED,
    .cpu_required = ALKA_CPU_BMI2,
};
static const struct alka_blob_source source = {&module, &code, ALKA_BLOB_VERSION(0, 1, 0)};

struct file {
    uint8_t *bytes;
    size_t size;
};

/* A file at the end of its own allocation, so that a sanitizer sees a step beyond it. */
static struct file make_file(void) {
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7 + 1);
    trap_sites[0] = alka_trap_site_make(3, 12, ALKA_TRAP_UNREACHABLE);
    trap_sites[1] = alka_trap_site_make(30, 20, ALKA_TRAP_MEMORY_BOUNDS);
    struct file file = {.size = alka_blob_bytes(&source)};
    file.bytes = malloc(file.size);
    assert_non_null(file.bytes);
    alka_blob_write(&source, file.bytes);
    return file;
}

static alka_status read_file(struct file file, struct alka_blob *blob, struct alka_diag *diag) {
    return alka_blob_read((struct alka_span){file.bytes, file.size}, blob, diag);
}

static struct elf_section *find_section(struct file file, uint32_t id) {
    struct elf_header *header = (struct elf_header *)(void *)file.bytes;
    return (struct elf_section *)(void *)(file.bytes + header->sections_off) + id;
}

static void what_is_written_is_read(void **state) {
    (void)state;
    struct file file = make_file();
    struct alka_blob blob;
    struct alka_diag diag;
    assert_int_equal(read_file(file, &blob, &diag), ALKA_OK);
    assert_int_equal(alka_blob_check_module(&blob, &module, &diag), ALKA_OK);

    uint32_t offs[3];
    struct alka_trap_site sites[2];
    struct alka_reloc patches[2];
    struct alka_code back;
    alka_blob_copy_tables(&blob, offs, sites, patches, &back);
    assert_int_equal(back.text_bytes, code.text_bytes);
    assert_memory_equal(back.text, text, sizeof text);
    assert_int_equal(back.functions_bytes, 33);
    assert_memory_equal(offs, function_offs, sizeof offs);
    assert_memory_equal(sites, trap_sites, sizeof sites);
    assert_memory_equal(patches, relocs, sizeof patches);
    assert_int_equal(back.memory_model, ALKA_MEMORY_CHECKED);
    assert_int_equal(back.cpu_required, ALKA_CPU_BMI2);
    assert_int_equal(blob.features_allowed, module.features_allowed);
    assert_int_equal(blob.compiler_version, 0x000100);
    assert_int_equal(blob.module_bytes.size, sizeof module_bytes);
    assert_memory_equal(blob.module_bytes.data, module_bytes, sizeof module_bytes);
    free(file.bytes);
}

static void writing_twice_gives_the_same_bytes(void **state) {
    (void)state;
    struct file a = make_file(), b = make_file();
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.bytes, b.bytes, a.size);
    free(a.bytes);
    free(b.bytes);
}

static void symbols_have_the_functions_names(void **state) {
    (void)state;
    struct file file = make_file();
    struct elf_section *table = find_section(file, ALKA_BLOB_SYMTAB);
    const char *strings = (const char *)file.bytes + find_section(file, ALKA_BLOB_STRTAB)->off;
    struct elf_symbol symbols[4];
    assert_int_equal(table->size, sizeof symbols);
    assert_int_equal(table->info, 3);
    memcpy(symbols, file.bytes + table->off, sizeof symbols);
    assert_string_equal(strings + symbols[1].name_off, "first?x");
    assert_string_equal(strings + symbols[2].name_off, "func[2]");
    assert_string_equal(strings + symbols[3].name_off, "run");
    assert_int_equal(symbols[3].info >> 4, ELF_BIND_GLOBAL);
    assert_int_equal(symbols[2].size, 17);
    assert_int_equal(symbols[2].value, find_section(file, ALKA_BLOB_TEXT)->off + 16);
    free(file.bytes);
}

/* An empty module: no function, no table with an address. */
static void nothing_is_written_and_read(void **state) {
    (void)state;
    static const uint32_t no_offs[] = {0};
    struct alka_module none = {.bytes = {module_bytes, 8}};
    struct alka_code no_code = {.text = text, .function_offs = no_offs};
    struct alka_blob_source nothing = {&none, &no_code, 0};
    struct file file = {.size = alka_blob_bytes(&nothing)};
    file.bytes = malloc(file.size);
    assert_non_null(file.bytes);
    alka_blob_write(&nothing, file.bytes);
    struct alka_blob blob;
    struct alka_diag diag;
    assert_int_equal(read_file(file, &blob, &diag), ALKA_OK);
    assert_int_equal(blob.function_count, 0);
    assert_int_equal(blob.text.size, 0);
    free(file.bytes);
}

static void a_shortened_file_is_refused(void **state) {
    (void)state;
    struct file whole = make_file();
    for (size_t size = 0; size < whole.size; size++) {
        struct file file = {malloc(size + 1), size};
        assert_non_null(file.bytes);
        memcpy(file.bytes, whole.bytes, size);
        struct alka_blob blob;
        struct alka_diag diag;
        assert_int_not_equal(read_file(file, &blob, &diag), ALKA_OK);
        free(file.bytes);
    }
    free(whole.bytes);
}

/* Any single changed byte: refused, or read with everything inside of the file. */
static void a_changed_byte_stays_inside(void **state) {
    (void)state;
    struct file file = make_file();
    for (size_t i = 0; i < file.size; i++)
        for (uint32_t flip = 1; flip < 256; flip <<= 1) {
            file.bytes[i] ^= (uint8_t)flip;
            struct alka_blob blob;
            struct alka_diag diag;
            if (read_file(file, &blob, &diag) == ALKA_OK) {
                const struct alka_span spans[] = {blob.module_bytes, blob.text, blob.function_offs,
                                                  blob.trap_sites, blob.relocs};
                for (size_t s = 0; s < sizeof spans / sizeof spans[0]; s++) {
                    assert_true(spans[s].data >= file.bytes);
                    assert_true(spans[s].data + spans[s].size <= file.bytes + file.size);
                }
                (void)!alka_blob_check_module(&blob, &module, &diag);
            }
            file.bytes[i] ^= (uint8_t)flip;
        }
    free(file.bytes);
}

static void assert_refused(struct file file, alka_status expected, uint64_t arg0) {
    struct alka_blob blob;
    struct alka_diag diag;
    alka_status status = read_file(file, &blob, &diag);
    if (status == ALKA_OK)
        status = alka_blob_check_module(&blob, &module, &diag);
    assert_int_equal(status, expected);
    assert_int_equal(diag.code, expected);
    assert_int_equal(diag.args[0], arg0);
    free(file.bytes);
}

static uint8_t *contents(struct file file, uint32_t id) {
    return file.bytes + find_section(file, id)->off;
}

static void each_damage_has_its_code(void **state) {
    (void)state;
    struct file file = make_file();
    file.bytes[4] = 1; /* 32-bit */
    assert_refused(file, ALKA_E_BLOB_FORMAT, 0);

    file = make_file();
    find_section(file, ALKA_BLOB_TRAPS)->off = UINT64_MAX - 4;
    assert_refused(file, ALKA_E_BLOB_SECTION, ALKA_BLOB_TRAPS);

    file = make_file();
    find_section(file, ALKA_BLOB_RELOCS)->name_off = find_section(file, ALKA_BLOB_TRAPS)->name_off;
    assert_refused(file, ALKA_E_BLOB_SECTION, ALKA_BLOB_TRAPS);

    file = make_file();
    find_section(file, ALKA_BLOB_MODULE)->name_off = 0;
    assert_refused(file, ALKA_E_BLOB_SECTION, ALKA_BLOB_MODULE);

    file = make_file();
    find_section(file, ALKA_BLOB_RODATA)->off -= 16;
    assert_refused(file, ALKA_E_BLOB_SECTION, ALKA_BLOB_RODATA);

    file = make_file();
    ((struct alka_blob_info *)(void *)contents(file, ALKA_BLOB_INFO))->abi++;
    assert_refused(file, ALKA_E_BLOB_VERSION, ALKA_BLOB_FORMAT);

    file = make_file();
    ((struct alka_blob_info *)(void *)contents(file, ALKA_BLOB_INFO))->function_count = UINT32_MAX;
    assert_refused(file, ALKA_E_BLOB_SECTION, ALKA_BLOB_FUNCTIONS);

    file = make_file();
    ((uint32_t *)(void *)contents(file, ALKA_BLOB_FUNCTIONS))[1] = 0;
    assert_refused(file, ALKA_E_BLOB_TABLE, 1);

    file = make_file();
    ((struct alka_trap_site *)(void *)contents(file, ALKA_BLOB_TRAPS))[1].code_off = 3;
    assert_refused(file, ALKA_E_BLOB_TABLE, 1);

    file = make_file();
    ((struct alka_reloc *)(void *)contents(file, ALKA_BLOB_RELOCS))[1].code_off = 30;
    assert_refused(file, ALKA_E_BLOB_TABLE, 1);

    file = make_file();
    ((struct alka_reloc *)(void *)contents(file, ALKA_BLOB_RELOCS))[0].index = 1;
    assert_refused(file, ALKA_E_BLOB_TABLE, 0);

    file = make_file();
    ((struct alka_reloc *)(void *)contents(file, ALKA_BLOB_RELOCS))[1].kind = 77;
    assert_refused(file, ALKA_E_BLOB_TABLE, 1);
}

static void another_module_is_refused(void **state) {
    (void)state;
    struct file file = make_file();
    struct alka_module other = module;
    struct alka_blob blob;
    struct alka_diag diag;
    other.function_count = 4;
    assert_int_equal(read_file(file, &blob, &diag), ALKA_OK);
    assert_int_equal(alka_blob_check_module(&blob, &other, &diag), ALKA_E_BLOB_MODULE);
    assert_int_equal(diag.args[0], 2);
    assert_int_equal(diag.args[1], 3);
    free(file.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(writing_twice_gives_the_same_bytes),
        cmocka_unit_test(symbols_have_the_functions_names),
        cmocka_unit_test(nothing_is_written_and_read),
        cmocka_unit_test(a_shortened_file_is_refused),
        cmocka_unit_test(a_changed_byte_stays_inside),
        cmocka_unit_test(each_damage_has_its_code),
        cmocka_unit_test(another_module_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
