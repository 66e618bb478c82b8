/*
 * Room: modules. What hot swap needs: the functions that one instance imports from another become
 * those of a third. In: living instances. Out: import records that a gate can follow. Must never
 * leave an importer between the two: whoever calls keeps everybody out of the gates meanwhile.
 */
#include "private.h"
#include <alkahest/routines.h>

static struct alka_import_record *rebind_records(const struct alka_instance *importer) {
    uint64_t disp = (uint64_t)(int64_t)importer->image->layout.import_records_disp;
    return (struct alka_import_record *)(importer->base.value + disp);
}

/* A function, which nobody can pass on: it is in the import record and nowhere else. */
static bool rebind_is_private(const struct alka_instance *importer, uint32_t import_idx) {
    const struct alka_image *image = importer->image;
    return importer->imports[import_idx].kind == ALKA_EXTERN_FUNC &&
           image->ref_idx[image->module.imports[import_idx].index] == ALKA_NO_INDEX;
}

/* The function of the same name and type, if there is one. */
static bool rebind_find(const struct alka_instance *importer, uint32_t import_idx,
                        const struct alka_instance *to, struct alka_extern *out_extern) {
    const struct alka_extern *now = &importer->imports[import_idx];
    return alka_instance_export(to, importer->image->module.imports[import_idx].name, out_extern) &&
           out_extern->kind == ALKA_EXTERN_FUNC && out_extern->func != NULL &&
           out_extern->func->type_id == now->func->type_id;
}

bool alka_instance_can_rebind(const struct alka_instance *importer,
                              const struct alka_instance *from, const struct alka_instance *to,
                              uint32_t *out_import_idx) {
    for (uint32_t i = 0; i < importer->image->module.import_count; i++) {
        const struct alka_extern *now = &importer->imports[i];
        struct alka_extern found;
        bool is_its = now->owner == from;
        bool passed_on =
            !is_its && now->owner && now->kind == ALKA_EXTERN_FUNC && now->func->instance == from;
        if (passed_on ||
            (is_its && !(rebind_is_private(importer, i) && rebind_find(importer, i, to, &found)))) {
            *out_import_idx = i;
            return false;
        }
    }
    return true;
}

void alka_instance_rebind(struct alka_instance *importer, struct alka_instance *from,
                          struct alka_instance *to) {
    const struct alka_module *module = &importer->image->module;
    for (uint32_t i = 0; i < module->import_count; i++) {
        struct alka_extern *now = &importer->imports[i];
        struct alka_extern found;
        if (now->owner != from || !rebind_find(importer, i, to, &found))
            continue;
        now->owner = to;
        now->func = found.func;
        from->holders--;
        to->holders++;
        uint32_t index = module->imports[i].index;
        alka_link_bind(&rebind_records(importer)[index], now, alka_function_type(module, index));
    }
    if (from->is_dropped && from->holders == 0)
        instance_dispose(from);
}

static void rebind_routine(struct alka_instance *importer, const struct alka_instance *from,
                           bool is_open) {
    const struct alka_module *module = &importer->image->module;
    for (uint32_t i = 0; i < module->import_count; i++) {
        const struct alka_extern *now = &importer->imports[i];
        if (now->kind != ALKA_EXTERN_FUNC || now->owner != from)
            continue;
        struct alka_import_record *record = &rebind_records(importer)[module->imports[i].index];
        if (is_open)
            alka_link_open(record, now->gate_policy);
        else
            record->routine = record->any_routine = (uint64_t)alka_routine_gone;
    }
}

void alka_instance_close_gates(struct alka_instance *importer, const struct alka_instance *from) {
    rebind_routine(importer, from, false);
}

void alka_instance_open_gates(struct alka_instance *importer, const struct alka_instance *from) {
    rebind_routine(importer, from, true);
}

enum alka_gate_state alka_gate_look(const struct alka_import_record *record) {
    if (record->routine == (uint64_t)alka_routine_gone)
        return ALKA_GATE_CLOSED;
    const struct alka_context *context =
        (const struct alka_context *)(record->context - ALKA_CONTEXT_BYTES);
    bool is_same = context->generation == record->expected_generation;
    return is_same ? ALKA_GATE_OPEN : ALKA_GATE_GONE;
}
