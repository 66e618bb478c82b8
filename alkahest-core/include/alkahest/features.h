/* Feature sets: which proposals a module may use. A release of the standard is a set of features.
 */
#ifndef ALKAHEST_FEATURES_H
#define ALKAHEST_FEATURES_H

#include <stdint.h>

/* FEATURE(id, flag name, release of the standard that brought it: 1, 2, 3, or 0 for proposals,
 * built: 0 or 1) */
#define ALKA_FEATURES(FEATURE)                                \
    FEATURE(MVP, "mvp", 1, 1)                                 \
    FEATURE(MUTABLE_GLOBALS, "mutable-globals", 1, 1)         \
    FEATURE(SIGN_EXT, "sign-extension", 2, 1)                 \
    FEATURE(SAT_TRUNC, "saturating-float-to-int", 2, 1)       \
    FEATURE(MULTI_VALUE, "multi-value", 2, 1)                 \
    FEATURE(BULK_MEMORY, "bulk-memory", 2, 1)                 \
    FEATURE(REFERENCE_TYPES, "reference-types", 2, 1)         \
    FEATURE(SIMD, "simd", 2, 1)                               \
    FEATURE(TAIL_CALL, "tail-call", 3, 1)                     \
    FEATURE(EXTENDED_CONST, "extended-const", 3, 1)           \
    FEATURE(MULTI_MEMORY, "multi-memory", 3, 1)               \
    FEATURE(MEMORY64, "memory64", 3, 1)                       \
    FEATURE(EXCEPTIONS, "exceptions", 3, 1)                   \
    FEATURE(FUNCTION_REFERENCES, "function-references", 3, 1) \
    FEATURE(RELAXED_SIMD, "relaxed-simd", 3, 1)               \
    FEATURE(GC, "gc", 3, 1)                                   \
    FEATURE(THREADS, "threads", 0, 1)                         \
    FEATURE(LEGACY_EXCEPTIONS, "legacy-exceptions", 0, 1)

enum alka_feature {
#define ALKA_FEATURE_ID(id, name, release, built) ALKA_FEATURE_##id,
    ALKA_FEATURES(ALKA_FEATURE_ID)
#undef ALKA_FEATURE_ID
        ALKA_FEATURE_COUNT
};

typedef uint32_t alka_feature_set; /* bit n: enum alka_feature n */

#define ALKA_FEATURE_BIT(id) (UINT32_C(1) << ALKA_FEATURE_##id)

/* Not a feature but a permission in the same word: validate modules that use allowed features whose
 * code generation is not built. Such a module must not be given to the code generator. */
#define ALKA_FEATURES_UNBUILT_TOO (UINT32_C(1) << 31)

/* The features of the standard up to a release. */
enum alka_feature_sets {
#define ALKA_FEATURE_RELEASE_1(id, name, release, built) \
    | ((release) == 1 ? ALKA_FEATURE_BIT(id) : 0)
#define ALKA_FEATURE_RELEASE_2(id, name, release, built) \
    | ((release) == 1 || (release) == 2 ? ALKA_FEATURE_BIT(id) : 0)
#define ALKA_FEATURE_RELEASE_3(id, name, release, built) \
    | ((release) != 0 ? ALKA_FEATURE_BIT(id) : 0)
#define ALKA_FEATURE_ANY(id, name, release, built) | ALKA_FEATURE_BIT(id)
#define ALKA_FEATURE_BUILT(id, name, release, built) | ((built) ? ALKA_FEATURE_BIT(id) : 0)
    ALKA_FEATURES_WASM1 = 0 ALKA_FEATURES(ALKA_FEATURE_RELEASE_1),
    ALKA_FEATURES_WASM2 = 0 ALKA_FEATURES(ALKA_FEATURE_RELEASE_2),
    ALKA_FEATURES_WASM3 = 0 ALKA_FEATURES(ALKA_FEATURE_RELEASE_3),
    ALKA_FEATURES_ALL = 0 ALKA_FEATURES(ALKA_FEATURE_ANY),
    ALKA_FEATURES_BUILT = 0 ALKA_FEATURES(ALKA_FEATURE_BUILT)
#undef ALKA_FEATURE_RELEASE_1
#undef ALKA_FEATURE_RELEASE_2
#undef ALKA_FEATURE_RELEASE_3
#undef ALKA_FEATURE_ANY
#undef ALKA_FEATURE_BUILT
};

#endif
