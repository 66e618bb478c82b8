/*
 * Modules of the kernel's own, through the same session as everybody's. In: bytes. Out: an instance
 * that is in no list of modules.
 */
#include "modules/builtin.h"
#include "modules/modules.h"
#include <alkahest/session.h>
#include <string.h>

alka_status builtin_load(struct alka_span bytes, const char *name, const struct alka_vtable *vtable,
                         uint64_t user, struct alka_instance **out_instance) {
    const struct alka_instance_options instance_options = {
        .name = {(const uint8_t *)name, strlen(name)}, .user = user};
    const struct alka_session_options options = {
        .features = ALKA_FEATURES_BUILT,
        .limits = &alka_limits_default,
        .codegen = {.memory_model = ALKA_MEMORY_GUARD},
        .name = instance_options.name,
    };
    struct alka_session session;
    alka_session_open(&session, &modules_registry, &options, bytes);
    alka_status status = alka_session_validate(&session);
    if (status == ALKA_OK) {
        status = alka_session_compile(&session);
    }
    if (status == ALKA_OK) {
        status = alka_session_link(&session, vtable, &instance_options);
    }
    if (status == ALKA_OK) {
        *out_instance = alka_session_take(&session);
    }
    alka_session_drop(&session);
    return status;
}

enum alka_trap builtin_call(const struct alka_instance *instance, const char *name,
                            uint64_t value) {
    struct alka_extern found;
    const struct alka_span text = {(const uint8_t *)name, strlen(name)};
    if (!alka_instance_export(instance, text, &found)) {
        return ALKA_TRAP_CALLEE_GONE;
    }
    return alka_call(alka_thread_here(), found.func, alka_func_type(found.func), &value);
}
