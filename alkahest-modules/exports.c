/*
 * Room: modules. What an instance gives to others: its exports as externs. Comes in: names. Goes
 * out: externs whose owner is the instance that must stay alive for them.
 */
#include "private.h"

const struct alka_functype *alka_func_type(const struct alka_func *func) {
    return alka_function_type(&func->instance->image->module, func->func_idx);
}

void alka_instance_export_at(const struct alka_instance *instance, uint32_t export_idx,
                             struct alka_extern *out_extern) {
    const struct alka_image *image = instance->image;
    const struct alka_export *export = &image->module.exports[export_idx];
    uint32_t index = export->index;
    struct alka_instance *owner = instance->context->instance; /* the same, not const */
    *out_extern = (struct alka_extern){.kind = export->kind, .owner = owner};
    switch (export->kind) {
    case ALKA_EXTERN_FUNC:
        out_extern->func = &instance->funcs[image->ref_idx[index]];
        break;
    case ALKA_EXTERN_TABLE:
        out_extern->table = instance->tables[index];
        out_extern->owner = instance->tables[index]->owner;
        break;
    case ALKA_EXTERN_MEMORY:
        out_extern->memory = instance->memories[index];
        out_extern->owner = instance->memories[index]->owner;
        break;
    case ALKA_EXTERN_GLOBAL:
        out_extern->global = (struct alka_global){
            .type = alka_types_canonical(image->module.globals[index].type, image->type_ids),
            .is_mutable = image->module.globals[index].is_mutable,
            .cell = instance_global_cell(instance, index),
        };
        break;
    case ALKA_EXTERN_TAG:
        out_extern->tag = instance->tags[index];
        break;
    }
}

bool alka_instance_export(const struct alka_instance *instance, struct alka_span name,
                          struct alka_extern *out_extern) {
    const struct alka_export *export = alka_image_export(instance->image, name);
    if (!export)
        return false;
    alka_instance_export_at(instance, (uint32_t)(export - instance->image->module.exports),
                            out_extern);
    return true;
}
