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
#define ALKA_EXNREF ALKA_REF(ALKA_HEAP_EXN, true)

/*
 * The word of an i31 reference: bit 62, and the 31 bits. That is no canonical address, so no
 * pointer is one; since extern.convert_any hands the word on as it is, references of the host that
 * are no pointers must leave bits 63 and 62 clear.
 */
#define ALKA_I31_TAG_BIT 62
static inline uint64_t alka_i31_word(uint32_t value) {
    return (value & 0x7FFFFFFFu) | UINT64_C(1) << ALKA_I31_TAG_BIT;
}

static inline bool alka_word_is_i31(uint64_t word) { return word >> ALKA_I31_TAG_BIT == 1; }

static inline enum alka_kind alka_valtype_kind(alka_valtype type) {
    return (enum alka_kind)(type & 0xFF);
}
static inline bool alka_valtype_is_ref(alka_valtype type) {
    return alka_valtype_kind(type) == ALKA_KIND_REF;
}
static inline bool alka_valtype_is_nullable(alka_valtype type) { return (type & 0x100) != 0; }
static inline uint32_t alka_valtype_heap(alka_valtype type) { return type >> 9; }
/* A reference to a defined type. */
static inline bool alka_valtype_is_defined(alka_valtype type) {
    return alka_valtype_is_ref(type) && alka_valtype_heap(type) < ALKA_HEAP_FUNC;
}
/* Locals of other types have no value before they are set. */
static inline bool alka_valtype_has_default(alka_valtype type) {
    return (type & 0x1FF) != ALKA_KIND_REF;
}
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

/* A field of a struct, or the elements of an array; a packed one has type i32 when it is read. */
struct alka_field {
    alka_valtype type;
    uint8_t packed_bits; /* 8, 16; 0: not packed */
    bool is_mutable;
};

enum alka_type_form { ALKA_TYPE_FUNC, ALKA_TYPE_STRUCT, ALKA_TYPE_ARRAY };

/* What subtyping asks of a defined type. */
struct alka_type_node {
    uint32_t supertype; /* index of the same space; UINT32_MAX if there is none */
    enum alka_type_form form;
};
/* Defined types by index: those of a module, or the canonical ones of a linker. */
struct alka_type_space {
    const void *self;
    struct alka_type_node (*at)(const void *self, uint32_t index);
};

/* Chains of supertypes are no longer than this. */
#define ALKA_SUPERTYPES_MOST 63u

/* May a value of `type` stand where `super` is expected (specification 3.3)? BOTTOM always may. */
bool alka_type_matches(const struct alka_type_space *space, alka_valtype type, alka_valtype super);
bool alka_heap_matches(const struct alka_type_space *space, uint32_t heap, uint32_t super);
/* Of defined types; equal ones match. */
bool alka_type_extends(const struct alka_type_space *space, uint32_t index, uint32_t super);

struct alka_range {
    uint64_t min, max; /* pages or entries; max is UINT64_MAX if there is none */
    bool has_max, shared, is_64;
};

#endif
