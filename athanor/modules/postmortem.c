/*
 * Post-mortem records. In: the report of a trap and the registers at it. Out: a record with names
 * in it, that outlives module and image. It must never fail a recovery.
 */
#include "modules/postmortem.h"
#include "console/clean.h"
#include "console/format.h"
#include "console/log.h"
#include "mm/memory.h"
#include "modules/call.h"
#include "time/clock.h"
#include <string.h>

static void postmortem_frames(struct crash *crash, const struct alka_trap_report *report) {
    crash->frames_total = report->frame_count;
    crash->frames_cut = report->frames_cut;
    crash->frame_count = report->frame_count < CRASH_FRAMES ? report->frame_count : CRASH_FRAMES;
    for (uint32_t i = 0; i < crash->frame_count; i++) {
        struct crash_frame *to = &crash->frames[i];
        format_text(to->module, sizeof to->module, "%s", modules_name_of(report->frames[i].image));
        call_function_name(&report->frames[i], to->function, sizeof to->function);
        to->code_off = report->frames[i].code_off;
    }
}

void postmortem_take(struct module *module, struct bundle_text called,
                     const struct alka_trap_report *report, const struct trap_frame *registers) {
    if (module->crash == NULL) {
        module->crash = memory_take(sizeof *module->crash);
    }
    struct crash *crash = module->crash;
    if (crash == NULL) {
        return;
    }
    *crash = (struct crash){
        .number = module->traps,
        .at_ns = clock_ns(),
        .trap = report->kind,
        .wasm_off = report->wasm_off,
        .address = report->address,
        .registers = *registers,
    };
    clean_text(crash->called, sizeof crash->called, called.data, called.size);
    postmortem_frames(crash, report);
    log_tail(crash->log, sizeof crash->log);
}

void postmortem_drop(struct module *module) {
    if (module->crash != NULL) {
        memory_give(module->crash, sizeof *module->crash);
        module->crash = NULL;
    }
}
