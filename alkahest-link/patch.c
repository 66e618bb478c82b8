/*
 * Room: link. Thunks and relocations: what makes position-independent code call out. Comes in: text
 * where it will run, still writable, and its relocations. Goes out: the same text, linked. Must
 * never put an instance's address into the text: one copy serves all instances.
 */
#include "block.h"

#include <alkahest/link.h>

void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);

enum { PATCH_INT3 = 0xCC };

alka_routine *const alka_host_direct[ALKA_DIRECT_PARAMS_MAX + 1][2] = {
    {alka_host_direct_0, alka_host_direct_0_i32}, {alka_host_direct_1, alka_host_direct_1_i32},
    {alka_host_direct_2, alka_host_direct_2_i32}, {alka_host_direct_3, alka_host_direct_3_i32},
    {alka_host_direct_4, alka_host_direct_4_i32}, {alka_host_direct_5, alka_host_direct_5_i32},
};

/* Thunks in order: imported functions, helpers, the foreign call. */
static uint32_t patch_helper_thunk(const struct alka_module *module, uint32_t helper) {
    return (module->imported_functions + helper) * ALKA_THUNK_BYTES;
}

static uint32_t patch_foreign_thunk(const struct alka_module *module) {
    return patch_helper_thunk(module, ALKA_HELPER_COUNT);
}

size_t alka_link_thunk_bytes(const struct alka_module *module) {
    return (size_t)patch_foreign_thunk(module) + ALKA_THUNK_BYTES;
}

/* lea r11, [r15 + disp]; jmp [r11 + any_routine] */
static void patch_write_import(uint8_t *at, int32_t record_disp) {
    static const uint8_t code[] = {0x4D,
                                   0x8D,
                                   0x9F,
                                   0,
                                   0,
                                   0,
                                   0,
                                   0x41,
                                   0xFF,
                                   0x63,
                                   offsetof(struct alka_import_record, any_routine)};
    memcpy(at, code, sizeof code);
    memcpy(at + 3, &record_disp, sizeof record_disp);
}

/* mov r11, record; jmp [r11] */
static void patch_write_helper(uint8_t *at, const struct alka_import_record *record) {
    static const uint8_t code[] = {0x49, 0xBB, 0, 0, 0, 0, 0, 0, 0, 0, 0x41, 0xFF, 0x23};
    uint64_t address = (uint64_t)record;
    memcpy(at, code, sizeof code);
    memcpy(at + 2, &address, sizeof address);
}

/* mov rax, alka_call_foreign; jmp rax */
static void patch_write_foreign(uint8_t *at) {
    static const uint8_t code[] = {0x48, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xE0};
    uint64_t address = (uint64_t)alka_call_foreign;
    memcpy(at, code, sizeof code);
    memcpy(at + 2, &address, sizeof address);
}

static void patch_write_thunks(const struct alka_link_input *input, uint8_t *thunks) {
    const struct alka_module *module = input->module;
    memset(thunks, PATCH_INT3, alka_link_thunk_bytes(module));
    for (uint32_t i = 0; i < module->imported_functions; i++) {
        int32_t disp =
            input->layout->import_records_disp + (int32_t)(i * sizeof(struct alka_import_record));
        patch_write_import(thunks + (size_t)i * ALKA_THUNK_BYTES, disp);
    }
    for (uint32_t i = 0; i < ALKA_HELPER_COUNT; i++)
        patch_write_helper(thunks + patch_helper_thunk(module, i), &input->helpers[i]);
    patch_write_foreign(thunks + patch_foreign_thunk(module));
}

/* The four bytes that a relocation asks for. */
static uint32_t patch_value(const struct alka_link_input *input, const struct alka_reloc *reloc,
                            uint32_t thunks_off) {
    uint32_t behind = reloc->code_off + 4;
    switch ((enum alka_reloc_kind)reloc->kind) {
    case ALKA_RELOC_IMPORT_CALL:
        return alka_link_import_thunk_off(thunks_off, reloc->index) - behind;
    case ALKA_RELOC_HELPER_CALL:
        return thunks_off + patch_helper_thunk(input->module, reloc->index) - behind;
    case ALKA_RELOC_FOREIGN_CALL:
        return thunks_off + patch_foreign_thunk(input->module) - behind;
    case ALKA_RELOC_TYPE_ID:
        break;
    }
    return input->type_ids[reloc->index];
}

void alka_link_patch(const struct alka_link_input *input, uint8_t *text, uint32_t thunks_off) {
    patch_write_thunks(input, text + thunks_off);
    for (uint32_t i = 0; i < input->code->reloc_count; i++) {
        const struct alka_reloc *reloc = &input->code->relocs[i];
        uint32_t value = patch_value(input, reloc, thunks_off);
        memcpy(text + reloc->code_off, &value, sizeof value);
    }
}
