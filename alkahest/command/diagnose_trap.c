/*
 * Traps and function names as text. In: the record that the trap left, names from modules. Out:
 * lines on standard error that tell where in the module it was, not where in memory.
 */
#include "diagnose.h"
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

#define TRAP_NAME_BYTES 200

static uint32_t trap_code(enum alka_trap trap) {
    static const uint16_t codes[ALKA_TRAP_COUNT] = {
#define TRAP_CODE(id, code, message) [ALKA_TRAP_##id] = code,
        ALKA_TRAPS(TRAP_CODE)
#undef TRAP_CODE
    };
    return trap < ALKA_TRAP_COUNT ? codes[trap] : 0;
}

/* "module.name" of an imported function. */
static void import_name(const struct alka_module *module, uint32_t func_idx, char *text,
                        size_t text_bytes) {
    for (uint32_t i = 0; i < module->import_count; i++) {
        const struct alka_import *import = &module->imports[i];
        if (import->kind != ALKA_EXTERN_FUNC || import->index != func_idx)
            continue;
        char from[TRAP_NAME_BYTES / 2], name[TRAP_NAME_BYTES / 2];
        text_escape(import->module, from, sizeof from);
        text_escape(import->name, name, sizeof name);
        (void)snprintf(text, text_bytes, "%s.%s", from, name);
        return;
    }
}

void diagnose_function_name(const struct alka_module *module, uint32_t func_idx, char *text,
                            size_t text_bytes) {
    (void)snprintf(text, text_bytes, "func[%" PRIu32 "]", func_idx);
    if (module->function_names && func_idx < module->function_count &&
        module->function_names[func_idx].size) {
        text_escape(module->function_names[func_idx], text, text_bytes);
        return;
    }
    if (func_idx < module->imported_functions) {
        import_name(module, func_idx, text, text_bytes);
        return;
    }
    for (uint32_t i = 0; i < module->export_count; i++)
        if (module->exports[i].kind == ALKA_EXTERN_FUNC && module->exports[i].index == func_idx) {
            text_escape(module->exports[i].name, text, text_bytes);
            return;
        }
}

static void trap_print_frame(const struct alka_trap_report *report, uint32_t index) {
    const struct alka_frame *frame = &report->frames[index];
    const struct alka_module *module = &frame->image->module;
    char name[TRAP_NAME_BYTES], place[64] = "";
    diagnose_function_name(module, frame->func_idx, name, sizeof name);
    if (index == 0 && report->wasm_off != ALKA_DIAG_NONE)
        (void)snprintf(place, sizeof place, " at offset 0x%" PRIx32 " of the module",
                       report->wasm_off);
    (void)fprintf(stderr, "  %2" PRIu32 ": func[%" PRIu32 "] %s+0x%" PRIx32 "%s\n", index,
                  frame->func_idx, name, frame->code_off, place);
}

void diagnose_trap(enum alka_trap trap, const struct alka_trap_report *report) {
    bool colours = report_stderr_colours();
    (void)fflush(stdout);
    (void)fprintf(stderr, "%strap[ALKA_%03" PRIu32 "]:%s %s\n", colours ? "\x1b[1;31m" : "",
                  trap_code(trap), colours ? "\x1b[0m" : "", alka_trap_message(trap));
    for (uint32_t i = 0; i < report->frame_count && i < ALKA_REPORT_FRAMES; i++)
        trap_print_frame(report, i);
    if (report->frames_cut)
        (void)fprintf(stderr, "  … more callers\n");
}
