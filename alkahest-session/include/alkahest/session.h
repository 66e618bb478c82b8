/*
 * The session: the factory that runs the pipeline for one module, and is gone when the module is
 * Ready. It may be dropped in any state, and gives everything back that was not taken.
 *
 *     struct alka_session session;
 *     alka_session_open(&session, registry, &options, bytes);
 *     status = alka_session_run(&session, vtable, &instance_options);   the four steps in one
 *     if (status == ALKA_OK) instance = alka_session_take(&session);
 *     else                   ... session.diag ...
 *     alka_session_drop(&session);
 *
 * Or step by step, for those who measure, write the code to a file, or make no instance:
 *     alka_session_validate, alka_session_compile (or alka_session_load), alka_session_link,
 *     then alka_session_take_image.
 */
#ifndef ALKAHEST_SESSION_H
#define ALKAHEST_SESSION_H

#include <alkahest/blob.h>
#include <alkahest/codegen.h>
#include <alkahest/instance.h>
#include <alkahest/registry.h>

enum alka_session_state {
    ALKA_SESSION_OPEN, /* nothing done yet */
    ALKA_SESSION_VALIDATING,
    ALKA_SESSION_COMPILING,
    ALKA_SESSION_LINKING,
    ALKA_SESSION_READY,
    ALKA_SESSION_FAILED,
};

struct alka_session_options {
    alka_feature_set features;
    const struct alka_limits *limits; /* borrowed as long as the image; NULL: alka_limits_default */
    struct alka_codegen_options codegen;
    struct alka_span name; /* for log lines and the instance; borrowed; may be empty */
    /* Called after each function, for progress bars; NULL: nobody asks. */
    void (*progress)(void *self, uint32_t done, uint32_t total);
    void *progress_self;
};

struct alka_session {
    enum alka_session_state state;
    struct alka_diag diag; /* state FAILED: why */
    struct alka_registry *registry;
    const struct alka_crucible *crucible;
    struct alka_session_options options;
    struct alka_span bytes;

    /* From the steps; read them after the step that fills them. */
    struct alka_module module; /* validate */
    struct alka_layout layout;
    struct alka_code code;   /* compile, load: not linked, text where it will run */
    size_t peak_arena_bytes; /* of both arenas together */
    uint32_t native_code_bytes;

    /* Private. */
    struct alka_arena tables, scratch;
    struct alka_codegen *codegen;
    void *text;
    size_t text_reserve_bytes, text_committed_bytes, text_used_bytes;
    uint32_t *type_ids;
    uint32_t type_ids_held;
    uint32_t thunks_off;
    struct alka_image *image;
    struct alka_instance *instance;
};

/* `bytes` are borrowed by the session and by the image that it makes. */
void alka_session_open(struct alka_session *session, struct alka_registry *registry,
                       const struct alka_session_options *options, struct alka_span bytes);

/*
 * Each step needs the state that the one before left (else ALKA_E_SESSION_STATE); on failure the
 * session is FAILED, session->diag says why and went to the Crucible's sink.
 */
/* Everything but the bodies. */
ALKA_MUST_CHECK alka_status alka_session_validate(struct alka_session *session);
/* Each body: validated, then emitted, while its bytes are in cache. */
ALKA_MUST_CHECK alka_status alka_session_compile(struct alka_session *session);
/*
 * Instead of compiling: the code of an .alk file, whose module (blob->module_bytes) the session was
 * opened with, with features blob->features_allowed. options.codegen.cpu says what the processor
 * offers. Everything is copied. The machine code is not looked at: the file must be trusted.
 * ALKA_E_BLOB_MODULE, ALKA_E_BLOB_TABLE, ALKA_E_BLOB_CPU, ALKA_E_OUT_OF_MEMORY.
 */
ALKA_MUST_CHECK alka_status alka_session_load(struct alka_session *session,
                                              const struct alka_blob *blob);
/* Patches and seals the code: the image. READY with vtable NULL; else also makes the instance. */
ALKA_MUST_CHECK alka_status alka_session_link(struct alka_session *session,
                                              const struct alka_vtable *vtable,
                                              const struct alka_instance_options *options);

ALKA_MUST_CHECK alka_status alka_session_run(struct alka_session *session,
                                             const struct alka_vtable *vtable,
                                             const struct alka_instance_options *options);

/* State READY. The instance (NULL if none was made); its start function has not run. */
struct alka_instance *alka_session_take(struct alka_session *session);
/* State READY. The image, with a reference of the taker's own. */
struct alka_image *alka_session_take_image(struct alka_session *session);

void alka_session_drop(struct alka_session *session);

#endif
