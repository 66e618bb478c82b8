/*
 * Room: modules. How instances go: who still needs one keeps it; what is not needed is given back,
 * whatever step of making it failed. Must never free what another living instance could reach.
 */
#include "private.h"

void instance_pin(struct alka_instance *instance) {
    if (instance->is_pinned)
        return;
    instance->is_pinned = true;
    instance->holders++;
}

void instance_unlink(struct alka_instance *instance) {
    if (!instance->image || !instance->context)
        return;
    const struct alka_module *module = &instance->image->module;
    for (uint32_t i = 0; i < module->memory_count; i++)
        if (instance->memory_uses[i].view)
            memory_unuse(instance->memories[i], &instance->memory_uses[i]);
    for (uint32_t i = 0; i < module->table_count; i++)
        if (instance->table_uses[i].view)
            table_unuse(instance->tables[i], &instance->table_uses[i]);
}

static void dispose_own(struct alka_instance *instance) {
    const struct alka_module *module = &instance->image->module;
    for (uint32_t i = 0; i < module->table_count - module->imported_tables; i++)
        alka_table_drop(&instance->own_tables[i]);
    for (uint32_t i = 0; i < module->memory_count - module->imported_memories; i++) {
        struct alka_memory *memory = &instance->own_memories[i];
        /* The one in the slot goes with the slot. */
        if (memory->crucible && memory->base.value != instance->base.value)
            alka_memory_drop(memory);
    }
}

void instance_free(struct alka_instance *instance) {
    const struct alka_crucible *crucible = instance->registry->crucible;
    if (instance->context) {
        dispose_own(instance);
        uint64_t committed_bytes =
            instance->slot_reserve_bytes ? instance->own_memories[0].committed_bytes : 0;
        crucible->slot_release(crucible->self, instance->base, instance->slot_context_bytes,
                               committed_bytes, instance->slot_reserve_bytes);
    }
    if (instance->image)
        alka_image_release(instance->image);
    registry_instance_give(instance);
}

/* Lets go of those that `instance` imports from; who is not needed any more joins the list. */
static void dispose_release_owners(struct alka_instance *instance, struct alka_instance **list) {
    if (!instance->holds_imports)
        return;
    for (uint32_t i = 0; i < instance->image->module.import_count; i++) {
        struct alka_instance *owner = instance->imports[i].owner;
        if (owner && --owner->holders == 0 && owner->is_dropped) {
            owner->next = *list;
            *list = owner;
        }
    }
}

void instance_dispose(struct alka_instance *instance) {
    instance->next = NULL;
    struct alka_instance *list = instance;
    while (list) {
        struct alka_instance *now = list;
        list = now->next;
        dispose_release_owners(now, &list);
        instance_unlink(now);
        instance_free(now);
    }
}

void alka_instance_disown(struct alka_instance *instance) {
    uint64_t generation = __atomic_add_fetch(&instance->generation, 1, __ATOMIC_RELEASE);
    if (instance->context)
        __atomic_store_n(&instance->context->generation, generation, __ATOMIC_RELEASE);
}

void alka_instance_drop(struct alka_instance *instance) {
    if (instance->is_dropped)
        return;
    instance->is_dropped = true;
    alka_instance_disown(instance);
    instance->state = ALKA_INSTANCE_STOPPED;
    if (instance->holders == 0)
        instance_dispose(instance);
}
