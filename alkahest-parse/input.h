/*
 * What the decoder and the validator share: a cursor over hostile bytes with the place where a
 * failure is recorded, and the readers of things that occur in sections as well as in bodies. All
 * readers leave the cursor behind what they read; a failure names the byte that cannot be.
 */
#ifndef PARSE_INPUT_H
#define PARSE_INPUT_H

#include <alkahest/arena.h>
#include <alkahest/diag.h>
#include <alkahest/module.h>
#include <alkahest/ops.h>
#include <stdbool.h>

#define IN_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define IN_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define IN_COLD __attribute__((cold, noinline))

struct input {
    const uint8_t *cursor, *end; /* of the section or body being read */
    const uint8_t *base;         /* byte 0 of the module */
    struct alka_module *module;
    struct alka_arena *arena;
    struct alka_diag *diag;
    alka_feature_set usable; /* allowed, known to the validator, and built unless that is waived */
    uint32_t section_id, func_idx, op; /* for diagnostics; ALKA_DIAG_NONE */
};

void in_init(struct input *in, struct alka_module *module, struct alka_arena *arena,
             struct alka_diag *diag);

static inline uint32_t in_off(const struct input *in, const uint8_t *at) {
    return (uint32_t)(at - in->base);
}

/* Records the failure and returns `code`. */
IN_COLD alka_status in_fail(const struct input *in, alka_status code, const uint8_t *at,
                            uint64_t arg0, uint64_t arg1);

/* Marks a feature as used; fails at `at` when it may not be. */
ALKA_MUST_CHECK alka_status in_use(struct input *in, enum alka_feature feature, const uint8_t *at);
/*
 * The same for a way of writing sections that a feature brought, and that the code generator never
 * sees: it needs to be allowed, not built.
 */
ALKA_MUST_CHECK alka_status in_use_form(struct input *in, enum alka_feature feature,
                                        const uint8_t *at);
/* The same, for what has an official message, `code`, when the feature is not allowed. */
ALKA_MUST_CHECK alka_status in_use_or(struct input *in, enum alka_feature feature, alka_status code,
                                      const uint8_t *at);
static inline bool in_may_use(const struct input *in, enum alka_feature feature) {
    return (in->usable >> feature & 1) != 0;
}

/* Arena allocations, zeroed and as they are; failures are recorded. */
ALKA_MUST_CHECK alka_status in_take(struct input *in, size_t count, size_t element_bytes,
                                    void *out_pointer /* T ** */);
ALKA_MUST_CHECK alka_status in_alloc(struct input *in, size_t count, size_t element_bytes,
                                     void *out_pointer /* T ** */);

ALKA_MUST_CHECK alka_status in_byte(struct input *in, uint8_t *out_byte);
ALKA_MUST_CHECK alka_status in_skip(struct input *in, uint32_t bytes);
ALKA_MUST_CHECK alka_status in_unsigned(struct input *in, uint32_t bits, uint64_t *out_value);
ALKA_MUST_CHECK alka_status in_signed(struct input *in, uint32_t bits, int64_t *out_value);
ALKA_MUST_CHECK alka_status in_u32_long(struct input *in, uint32_t *out_value);

ALKA_MUST_CHECK static inline alka_status in_u32(struct input *in, uint32_t *out_value) {
    if (IN_LIKELY(in->cursor < in->end && *in->cursor < 0x80)) {
        *out_value = *in->cursor++;
        return ALKA_OK;
    }
    return in_u32_long(in, out_value);
}

/* A length of bytes that must all be there. */
ALKA_MUST_CHECK alka_status in_length(struct input *in, uint32_t *out_bytes);
/* The number of elements of a vector, at most `limit`, else `limit_code`. */
ALKA_MUST_CHECK alka_status in_count(struct input *in, uint32_t limit, alka_status limit_code,
                                     uint32_t *out_count);
/* No more than this many elements of at least `element_bytes` can follow: what to allocate for a
 * count that may lie. */
uint32_t in_room(const struct input *in, uint32_t count, uint32_t element_bytes);

/* An opcode: a byte, or a prefix and a number. ALKA_OP_* of a feature that may be used. */
ALKA_MUST_CHECK alka_status in_opcode(struct input *in, uint32_t *out_op);

/* Value, reference and heap types (5.3.1–5.3.4). */
ALKA_MUST_CHECK alka_status in_valtype(struct input *in, alka_valtype *out_type);
ALKA_MUST_CHECK alka_status in_reftype(struct input *in, alka_valtype *out_type);
ALKA_MUST_CHECK alka_status in_heaptype(struct input *in, uint32_t *out_heap);
/* The index of a type definition of that form; what the index names is canonical (module.h).
 * ALKA_E_UNKNOWN_TYPE, ALKA_E_TYPE_WRONG_FORM at `at`. */
ALKA_MUST_CHECK alka_status in_type_of_form(struct input *in, const uint8_t *at,
                                            enum alka_type_form form, uint32_t *out_type_idx);
ALKA_MUST_CHECK alka_status in_function_type(struct input *in, const uint8_t *at,
                                             uint32_t *out_type_idx);
ALKA_MUST_CHECK alka_status in_mutability(struct input *in, bool *out_is_mutable);
ALKA_MUST_CHECK alka_status in_zero_byte(struct input *in);
/* Whether `byte` begins a value type. */
bool in_starts_valtype(uint8_t byte);

/* Which types may stand where others are expected (3.3). */
bool in_subtype(const struct alka_module *module, alka_valtype type, alka_valtype super);

#endif
