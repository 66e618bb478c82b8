/*
 * Services about modules that are loaded at run time. In: numbers and ranges from module code. Out:
 * what modules/loader.h says of them. Everything in the caller's memory is read before the kernel
 * waits; after ALKA_E_INTERRUPTED nothing of it is touched.
 */
#include "services/modules.h"
#include "modules/loader.h"
#include "modules/modules.h"
#include "services/argument.h"

#define MODULES_CAPABILITIES_BYTES 1024u /* all names there are, and some */

/* As sdk/include/athanor.h declares them. */
struct modules_terms {
    uint32_t bytes, size;
    uint32_t name, name_bytes;
    uint32_t capabilities, capabilities_bytes;
    uint32_t grants, grant_count;
    uint32_t memory_pages, handles, flags, reserved;
};
struct modules_grant {
    uint64_t handle;
    uint32_t rights, name_bytes;
    char name[BUNDLE_NAME_BYTES_MAX];
};
_Static_assert(BUNDLE_NAME_BYTES_MAX <= NAMES_BYTES_MAX, "objects have names of modules");

/* --- Reading the terms. --- */

/* Copies of what lies in the caller's memory, for as long as that is looked at. */
struct modules_asked {
    struct modules_terms terms;
    char name[BUNDLE_NAME_BYTES_MAX];
    struct holder_passed grants[LOADER_GRANTS_MAX];
};

static alka_status modules_capability(const char *word, uint32_t bytes, uint64_t *out_bit) {
    for (uint32_t bit = 0; bit < BUNDLE_CAP_COUNT; bit++) {
        const char *name = bundle_capability_name(bit);
        if (strlen(name) == bytes && memcmp(name, word, bytes) == 0) {
            *out_bit = UINT64_C(1) << bit;
            return ALKA_OK;
        }
    }
    return ALKA_E_NO_SUCH_NAME;
}

/* Names with spaces between them. */
static alka_status modules_capabilities(const char *text, uint32_t bytes, uint64_t *out_bits) {
    *out_bits = 0;
    for (uint32_t at = 0; at < bytes;) {
        uint32_t end = at;
        while (end < bytes && text[end] != ' ') {
            end++;
        }
        uint64_t bit = 0;
        if (end > at) {
            ALKA_TRY(modules_capability(text + at, end - at, &bit));
        }
        *out_bits |= bit;
        at = end + 1;
    }
    return ALKA_OK;
}

static alka_status modules_read_capabilities(struct alka_context *caller,
                                             const struct modules_terms *terms,
                                             uint64_t *out_bits) {
    char text[MODULES_CAPABILITIES_BYTES];
    const void *range = service_range(caller, terms->capabilities, terms->capabilities_bytes);
    if (range == NULL) {
        return ALKA_E_INTERRUPTED;
    }
    if (terms->capabilities_bytes > sizeof text) {
        return ALKA_E_SERVICE_ARGUMENT;
    }
    memcpy(text, range, terms->capabilities_bytes);
    return modules_capabilities(text, terms->capabilities_bytes, out_bits);
}

static alka_status modules_read_grants(struct alka_context *caller,
                                       const struct modules_terms *terms,
                                       struct holder_passed *out) {
    if (terms->grant_count > LOADER_GRANTS_MAX) {
        return ALKA_E_SERVICE_ARGUMENT;
    }
    const uint8_t *range = service_range(
        caller, terms->grants, terms->grant_count * (uint32_t)sizeof(struct modules_grant));
    if (range == NULL) {
        return ALKA_E_INTERRUPTED;
    }
    for (uint32_t i = 0; i < terms->grant_count; i++) {
        struct modules_grant grant;
        memcpy(&grant, range + i * sizeof grant, sizeof grant);
        if (!bundle_is_name((struct bundle_text){grant.name, grant.name_bytes}) ||
            grant.handle == CAP_NO_HANDLE || grant.rights == 0 ||
            (grant.rights & ~(uint32_t)CAP_ALL_RIGHTS) != 0) {
            return ALKA_E_SERVICE_ARGUMENT;
        }
        out[i] = (struct holder_passed){.handle = grant.handle, .rights = grant.rights};
        memcpy(out[i].name, grant.name, grant.name_bytes);
    }
    return ALKA_OK;
}

/* ALKA_E_INTERRUPTED: the caller traps. The module's bytes stay in its memory until they are copied
 * once, by the loader. */
static alka_status modules_read(struct alka_context *caller, struct modules_asked *asked,
                                struct loader_terms *out) {
    const struct modules_terms *terms = &asked->terms;
    const uint8_t *bytes = service_range(caller, terms->bytes, terms->size);
    const void *name = bytes == NULL ? NULL : service_range(caller, terms->name, terms->name_bytes);
    if (name == NULL) {
        return ALKA_E_INTERRUPTED;
    }
    if (terms->name_bytes > sizeof asked->name || terms->reserved != 0) {
        return ALKA_E_SERVICE_ARGUMENT;
    }
    memcpy(asked->name, name, terms->name_bytes);
    *out = (struct loader_terms){
        .bytes = {bytes, terms->size},
        .name = {asked->name, terms->name_bytes},
        .grants = asked->grants,
        .grant_count = terms->grant_count,
        .memory_pages = terms->memory_pages,
        .handles = terms->handles,
        .flags = terms->flags,
    };
    ALKA_TRY(modules_read_capabilities(caller, terms, &out->capabilities));
    return modules_read_grants(caller, terms, asked->grants);
}

/* --- The services. --- */

uint32_t service_module_load(uint32_t terms, uint32_t out, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_module_load, terms);
    struct modules_asked asked;
    struct loader_terms wanted;
    uint64_t handle;
    const void *range = service_range(caller, terms, sizeof asked.terms);
    if (range == NULL || service_range(caller, out, sizeof handle) == NULL) {
        return 0;
    }
    memcpy(&asked.terms, range, sizeof asked.terms);
    alka_status status = modules_read(caller, &asked, &wanted);
    if (status == ALKA_OK) {
        status = loader_load(holder_of(caller), &wanted, &handle);
    }
    if (status == ALKA_OK && !service_is_over()) {
        void *into = service_range(caller, out, sizeof handle); /* it may have become smaller */
        if (into != NULL) {
            service_put_handle(into, handle);
        }
    }
    return (uint32_t)status;
}

uint32_t service_module_start(uint64_t handle, uint32_t name, uint32_t bytes,
                              struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_module_start, handle);
    const void *text = service_range(caller, name, bytes);
    if (text == NULL) {
        return 0;
    }
    return (uint32_t)loader_start(holder_of(caller), handle, (struct alka_span){text, bytes});
}

uint32_t service_module_state(uint64_t handle, uint32_t out, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_module_state, handle);
    struct loader_state state;
    void *range = service_range(caller, out, sizeof state);
    if (range == NULL) {
        return 0;
    }
    alka_status status = loader_look(holder_of(caller), handle, &state);
    if (status == ALKA_OK) {
        memcpy(range, &state, sizeof state);
    }
    return (uint32_t)status;
}

uint32_t service_module_unload(uint64_t handle, struct alka_context *caller) {
    service_trace(caller, BUNDLE_CAP_module_unload, handle);
    return (uint32_t)loader_unload(holder_of(caller), handle);
}
