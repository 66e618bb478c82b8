/* What is kept of a module's last crash, and shows why it happened. */
#ifndef ATHANOR_POSTMORTEM_H
#define ATHANOR_POSTMORTEM_H

#include "modules/modules.h"

#define CRASH_FRAMES 16u
#define CRASH_NAME_BYTES 64u
#define CRASH_LOG_BYTES 1024u

struct crash_frame {
    char module[BUNDLE_NAME_BYTES_MAX + 1], function[CRASH_NAME_BYTES];
    uint32_t code_off;
};

/* Holds names, not pointers: modules come and go. */
struct crash {
    uint64_t number, at_ns;
    enum alka_trap trap;
    uint32_t wasm_off; /* ALKA_DIAG_NONE: unknown */
    char called[CRASH_NAME_BYTES];
    uint64_t address; /* that was touched; 0: none */
    struct trap_frame registers;
    uint32_t frame_count, frames_total; /* kept; innermost first */
    bool frames_cut;                    /* there were more than frames_total */
    struct crash_frame frames[CRASH_FRAMES];
    char log[CRASH_LOG_BYTES]; /* the last lines before it */
};

/* After the trap of a call of `called`. Without memory for it nothing is kept; the record stays,
 * and is used again for the next crash. */
void postmortem_take(struct module *module, struct bundle_text called,
                     const struct alka_trap_report *report, const struct trap_frame *registers);

/* The module has no record any more. */
void postmortem_drop(struct module *module);

#endif
