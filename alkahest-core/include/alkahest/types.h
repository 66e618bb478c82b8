/*
 * Value types as 32-bit words that compare with ==, function types, and the limits of tables and
 * memories (specification 2.3).
 */
#ifndef ALKAHEST_TYPES_H
#define ALKAHEST_TYPES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Bits 0–7: kind. For references bit 8: nullable; bits 9–31: heap type, a type index or one of the
 * abstract heap types. BOTTOM is the type of what an unreachable stack yields (appendix A.3).
 */
typedef uint32_t alka_valtype;

enum alka_kind {
    ALKA_KIND_BOTTOM,
    ALKA_KIND_I32,
    ALKA_KIND_I64,
    ALKA_KIND_F32,
    ALKA_KIND_F64,
    ALKA_KIND_V128,
    ALKA_KIND_REF
};

#define ALKA_BOTTOM ((alka_valtype)ALKA_KIND_BOTTOM)
#define ALKA_I32 ((alka_valtype)ALKA_KIND_I32)
#define ALKA_I64 ((alka_valtype)ALKA_KIND_I64)
#define ALKA_F32 ((alka_valtype)ALKA_KIND_F32)
#define ALKA_F64 ((alka_valtype)ALKA_KIND_F64)
#define ALKA_V128 ((alka_valtype)ALKA_KIND_V128)

/* Abstract heap types sit above every type index. */
enum alka_heap {
    ALKA_HEAP_FUNC = 0x7FFF00,
    ALKA_HEAP_EXTERN,
    ALKA_HEAP_ANY,
    ALKA_HEAP_EQ,
    ALKA_HEAP_I31,
    ALKA_HEAP_STRUCT,
    ALKA_HEAP_ARRAY,
    ALKA_HEAP_EXN,
    ALKA_HEAP_NONE,
    ALKA_HEAP_NOFUNC,
    ALKA_HEAP_NOEXTERN,
    ALKA_HEAP_NOEXN,
};

#define ALKA_REF(heap, nullable)                                               \
    ((alka_valtype)ALKA_KIND_REF | ((alka_valtype)((nullable) ? 1 : 0) << 8) | \
     ((alka_valtype)(heap) << 9))
#define ALKA_FUNCREF ALKA_REF(ALKA_HEAP_FUNC, true)
#define ALKA_EXTERNREF ALKA_REF(ALKA_HEAP_EXTERN, true)

static inline enum alka_kind alka_valtype_kind(alka_valtype type) {
    return (enum alka_kind)(type & 0xFF);
}
static inline bool alka_valtype_is_ref(alka_valtype type) {
    return alka_valtype_kind(type) == ALKA_KIND_REF;
}
static inline bool alka_valtype_is_nullable(alka_valtype type) { return (type & 0x100) != 0; }
static inline uint32_t alka_valtype_heap(alka_valtype type) { return type >> 9; }
/* References to functions, of whatever type. */
static inline bool alka_valtype_is_funcref(alka_valtype type) {
    uint32_t heap = alka_valtype_heap(type);
    return alka_valtype_is_ref(type) && (heap <= ALKA_HEAP_FUNC || heap == ALKA_HEAP_NOFUNC);
}
/* Lives in a vector register: f32, f64, v128. */
static inline bool alka_valtype_is_vector(alka_valtype type) {
    return alka_valtype_kind(type) >= ALKA_KIND_F32 && alka_valtype_kind(type) <= ALKA_KIND_V128;
}

struct alka_functype {
    const alka_valtype *params;
    const alka_valtype *results;
    uint32_t param_count, result_count;
};

struct alka_range {
    uint64_t min, max; /* pages or entries; max is UINT64_MAX if there is none */
    bool has_max, shared, is_64;
};

#endif
