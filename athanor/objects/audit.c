/* The audit's ring, and its lines in the log (audit.h). In: what happened to capabilities. Out:
 * records and text. It must never wait, nor change a capability. */
#include "objects/audit.h"
#include "console/log.h"
#include "mm/memory.h"
#include "modules/modules.h"
#include "objects/buffers.h"
#include "objects/objects.h"
#include "time/clock.h"
#include "time/rate.h"
#include "trace/trace.h"
#include <string.h>

static struct {
    struct audit_record *kept;
    uint64_t count;
    struct rate lines;
} audit;

bool audit_start(void) {
    audit.kept = memory_take(AUDIT_KEPT * sizeof *audit.kept);
    return audit.kept != NULL;
}

void audit_rights(char out[AUDIT_RIGHTS_BYTES], uint32_t rights) {
    static const char letters[AUDIT_RIGHTS_BYTES] = "rwcdm";
    for (uint32_t bit = 0; bit < AUDIT_RIGHTS_BYTES - 1; bit++) {
        out[bit] = '-';
        if ((rights >> bit & 1) != 0) {
            out[bit] = letters[bit];
        }
    }
    out[AUDIT_RIGHTS_BYTES - 1] = '\0';
}

const char *audit_who(uint32_t table_id) {
    const struct module *module = modules_by_id(table_id);
    const char *nobody = table_id == CAP_NOBODY ? "kernel" : "(unloaded)";
    return module == NULL ? nobody : module->name;
}

static void audit_tell(const struct audit_record *record, uint64_t untold) {
    char rights[AUDIT_RIGHTS_BYTES];
    audit_rights(rights, record->act.rights);
    log_line(ALKA_LOG_DEBUG, "audit %lu: %s %s %s %s from %s to %s, depth %u; %lu more untold",
             audit.count, cap_act_name(record->act.act), cap_kind_name(record->act.object.kind),
             record->name, rights, audit_who(record->act.from), audit_who(record->act.to),
             record->act.depth, untold);
}

/* Whose capabilities became more, or fewer. */
static void audit_trace(const struct cap_audit *act) {
    bool is_given = act->act == CAP_ACT_GRANT || act->act == CAP_ACT_DELEGATE ||
                    act->act == CAP_ACT_MOVE || act->act == CAP_ACT_ACCEPT;
    uint32_t id = is_given ? act->to : act->from;
    const struct module *module = modules_by_id(id);
    if (is_given) {
        trace(TRACE_GRANT, module, act->object.kind, act->rights);
    } else {
        trace(TRACE_REVOKE, module, act->object.kind, act->depth);
    }
}

void audit_note(void *self, const struct cap_audit *act) {
    (void)self;
    const struct object *object = act->object.object; /* alive, or NULL */
    buffers_note(act);
    audit_trace(act);
    struct audit_record *record = &audit.kept[audit.count++ % AUDIT_KEPT];
    *record = (struct audit_record){.at_ns = clock_ns(), .act = *act};
    if (object != NULL) {
        memcpy(record->name, object->name, sizeof record->name);
    }
    uint64_t untold;
    if (rate_take(&audit.lines, AUDIT_LINES_PER_SECOND, record->at_ns, &untold)) {
        audit_tell(record, untold);
    }
}

uint64_t audit_count(void) { return audit.count; }

const struct audit_record *audit_at(uint64_t number) {
    if (number >= audit.count || audit.count - number > AUDIT_KEPT) {
        return NULL;
    }
    return &audit.kept[number % AUDIT_KEPT];
}
